"""Picture files in and out: whatever Pillow reads becomes 8-bit grey or colour, upright."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from jaxtyping import Float
from PIL import ExifTags, Image, UnidentifiedImageError
from torch import Tensor

from vqlib.data.png import hides_transparency, scale_transparent_grey
from vqlib.data.tiff import mend, tiff_layout
from vqlib.data.unread import what_it_is

# Formats for photographs, decoded by Pillow itself. Not among them: EPS, which runs Ghostscript.
FORMATS = (
    *("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM"),
    *("QOI", "DIB", "ICO", "PCX", "PSD", "SGI", "TGA"),
)

# What brings a picture upright, by its EXIF orientation; 1 is upright already.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Pillow logs some damage as errors, which Python would print; here every error is raised.
logging.getLogger("PIL").addHandler(logging.NullHandler())


class UnusablePixels(ValueError):
    """A sound picture whose numbers have no fixed black and white."""


def read_picture(path: str | Path, *, channels: int) -> Float[Tensor, "C H W"]:
    """Read a picture file as the model wants it; of an animation, the first frame.

    The camera's note on which side is up (EXIF) is obeyed. Colour becomes grey by ITU-R 601
    luma, grey becomes colour by repetition. Transparent parts show white. 16 bits of grey are
    rounded to 8, with 65,535 as white; of 16 bits of colour the upper 8 are taken. Colour
    profiles are not applied.

    Args:
        path: a file in one of `FORMATS`; its name does not matter.
        channels: what the model takes, 1 (grey) or 3 (colour).

    Returns:
        float32 in [-1, 1].

    Raises:
        FileNotFoundError: no such file.
        IsADirectoryError: a folder.
        OSError: the file may not be read.
        ValueError: not a picture, cut short, too large (over 178 million pixels), with pixels
            that have no fixed range, such as floats, or stored in a way that is not read, which
            is named.
    """
    with quiet_pillow():
        return to_tensor(open_picture(path, channels=channels))


def open_picture(path: str | Path, *, channels: int, at_least: int | None = None) -> Image.Image:
    """The same as `read_picture`, as a Pillow image of mode L or RGB. Call it in `quiet_pillow`.

    Args:
        path: a picture file.
        channels: 1 (grey) or 3 (colour).
        at_least: a JPEG with more pixels than this in both directions may be decoded at ½, ¼ or
            ⅛ of its size, as long as both stay above; many times faster for camera photos.

    Raises:
        OSError: as `read_picture`.
        ValueError: as `read_picture`.
    """
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels}; use 1 (grey) or 3 (colour)")
    path = Path(path)
    _check_is_file(path)
    with path.open("rb") as file:
        # On damaged files Pillow lets out nearly every kind of error, from SyntaxError to KeyError.
        try:
            if at_least is not None:
                with suppress(Exception):  # lossless JPEGs are sound, but have no smaller sizes
                    return _decoded(file, channels, at_least)
            return _decoded(file, channels)
        except Exception as error:
            raise ValueError(f"{path}: {_reason(error, file)}") from error


def _decoded(file: BinaryIO, channels: int, at_least: int | None = None) -> Image.Image:
    layout = tiff_layout(file)
    if layout is not None and layout.misread:
        raise UnidentifiedImageError(str(layout))
    with Image.open(file, formats=_installed_formats()) as picture:
        if hides_transparency(picture):
            raise UnusablePixels(
                "one colour of 16 bits is transparent, which is not read: save it with an "
                "alpha channel"
            )
        scale_transparent_grey(picture)
        if layout is not None:
            mend(picture, layout)
        if at_least is not None:
            picture.draft(None, (at_least, at_least))
        levels = (0, 65535) if layout is None else layout.levels
        return as_8_bit(upright(picture), channels=channels, levels=levels)


def _check_is_file(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(f"{path}: this is a folder; give a picture file")
    if path.is_file():
        return
    if path.is_symlink():
        raise FileNotFoundError(f"{path}: a link that leads nowhere")
    if path.exists():  # such as a named pipe, which would block
        raise FileNotFoundError(f"{path}: not a regular file")
    raise FileNotFoundError(f"{path}: no such file")


def _reason(error: Exception, file: BinaryIO) -> str:
    if isinstance(error, UnidentifiedImageError):
        return what_it_is(file) or "not a picture in a format Pillow reads"
    words = str(error) or type(error).__name__
    if isinstance(error, (Image.DecompressionBombError, MemoryError)):
        return f"too large to open safely ({words})"
    if isinstance(error, UnusablePixels):
        return words
    return f"damaged or cut short ({words})"


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Silence warnings while pictures are read.

    Pillow warns of odd EXIF notes, TIFF tags and colour tables in pictures whose pixels are sound,
    and of sizes between its soft and its hard limit: nothing to act on. The filter belongs to the
    process, not to a thread: around threads that read pictures, enter this once.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def upright(picture: Image.Image) -> Image.Image:
    """The picture, decoded and turned as its EXIF orientation says.

    Pillow's own `exif_transpose` also rewrites the camera's other notes, and stops at odd ones.
    """
    picture.load()
    try:
        turn = TURNS.get(picture.getexif().get(ExifTags.Base.Orientation))
    except Exception:  # notes that cannot be read do not spoil the picture
        return picture
    return picture if turn is None else picture.transpose(turn)


def as_8_bit(
    picture: Image.Image, *, channels: int, levels: tuple[int, int] = (0, 65535)
) -> Image.Image:
    """A picture of any mode as mode L (channels=1) or RGB (3), transparent parts over white.

    Args:
        picture: decoded.
        channels: 1 or 3.
        levels: black and white of a picture with more than 8 bits of grey.

    Raises:
        UnusablePixels: there are other numbers than these, or floats.
    """
    if picture.mode.startswith(("I", "F")):
        picture = _rounded_to_8_bits(picture, *levels)
    elif picture.has_transparency_data:
        # Of premultiplied grey, La, Pillow knows no way but this one.
        colour = picture.convert("LA" if picture.mode == "La" else "RGBA").convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", colour.size, "white"), colour)
    elif picture.mode == "LAB":  # has a way to RGB only
        picture = picture.convert("RGB")
    return picture.convert("L" if channels == 1 else "RGB")


def _rounded_to_8_bits(picture: Image.Image, black: int, white: int) -> Image.Image:
    if picture.mode == "F":
        raise UnusablePixels("floating-point pixels have no fixed range; save it with 8 or 16 bits")
    pixels = np.asarray(picture)
    low, high = int(pixels.min()), int(pixels.max())
    if low < 0 or high > max(black, white):
        raise UnusablePixels(
            f"32-bit integers that range over [{low}, {high}]; save it with 8 or 16 bits"
        )
    grey = (pixels.astype(np.float32) - black) * (255 / (white - black))
    if "transparency" in picture.info:
        grey[pixels == picture.info["transparency"]] = 255
    return Image.fromarray(grey.round().astype(np.uint8))


def to_tensor(picture: Image.Image) -> Float[Tensor, "C H W"]:
    """A Pillow image of mode L or RGB as float32 in [-1, 1]."""
    pixels = torch.from_numpy(np.array(picture)).float().div(127.5).sub(1)
    return pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1).contiguous()


@cache
def _installed_formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def picture_extensions() -> frozenset[str]:
    """The extensions of `FORMATS`, in lower case with their dot, as this Pillow knows them."""
    registered = Image.registered_extensions()
    return frozenset(ending for ending, name in registered.items() if name in FORMATS)


def write_picture(image: Float[Tensor, "C H W"], path: str | Path) -> None:
    """Save an image in [-1, 1] as 8-bit PNG, under a temporary name first.

    Raises:
        ValueError: the name does not end in .png.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"{path}: pictures are saved as PNG, give a name that ends in .png")
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = image.detach().cpu().float().add(1).mul(127.5).round().clamp(0, 255).byte()
    array = pixels[0].numpy() if len(pixels) == 1 else pixels.permute(1, 2, 0).numpy()
    temporary = path.with_name(f".{path.name}.part")
    Image.fromarray(array).save(temporary, format="PNG")
    Path(temporary).replace(path)


def grid(
    images: Float[Tensor, "N C H W"], *, columns: int = 8, gap: int = 2
) -> Float[Tensor, "C GH GW"]:
    """Lay images out in rows on a mid-grey ground, `gap` pixels apart."""
    from torchvision.utils import make_grid

    sheet = make_grid(images.cpu(), nrow=columns, padding=gap, pad_value=0.0)
    return sheet[: images.shape[1]]  # make_grid turns grey pictures into three equal channels
