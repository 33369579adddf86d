"""Does a picture do what its condition says? A number for each kind, and how to read it."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from vqlib.data.pairs import canny_edges


def heeded(found: float, shuffled: float, reconstructed: float) -> float:
    """How much of a condition is heeded: (found − shuffled) / (reconstructed − shuffled).

    Args:
        found: agreement of drawn pictures with the condition that they were drawn from.
        shuffled: their agreement with the conditions of other pictures, which costs nothing.
        reconstructed: agreement of the codec's reconstructions of the real pictures, which is what
            perfect tokens would reach.

    Returns:
        0 where the condition makes no difference, 1 where it is heeded as by perfect tokens.

    Raises:
        ValueError: perfect tokens reach no more than a shuffled condition; nothing can be said.
    """
    if not reconstructed > shuffled:
        raise ValueError(
            f"reconstructions agree to {reconstructed:g}, other conditions to {shuffled:g}: this "
            "measure cannot tell them apart"
        )
    return (found - shuffled) / (reconstructed - shuffled)


def correlation(one: Float[Tensor, "*shape"], two: Float[Tensor, "*shape"]) -> float:
    """Pearson's, over all numbers at once: 1 for alike up to scale and offset, 0 for unrelated."""
    a, b = one.flatten().double(), two.flatten().double()
    a, b = a - a.mean(), b - b.mean()
    scale = (a.square().sum() * b.square().sum()).sqrt()
    return 0.0 if scale == 0 else ((a * b).sum() / scale).item()


def edge_agreement(
    images: Float[Tensor, "N C H W"], edges: Float[Tensor, "N 1 H W"], *, tolerance: int = 1
) -> float:
    """F-score of the edges that pictures show and those asked for.

    The harmonic mean of two shares: of the edge pixels found, how many lie near one asked for; and
    of those asked for, how many lie near one found.

    Args:
        images: in [-1, 1]; their edges are found as `canny_edges` finds them.
        edges: 1 on edges, −1 elsewhere.
        tolerance: pixels that an edge may be off, also diagonally.
    """
    found = torch.stack([canny_edges(image) for image in images]) > 0
    asked = edges > 0
    right = [(a & _widened(b, tolerance)).sum() for a, b in ((found, asked), (asked, found))]
    shares = [n / a.sum().clamp(min=1) for n, a in zip(right, (found, asked), strict=True)]
    total = sum(shares)
    return 0.0 if total == 0 else (2 * shares[0] * shares[1] / total).item()


def small_copy_agreement(
    images: Float[Tensor, "N C H W"], small: Float[Tensor, "N C h w"]
) -> float:
    """Correlation of pictures, made small by averaging, with the small copies asked for."""
    return correlation(F.interpolate(images, small.shape[-2:], mode="area"), small)


def seam_agreement(images: Float[Tensor, "N C H W"], row: int) -> float:
    """Correlation of the last row above a border with the first row below it.

    Each pixel counts from the mean of its picture: to be of the same brightness is no merit.

    Args:
        images: whose upper part was given.
        row: the first one below the border, 1 to H − 1.
    """
    x = images - images.mean(dim=(2, 3), keepdim=True)
    return correlation(x[:, :, row - 1], x[:, :, row])


def _widened(mask: Tensor, by: int) -> Tensor:
    return F.max_pool2d(mask.float(), 2 * by + 1, stride=1, padding=by) > 0
