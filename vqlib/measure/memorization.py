"""Are samples copies of training images? Look for the nearest one of each.

Source: Esser et al., *Taming Transformers*, appendix: nearest neighbours of samples among the
training images by LPIPS. A distance alone says little, since similar scenes are near each other
anyway; `memorization` therefore asks how near held-out images come, which nobody has copied.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vqlib.measure.batches import ImageSet, ImageSource, image_batches

Distance = Callable[[Tensor, Tensor], Tensor]
# Samples compared with all training images in one pass; their features are held for that long.
AT_ONCE = 256


@runtime_checkable
class Embedding(Protocol):
    """A distance that is the squared Euclidean distance of points, as `FeatureDistance`'s is."""

    def embed(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B F"]:
        """The points of images in [-1, 1]."""
        ...


@dataclass(frozen=True)
class Nearest:
    """Of each image its nearest training image."""

    index: Int[Tensor, " N"]
    """Number of the training image, int64."""
    distance: Float[Tensor, " N"]
    """How far it is, float32."""


@torch.no_grad()
def nearest_images(
    samples: ImageSource,
    training: ImageSet,
    distance: Distance,
    *,
    batch_size: int = 64,
    device: str | torch.device = "cpu",
    progress: bool = True,
) -> Nearest:
    """The nearest training image of each sample.

    All pairs are compared, in blocks. Where the distance is one of points (`Embedding`), networks
    see each image once and not once per pair; images whose distances differ by less than rounding
    (10⁻⁵) may then be mistaken for each other. The distance reported is computed from the two
    images. The training images are read once for every 256 samples, whose points are held for that
    long: 8 GB for LPIPS of 256×256 pixels, 0.1 GB for the offline network of 64×64.

    Args:
        samples: images in [-1, 1]; where memory is short an iterable of smaller batches.
        training: a data set or a tensor (M, C, H, W), of images as large as the samples.
        distance: (x_hat, x) → one number per pair, such as `LPIPS()`; on `device`.
        batch_size: images that the distance is given at once.
        device: where the distance is.
        progress: show a bar.

    Returns:
        Numbers and distances on the CPU, in the order of the samples.

    Raises:
        ValueError: no images on a side, or images of different shapes.
    """
    found = []
    for group in image_batches(samples, AT_ONCE, label="samples", progress=False):
        _check_shapes(group, training)
        for x_hat in group.to(device).split(AT_ONCE):
            index = _search(x_hat, training, distance, batch_size, progress)
            found.append(Nearest(index, _paired(x_hat, training, index, distance, batch_size)))
    if not found:
        raise ValueError("there are no samples; at least one is needed")
    return Nearest(torch.cat([n.index for n in found]), torch.cat([n.distance for n in found]))


def memorization(
    samples: ImageSource,
    training: ImageSet,
    held_out: ImageSource,
    distance: Distance,
    *,
    quantile: float = 0.05,
    batch_size: int = 64,
    device: str | torch.device = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Do samples come nearer to training images than new real images do?

    Args:
        samples: what a model has drawn, in [-1, 1].
        training: what it has learned from.
        held_out: real images of the same kind that are not in `training`, one by one.
        distance: as in `nearest_images`.
        quantile: which share of the held-out images counts as unusually near.
        batch_size: as in `nearest_images`.
        device: as in `nearest_images`.
        progress: show a bar.

    Returns:
        `distance`, its name; `num_samples`, `num_training` and `num_held_out`; the medians
        `median_samples` and `median_held_out` of the distances to the nearest training image;
        `near`, below which the share `quantile` of the held-out images lies; and `share_near`, the
        share of the samples below it. A model that draws new pictures as the world does has about
        `quantile` there; much more means copies.

    Raises:
        ValueError: fewer than 1 / quantile held-out images, or what `nearest_images` refuses.
    """
    if not 0 < quantile < 1:
        raise ValueError(f"quantile is {quantile}; it must be in (0, 1)")
    options = {"batch_size": batch_size, "device": device, "progress": progress}
    reference = nearest_images(held_out, training, distance, **options).distance
    if len(reference) < round(1 / quantile):
        raise ValueError(
            f"{len(reference)} held-out images do not tell where {quantile:.3g} of them lie; "
            f"use {round(1 / quantile)} or more"
        )
    found = nearest_images(samples, training, distance, **options).distance
    near = reference.quantile(quantile)
    return {
        "distance": getattr(distance, "name", "perceptual distance"),
        "num_samples": len(found),
        "num_training": len(training),
        "num_held_out": len(reference),
        "median_samples": found.median().item(),
        "median_held_out": reference.median().item(),
        "near": near.item(),
        "share_near": (found < near).float().mean().item(),
    }


def _check_shapes(samples: Float[Tensor, "N C H W"], training: ImageSet) -> None:
    if len(training) == 0:
        raise ValueError("there are no training images; at least one is needed")
    shape, theirs = tuple(samples.shape[1:]), tuple(training[0].shape)
    if shape != theirs:
        raise ValueError(
            f"samples have the shape {shape}, training images {theirs}: bring them to one first"
        )


def _search(
    samples: Float[Tensor, "n C H W"],
    training: ImageSet,
    distance: Distance,
    batch_size: int,
    progress: bool,
) -> Int[Tensor, " n"]:
    """Numbers of the nearest training images, in one pass over these."""
    by_points = isinstance(distance, Embedding)
    parts = samples.split(batch_size)
    compare = _by_points(parts, distance) if by_points else _by_pairs(samples, distance)
    best = torch.full((len(samples),), torch.inf, device=samples.device)
    index = torch.zeros(len(samples), dtype=torch.int64, device=samples.device)
    first = 0
    for x in image_batches(training, batch_size, label="training images", progress=progress):
        d, column = compare(x.to(samples.device)).min(1)
        nearer = d < best
        best, index = torch.where(nearer, d, best), torch.where(nearer, first + column, index)
        first += len(x)
    return index.cpu()


def _by_points(parts: Sequence[Tensor], distance: Embedding) -> Callable[[Tensor], Tensor]:
    """(b, C, H, W) → (n, b): the distances but for ‖p‖², which is the same along a row."""
    p = torch.cat([distance.embed(part) for part in parts])

    def compare(x: Tensor) -> Tensor:
        q = distance.embed(x)
        return q.square().sum(1) - 2 * p @ q.T

    return compare


def _by_pairs(samples: Float[Tensor, "n C H W"], distance: Distance) -> Callable[[Tensor], Tensor]:
    """(b, C, H, W) → (n, b), sample by sample."""
    return lambda x: torch.stack([distance(one.expand_as(x), x).float() for one in samples])


def _paired(
    samples: Float[Tensor, "n C H W"],
    training: ImageSet,
    index: Int[Tensor, " n"],
    distance: Distance,
    batch_size: int,
) -> Float[Tensor, " n"]:
    """The distance of each sample from one training image."""
    parts = []
    for x_hat, numbers in zip(samples.split(batch_size), index.split(batch_size), strict=True):
        x = torch.stack([training[i] for i in numbers.tolist()]).to(samples.device)
        parts.append(distance(x_hat, x).float().cpu())
    return torch.cat(parts)
