"""More pictures from few."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from vqlib.data.images import Crops

# A varied square covers at most this many times the side that it is shrunk to.
MAX_SHRINK = 2.0


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


class VariedSquares(Crops):
    """Squares whose `draw` also varies scale, orientation and colours, so that few pictures say
    more: each is shrunk by a factor of 1 to `MAX_SHRINK`, turned by quarters and mirrored, and half
    of them are recoloured. By number, the images are those of `Crops`.

    Args:
        pictures: float32 in [-1, 1], all with the same number of channels.
        size: height and width of a square in pixels, at most the shortest side of a picture.
    """

    def draw(self, index: int, generator: torch.Generator) -> Float[Tensor, "C H W"]:
        """A square from anywhere in the picture that image `index` is from, varied."""
        picture = self.pictures[self.picture_of(index)]
        _, H, W = picture.shape
        scale, y, x, colour = torch.rand(4, generator=generator).tolist()
        most = min(MAX_SHRINK, min(H, W) / self.size)
        side = round(self.size * most**scale)  # as many halvings as not
        top, left = round(y * (H - side)), round(x * (W - side))
        square = shrunk(picture[:, top : top + side, left : left + side], self.size)
        square = oriented(square, int(torch.randint(8, (), generator=generator)))
        return recoloured(square, generator) if colour < 0.5 else square


def shrunk(x: Float[Tensor, "C H W"], size: int) -> Float[Tensor, "C size size"]:
    """A square shrunk to `size` pixels with antialiasing, clipped to [-1, 1]; always a copy."""
    if x.shape[-1] == size:
        return x.clone()
    options = {"mode": "bicubic", "antialias": True, "align_corners": False}
    return F.interpolate(x[None], (size, size), **options)[0].clamp(-1, 1)


def oriented(x: Float[Tensor, "C H W"], which: int) -> Float[Tensor, "C H2 W2"]:
    """One of the eight orientations of a picture: quarter turns, mirrored from the fifth on."""
    turned = x.rot90(which % 4, dims=(1, 2))
    return turned.flip(-1) if which >= 4 else turned


def recoloured(x: Float[Tensor, "C H W"], generator: torch.Generator) -> Float[Tensor, "C H W"]:
    """Contrast, brightness and colours changed; a picture in [-1, 1] stays there.

    One picture in ten turns grey and almost half have their channels mixed.
    """
    C = len(x)
    contrast, kind = torch.rand(2, generator=generator).tolist()
    shift = 0.15 * torch.randn(C, 1, 1, generator=generator)
    if kind < 0.1:
        x, shift = x.mean(0, keepdim=True).expand_as(x), shift.mean()
    elif kind < 0.55:
        mix = torch.eye(C) + 0.2 * torch.randn(C, C, generator=generator)
        x = torch.einsum("dc,chw->dhw", mix / mix.sum(1, keepdim=True), x)
    return (x * (0.7 + 0.6 * contrast) + shift).clamp(-1, 1)
