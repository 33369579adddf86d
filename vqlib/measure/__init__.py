"""The numbers."""

from vqlib.measure.frechet import (
    FeatureExtractor,
    ImageStatistics,
    compare_statistics,
    frechet,
)
from vqlib.measure.gaussian import GaussianStatistics, frechet_distance
from vqlib.measure.inception import InceptionFeatures
from vqlib.measure.likelihood import Likelihood, measure_likelihood
from vqlib.measure.memorization import Nearest, memorization, nearest_images
from vqlib.measure.offline import OfflineFeatures
from vqlib.measure.protocol import FrechetProtocol, FrechetResult
from vqlib.measure.rate import bits_per_image, compression_ratio, entropy_bits_per_image
from vqlib.measure.reconstruction import measure_codec, psnr, ssim
from vqlib.measure.samples import SampleDistance, measure_samples

__all__ = [
    "FeatureExtractor",
    "FrechetProtocol",
    "FrechetResult",
    "GaussianStatistics",
    "ImageStatistics",
    "InceptionFeatures",
    "Likelihood",
    "Nearest",
    "OfflineFeatures",
    "SampleDistance",
    "bits_per_image",
    "compare_statistics",
    "compression_ratio",
    "entropy_bits_per_image",
    "frechet",
    "frechet_distance",
    "measure_codec",
    "measure_likelihood",
    "measure_samples",
    "memorization",
    "nearest_images",
    "psnr",
    "ssim",
]
