"""Pictures inside the page itself: an `<img>` that holds its own data, small and with its size."""

import base64
import io
import re
from html import escape
from math import ceil
from urllib.parse import quote

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from vqlib.show.style import PLOT, is_plot

WIDTH = 400
"""Images of a few pixels are enlarged to at least this many; a phone shrinks them again."""
PER_INCH = 100
"""Page pixels for an inch of a figure, as in Jupyter."""
COLOURS = 64
"""A figure has few colours: as a palette it takes a third of the bytes."""

Frame = Figure | Float[Tensor, "_C _H _W"] | Float[Tensor, "_N _C _H _W"] | bytes
"""A picture: a figure, an image or a row of images in [-1, 1], or the bytes of a PNG or an SVG."""

SVG = "data:image/svg+xml,"
SVG_SIZE = re.compile(rb"<svg\b[^>]*?\bwidth=['\"]([\d.]+)['\"][^>]*?\bheight=['\"]([\d.]+)['\"]")


def inline_picture(frame: Frame, alt: str) -> str:
    """The `<img>` element of a picture, with `alt` as its alternative text.

    A drawing, which has no image in it, is marked as a plot: the book may turn it by night.

    Raises:
        ValueError: bytes that are neither a PNG nor an SVG with a width and a height.
    """
    style = "max-width:100%;height:auto;border-radius:.5rem"
    kind = ""
    if isinstance(frame, Figure):
        uri, size = _figure(frame)
        kind = PLOT if is_plot(frame) else ""
    elif isinstance(frame, Tensor):
        uri, size = _images(frame)
        style = "max-width:100%;height:auto;image-rendering:pixelated"
    else:
        uri, size = _encoded(frame)
        kind = PLOT if uri.startswith(SVG) else ""
    drawn = f'class="{kind}" ' if kind else ""
    return (
        f'<img {drawn}src="{uri}" alt="{escape(alt)}" width="{size[0]}" height="{size[1]}" '
        f'decoding="sync" style="{style}">'  # sync: no blink when one follows another
    )


def _figure(figure: Figure) -> tuple[str, tuple[int, int]]:
    """A figure with two dots for each page pixel, as a palette PNG."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=2 * PER_INCH, facecolor="white")
    image = Image.open(drawn).convert("RGB")
    palette = image.quantize(COLOURS, dither=Image.Dither.NONE)
    return _png(palette), (image.width // 2, image.height // 2)


def _images(
    images: Float[Tensor, "C H W"] | Float[Tensor, "N C H W"],
) -> tuple[str, tuple[int, int]]:
    """Images in their own pixels, side by side with gaps; the page enlarges them."""
    if images.ndim == 4:
        gap = F.pad(images.detach().cpu().float(), (1, 1), value=1.0)  # white
        images = torch.cat(list(gap), dim=2)[..., 1:-1]
    C, H, W = images.shape
    pixels = images.detach().cpu().float().add(1).mul(127.5).round().clamp(0, 255)
    array = pixels.to(torch.uint8).permute(1, 2, 0).numpy()
    zoom = ceil(WIDTH / W)
    return _png(Image.fromarray(array[..., 0] if C == 1 else array)), (W * zoom, H * zoom)


def image_uri(image: Float[Tensor, "3 H W"]) -> str:
    """A colour image in [-1, 1] as the address of a lossless WebP, smaller than a PNG."""
    pixels = image.detach().cpu().float().add(1).mul(127.5).round().clamp(0, 255)
    file = io.BytesIO()
    array = pixels.to(torch.uint8).permute(1, 2, 0).numpy()
    Image.fromarray(array).save(file, format="webp", lossless=True, method=6)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def _png(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, format="png", optimize=True)
    return _data_uri(file.getvalue())


def _encoded(data: bytes) -> tuple[str, tuple[int, int]]:
    """Bytes that are a picture already."""
    if data.startswith(b"\x89PNG"):
        return _data_uri(data), Image.open(io.BytesIO(data)).size
    size = SVG_SIZE.search(data)
    if size is None:
        raise ValueError(
            f"these bytes are neither a PNG nor an SVG with width and height: {data[:40]!r}"
        )
    return _data_uri(data), (round(float(size[1])), round(float(size[2])))


def _data_uri(data: bytes) -> str:
    if data.startswith(b"\x89PNG"):
        return "data:image/png;base64," + base64.b64encode(data).decode()
    # Only what a quoted address cannot hold: shorter than base64, and it compresses better.
    text = re.sub(r"\s+", " ", data.decode())
    return SVG + re.sub('[%#"&]', lambda c: quote(c[0]), text)
