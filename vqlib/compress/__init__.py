"""Stage 1: images to tokens and back."""

from vqlib.compress.autoencoder import AutoencoderConfig, Decoder, Encoder
from vqlib.compress.discriminator import PatchDiscriminator
from vqlib.compress.ema import EMACodes, EMAVectorQuantizer
from vqlib.compress.losses import (
    adaptive_weight,
    hinge_discriminator_loss,
    hinge_generator_loss,
    label_map_loss,
    nonsaturating_discriminator_loss,
    nonsaturating_generator_loss,
    reconstruction_loss,
    vqvae_loss,
)
from vqlib.compress.normalized import NormalizedCodes, NormalizedVectorQuantizer
from vqlib.compress.palette import ColorPalette, ColorPaletteConfig, fit_palette
from vqlib.compress.perceptual import LPIPS, FeatureDistance, FeatureNet
from vqlib.compress.quantize import (
    GradientCodes,
    Quantized,
    Quantizer,
    VectorQuantizer,
    code_counts,
    codebook_usage,
    nearest_code,
    perplexity,
    straight_through,
)
from vqlib.compress.revive import DeadCodeRestart, initialize_codes, kmeans
from vqlib.compress.vqgan_autoencoder import VQGANAutoencoderConfig, VQGANDecoder, VQGANEncoder
from vqlib.compress.vqvae import (
    VQVAE,
    LabelMapConfig,
    LabelMapVQVAE,
    VQVAEConfig,
    label_maps,
    vqgan,
    vqgan_f16,
    vqvae_cifar10,
    vqvae_digits,
    vqvae_photos,
)

__all__ = [
    "LPIPS",
    "VQVAE",
    "AutoencoderConfig",
    "ColorPalette",
    "ColorPaletteConfig",
    "DeadCodeRestart",
    "Decoder",
    "EMACodes",
    "EMAVectorQuantizer",
    "Encoder",
    "FeatureDistance",
    "FeatureNet",
    "GradientCodes",
    "LabelMapConfig",
    "LabelMapVQVAE",
    "NormalizedCodes",
    "NormalizedVectorQuantizer",
    "PatchDiscriminator",
    "Quantized",
    "Quantizer",
    "VQGANAutoencoderConfig",
    "VQGANDecoder",
    "VQGANEncoder",
    "VQVAEConfig",
    "VectorQuantizer",
    "adaptive_weight",
    "code_counts",
    "codebook_usage",
    "fit_palette",
    "hinge_discriminator_loss",
    "hinge_generator_loss",
    "initialize_codes",
    "kmeans",
    "label_map_loss",
    "label_maps",
    "nearest_code",
    "nonsaturating_discriminator_loss",
    "nonsaturating_generator_loss",
    "perplexity",
    "reconstruction_loss",
    "straight_through",
    "vqgan",
    "vqgan_f16",
    "vqvae_cifar10",
    "vqvae_digits",
    "vqvae_loss",
    "vqvae_photos",
]
