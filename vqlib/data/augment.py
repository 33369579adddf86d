"""More pictures from few."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def shifted_copies(images: Float[Tensor, "N C H W"], max_shift: int) -> Float[Tensor, "M C H W"]:
    """Every image moved by every whole number of pixels up to `max_shift` each way.

    What leaves the frame is lost, what enters is black (−1).

    Args:
        images: in [-1, 1].
        max_shift: s ≥ 0, in pixels.

    Returns:
        M = N·(2s + 1)² images, shift by shift, so that `labels.repeat((2 * s + 1) ** 2)` fits.
    """
    if max_shift < 0:
        raise ValueError(f"max_shift is {max_shift}; it must be 0 or more")
    _, _, H, W = images.shape
    padded = F.pad(images, [max_shift] * 4, value=-1.0)
    offsets = range(2 * max_shift + 1)
    return torch.cat([padded[..., dy : dy + H, dx : dx + W] for dy in offsets for dx in offsets])
