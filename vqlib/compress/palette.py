"""Pixels as tokens: a palette of colours, and for each pixel the number of the nearest.

The codec without a network, f = 1: what a transformer over pixels has instead of a codebook that
an encoder and a decoder share. Source: Chen et al. 2020, *Generative Pretraining from Pixels*
(iGPT), 512 colours found by k-means; compared with VQGAN in Esser et al., *Taming Transformers*,
section 4.3.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from vqlib.compress.autoencoder import check_images
from vqlib.compress.quantize import check_tokens, nearest_code, nearest_tokens
from vqlib.compress.revive import kmeans


@dataclass(frozen=True)
class ColorPaletteConfig:
    """Everything that fixes the shape of a colour palette."""

    num_codes: int = 512
    """K, number of colours."""
    image_size: int = 32
    """Side of the images to model, in pixels. The palette itself takes any size."""
    image_channels: int = 3
    """1 for grey images, 3 for colour."""

    def __post_init__(self):
        if self.num_codes < 2:
            raise ValueError(f"num_codes is {self.num_codes}; a palette needs at least 2 colours")
        for name in ("image_size", "image_channels"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")

    @property
    def downsampling_factor(self) -> int:
        """1: a token stands for one pixel."""
        return 1

    @property
    def grid_size(self) -> int:
        """Tokens along one side of an image: one for each pixel."""
        return self.image_size

    def build(self) -> "ColorPalette":
        """A new palette of this shape."""
        return ColorPalette(self)


class ColorPalette(nn.Module):
    """A stage 1 whose codes are colours; encodes and decodes as `VQVAE` does.

    The colours are the buffer `colors`, in [-1, 1]. They are all grey (0) until `fit_palette`
    finds some or a state is loaded; nothing learns them by gradient descent.
    """

    colors: Tensor

    def __init__(self, config: ColorPaletteConfig):
        super().__init__()
        self.config = config
        self.register_buffer("colors", torch.zeros(config.num_codes, config.image_channels))

    @property
    def device(self) -> torch.device:
        """Where the palette is."""
        return self.colors.device

    @torch.no_grad()
    def encode(self, x: Float[Tensor, "B C H W"]) -> Int[Tensor, "B H W"]:
        """Images in [-1, 1] to tokens, int64 in [0, num_codes): each pixel's nearest colour.

        Raises:
            ValueError: images with another number of channels, or without pixels.
        """
        check_images(x, self.config.image_channels, factor=1)
        return nearest_tokens(x, self.colors)

    @torch.no_grad()
    def decode(self, tokens: Int[Tensor, "B H W"]) -> Float[Tensor, "B C H W"]:
        """Tokens to images, clipped to [-1, 1]. Tokens out of range raise `ValueError`."""
        check_tokens(tokens, self.config.num_codes)
        return F.embedding(tokens, self.colors).permute(0, 3, 1, 2).clamp(-1, 1)


@torch.no_grad()
def fit_palette(
    images: Float[Tensor, "N C H W"],
    config: ColorPaletteConfig,
    *,
    sample: int = 100_000,
    seed: int = 0,
) -> ColorPalette:
    """Find the colours of some images: the k-means centres of pixels drawn at random.

    Where the pixels have exactly K colours, these are the palette, and images of 8 bits per channel
    come back from it unchanged. (Colours much closer to each other than that may be confused.)

    Args:
        images: in [-1, 1], of any size.
        config: number of colours and channels.
        sample: how many pixels to draw; all are taken where there are not more.
        seed: of the draw and of k-means.

    Returns:
        The palette, on the device of the images. Its colours all differ.

    Raises:
        ValueError: the pixels drawn have fewer different colours than K, so that some tokens could
            never occur; no images, or another number of channels than `config` has; sample below 1.
    """
    check_images(images, config.image_channels, factor=1)
    if len(images) == 0 or sample < 1:
        raise ValueError(f"{len(images)} images, sample is {sample}; both must be at least 1")
    generator = torch.Generator().manual_seed(seed)
    pixels = _draw_pixels(images, sample, generator)
    palette = ColorPalette(config).to(images.device)
    palette.colors.copy_(_choose_colors(pixels, config.num_codes, generator))
    return palette


def _draw_pixels(
    images: Float[Tensor, "N C H W"], count: int, generator: torch.Generator
) -> Float[Tensor, "M C"]:
    """That many pixels at random, with repetition; all of them where there are not more."""
    N, _, H, W = images.shape
    total = N * H * W
    drawn = torch.arange(total)
    if total > count:
        drawn = torch.randint(total, (count,), generator=generator)
    rows = images.flatten(2)  # (N, C, H·W)
    return rows[drawn // (H * W), :, drawn % (H * W)].float()


def _choose_colors(
    pixels: Float[Tensor, "M C"], num_codes: int, generator: torch.Generator
) -> Float[Tensor, "K C"]:
    different = pixels.unique(dim=0)
    if len(different) < num_codes:
        raise ValueError(
            f"num_codes is {num_codes}, but the {len(pixels)} pixels drawn have only "
            f"{len(different)} different colours; lower num_codes to that, or give more pixels "
            "(images, sample)"
        )
    if len(different) == num_codes:
        return different  # means of equal numbers would differ from them by rounding
    colors = kmeans(pixels, num_codes, generator=generator)
    # Where most pixels have one colour, k-means leaves many centres on it, unused.
    unused = torch.bincount(nearest_code(pixels, colors), minlength=num_codes) == 0
    error = (different - colors[nearest_code(different, colors)]).square().sum(1)
    colors[unused] = different[error.topk(int(unused.sum())).indices]
    return colors
