"""Small pictures made larger, with the same bits on every processor."""

import torch
from jaxtyping import Float
from torch import Tensor

from vqlib.data.exact import mix


def enlarge(images: Float[Tensor, "N C H W"], size: int) -> Float[Tensor, "N C size size"]:
    """Bilinear interpolation, as `F.interpolate` without aligned corners does it.

    That one multiplies and adds in one step where a processor can, and in two elsewhere, so its
    last bits differ, and with them some pixels rounded to 8 bits. Here each operation is rounded
    by itself.

    Args:
        images: of any range.
        size: height and width in pixels.
    """
    H, W = images.shape[2:]
    i, following, t = _between(size, H)
    images = mix(images[:, :, i], images[:, :, following], t[:, None])
    j, following, t = _between(size, W)
    return mix(images[..., j], images[..., following], t)


def _between(size: int, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """For each of `size` pixels, its two neighbours among n, and how much the second counts."""
    # Pixel k has its middle at (k + ½) · n / size of the old pixels, whose own are at i + ½.
    place = ((2 * torch.arange(size) + 1) * n - size).clamp(min=0)  # in parts of 2 · size
    i, rest = place // (2 * size), place % (2 * size)
    return i, (i + 1).clamp(max=n - 1), rest.float() / (2 * size)
