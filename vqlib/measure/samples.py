"""How far are samples from real pictures, and how far are real pictures from one another?"""

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from vqlib.measure.batches import ImageSet
from vqlib.measure.frechet import FeatureExtractor, compare_statistics, gathered
from vqlib.measure.protocol import FrechetResult


@dataclass(frozen=True)
class SampleDistance:
    """A Fréchet distance of samples, beside what real pictures get."""

    distance: FrechetResult
    """Of the samples from the reference."""
    floor: FrechetResult | None
    """Of a part of the reference from its rest; None if it has fewer than 4 pictures."""


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
    """Fréchet distance of samples from a reference, and the floor under it.

    The distance is biased: the fewer pictures, the larger it is, even between real ones. The floor
    shows by how much, at the cost of nothing: as many real pictures as there are samples, at most
    half of them, are measured against the other real ones. Each picture is looked at once.

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
    generated = gathered(samples, extractor, label="samples", **options)
    m = min(n, N // 2)
    # From all parts of the set, which may be sorted by class.
    chosen = [i * N // m for i in range(m)]
    rest = sorted(set(range(N)) - set(chosen))
    sides = [
        gathered(Rows(reference, numbers), extractor, label="real pictures", **options)
        for numbers in (chosen, rest)
    ]
    floor = None
    if m > 1:
        with warnings.catch_warnings():  # the distance itself warns of too few
            warnings.simplefilter("ignore")
            name = f"the rest of {reference_name}"
            floor = compare_statistics(sides[1], sides[0], reference_name=name)
    sides[0].merge(sides[1])
    distance = compare_statistics(sides[0], generated, reference_name=reference_name)
    return SampleDistance(distance, floor)
