"""How far are generated images from real ones, as a set? The Fréchet distance of their features.

Source: Heusel et al. 2017, *GANs Trained by a Two Time-Scale Update Rule*, section 3 (FID).
"""

import hashlib
import warnings
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from vqlib.measure.batches import ImageSource, eight_bit, image_batches
from vqlib.measure.gaussian import GaussianStatistics, frechet_distance
from vqlib.measure.protocol import FrechetProtocol, FrechetResult


@runtime_checkable
class FeatureExtractor(Protocol):
    """A frozen network that turns images into features."""

    name: str
    """Human-readable and unmistakable."""
    digest: str
    """SHA-256 of its weights, in hexadecimal."""
    dim: int
    """F, the number of features."""
    image_size: int | None
    """Side in pixels to which the extractor itself resizes images; None: takes them as they come"""
    resize: str
    """How it does that, such as "bilinear, TensorFlow 1"; "none" where image_size is None."""

    def __call__(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B F"]:
        """Features of images in [-1, 1] with 1 or 3 channels."""
        ...


class ImageStatistics:
    """What a Fréchet distance needs to know about a set of images, gathered batch by batch.

    Args:
        extractor: gives the features.
    """

    def __init__(self, extractor: FeatureExtractor):
        self.extractor = extractor
        self.features = GaussianStatistics(extractor.dim)
        self.image_size: tuple[int, int] | None = None
        self._digests: list[bytes] = []

    @property
    def digest(self) -> str:
        """SHA-256 that tells this set of images from others, in whatever order they came."""
        return hashlib.sha256(b"".join(sorted(self._digests))).hexdigest()

    def merge(self, other: "ImageStatistics") -> None:
        """Add all that `other` has seen; raises `ValueError` on another extractor or size."""
        _check_extractors(self.extractor, other.extractor)
        if None not in (self.image_size, other.image_size) and self.image_size != other.image_size:
            raise ValueError(f"images are {self.image_size}, the others {other.image_size}")
        self.features.merge(other.features)
        self.image_size = self.image_size or other.image_size
        self._digests += other._digests

    @torch.no_grad()
    def update(self, images: Float[Tensor, "B C H W"]) -> None:
        """Add images in [-1, 1] that are on the extractor's device.

        Raises:
            ValueError: out of range, or sizes differ and the extractor does not resize.
        """
        side = self.extractor.image_size
        size = (images.shape[2], images.shape[3]) if side is None else (side, side)
        if self.image_size not in (None, size):
            raise ValueError(
                f"images are {size[0]}×{size[1]}, those before {self.image_size[0]}×"
                f"{self.image_size[1]}, and {self.extractor.name} takes them as they come: "
                "bring them to one size first"
            )
        pictures = eight_bit(images).cpu()
        self.features.update(self.extractor(images))
        self.image_size = size
        for picture in pictures:
            header = repr(tuple(picture.shape)).encode()
            pixels = picture.contiguous().numpy().tobytes()
            self._digests.append(hashlib.sha256(header + pixels).digest())


def frechet(
    reference: ImageSource | ImageStatistics,
    generated: ImageSource | ImageStatistics,
    extractor: FeatureExtractor,
    *,
    reference_name: str,
    batch_size: int = 64,
    device: str | torch.device = "cpu",
    progress: bool = True,
) -> FrechetResult:
    """Fréchet distance between the features of two sets of images.

    The estimate is biased: with fewer images it comes out larger, also between two samples of the
    same source, so only results of equal numbers can be compared. With no more images than features
    the covariances are singular, and this warns. Papers use 50,000 images for 2,048 features.

    Args:
        reference: real images in [-1, 1]: a data set of images (C, H, W), an iterable of batches
            (B, C, H, W), or the `ImageStatistics` of an earlier call, to save their computation.
        generated: the images to be measured, likewise.
        extractor: gives the features.
        reference_name: what to call the reference set, such as "CIFAR-10 training".
        batch_size: images per batch where the source does not come in batches.
        device: where the extractor is.
        progress: show a bar.

    Raises:
        ValueError: fewer than 2 images on a side, images of several sizes or out of range, or
            statistics from another extractor.
    """
    sides = []
    for source, label in ((reference, "reference images"), (generated, "generated images")):
        if isinstance(source, ImageStatistics):
            _check_extractors(source.extractor, extractor)
            sides.append(source)
            continue
        options = {"batch_size": batch_size, "device": device, "progress": progress}
        sides.append(gathered(source, extractor, label=label, **options))
    return compare_statistics(*sides, reference_name=reference_name)


def gathered(
    source: ImageSource,
    extractor: FeatureExtractor,
    *,
    label: str,
    batch_size: int = 64,
    device: str | torch.device = "cpu",
    progress: bool = True,
) -> ImageStatistics:
    """The statistics of images; `label` is what the bar says, the rest is as in `frechet`."""
    statistics = ImageStatistics(extractor)
    for images in image_batches(source, batch_size, label=label, progress=progress):
        statistics.update(images.to(device))
    return statistics


def compare_statistics(
    reference: ImageStatistics, generated: ImageStatistics, *, reference_name: str
) -> FrechetResult:
    """The last step of `frechet`, for statistics gathered elsewhere; the same errors."""
    extractor = reference.extractor
    counts = reference.features.count, generated.features.count
    if min(counts) < 2:
        raise ValueError(
            f"there are {counts[0]} reference and {counts[1]} generated images; "
            "a covariance needs at least 2, and a stable one many more than features"
        )
    _check_extractors(extractor, generated.extractor)
    if reference.image_size != generated.image_size:
        raise ValueError(
            f"reference images are {reference.image_size}, generated ones {generated.image_size} "
            f"(height, width), and {extractor.name} takes them as they come: resize one of them"
        )
    if min(counts) <= extractor.dim:
        warnings.warn(
            f"{min(counts)} images for {extractor.dim} features: the covariance is singular and "
            "the Fréchet distance strongly biased; use more images",
            stacklevel=2,
        )
    one, two = reference.features, generated.features
    distance = frechet_distance(one.mean, one.covariance, two.mean, two.covariance)
    protocol = FrechetProtocol(
        extractor=extractor.name,
        extractor_digest=extractor.digest,
        feature_dim=extractor.dim,
        image_size=reference.image_size,
        resize=extractor.resize,
        reference=reference_name,
        reference_digest=reference.digest,
        num_reference=counts[0],
        num_generated=counts[1],
    )
    return FrechetResult(distance, protocol)


def _check_extractors(one: FeatureExtractor, two: FeatureExtractor) -> None:
    if (one.name, one.digest) != (two.name, two.digest):
        raise ValueError(
            f"features come from {one.name} (weights {one.digest[:8]}…) and from {two.name} "
            f"(weights {two.digest[:8]}…): use one extractor for both sets of images"
        )
