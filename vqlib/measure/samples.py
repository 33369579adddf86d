"""How far are samples from real pictures, and how far are real pictures from one another?"""

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vqlib.measure.batches import ImageSet
from vqlib.measure.frechet import (
    FeatureExtractor,
    ImageStatistics,
    compare_statistics,
    gathered,
)
from vqlib.measure.protocol import FrechetResult


@dataclass(frozen=True)
class SampleDistance:
    """A Fréchet distance of samples, beside what real pictures get."""

    distance: FrechetResult
    """Of the samples from the reference."""
    floor: FrechetResult | None
    """Of a part of the reference from its rest; None if it has fewer than 4 pictures."""
    beside: FrechetResult | None
    """Of as many samples from the same rest: to be compared with the floor."""


@dataclass(frozen=True)
class Rows:
    """Some of the images of a data set. Keeps the contract `ImageSet`."""

    images: ImageSet
    """All of them."""
    numbers: list[int]
    """Those that are taken."""

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[self.numbers[index]]


def measure_samples(
    samples: ImageSet,
    reference: ImageSet,
    extractor: FeatureExtractor,
    *,
    reference_name: str,
    batch_size: int = 64,
    device: str | torch.device = "cpu",
    progress: bool = True,
) -> SampleDistance:
    """Fréchet distance of samples from a reference, beside that of real pictures.

    The distance is biased: the fewer pictures, the larger it is, even between real ones. So it is
    also taken twice with equal numbers: as many real pictures as there are samples, at most half
    of them, against the other real ones; and as many samples against the same. Each picture goes
    through the network once.

    Args:
        samples: images in [-1, 1], all of one size, at least 2.
        reference: real images, likewise; of the same size unless the extractor resizes.
        extractor: gives the features.
        reference_name: what to call the reference set.
        batch_size: images at a time.
        device: where the extractor is.
        progress: show bars.

    Raises:
        ValueError: fewer than 2 images on a side, or as `vqlib.measure.frechet` says.
    """
    n, N = len(samples), len(reference)
    if min(n, N) < 2:
        raise ValueError(f"there are {n} samples and {N} real pictures; a distance needs 2 of each")
    options = {"batch_size": batch_size, "device": device, "progress": progress}
    m = min(n, N // 2)
    drawn = _halves(samples, m, extractor, label="samples", **options)
    real = _halves(reference, m, extractor, label="real pictures", **options)
    floor = beside = None
    if m > 1:
        name = f"the rest of {reference_name}"
        with warnings.catch_warnings():  # the distance itself warns of too few
            warnings.simplefilter("ignore")
            floor, beside = (
                compare_statistics(real[1], side, reference_name=name)
                for side in (real[0], drawn[0])
            )
    for part, rest in (drawn, real):
        part.merge(rest)
    distance = compare_statistics(real[0], drawn[0], reference_name=reference_name)
    return SampleDistance(distance, floor, beside)


def _halves(
    images: ImageSet, m: int, extractor: FeatureExtractor, **options: Any
) -> tuple[ImageStatistics, ImageStatistics]:
    """The statistics of m images from all parts of a set, which may be sorted, and of the others.

    Args:
        images: at least m.
        m: how many.
        extractor: gives the features.
        **options: as in `gathered`.
    """
    N = len(images)
    chosen = [i * N // m for i in range(m)]
    rest = sorted(set(range(N)) - set(chosen))
    one, other = (gathered(Rows(images, part), extractor, **options) for part in (chosen, rest))
    return one, other
