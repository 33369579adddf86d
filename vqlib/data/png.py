"""PNGs whose parts of one grey or colour are transparent, and those of few bits."""

from PIL import Image

# With what Pillow multiplies grey of fewer than 8 bits.
SCALES = {"L;2": 85, "L;4": 17}


def hides_transparency(picture: Image.Image) -> bool:
    """Whether it cannot be known which pixels are transparent.

    Pillow keeps the upper 8 of 16 bits; the transparent colour is one of 16.
    """
    return _raw_mode(picture) == "RGB;16B" and "transparency" in picture.info


def scale_transparent_grey(picture: Image.Image) -> None:
    """Multiply the transparent grey as Pillow will multiply the pixels."""
    scale = grey_scale(picture)
    if scale > 1 and "transparency" in picture.info:
        picture.info["transparency"] *= scale


def grey_scale(picture: Image.Image) -> int:
    """With what Pillow will multiply a picture's grey: 85 for 2 bits, 17 for 4, else 1.

    Args:
        picture: opened, not decoded.
    """
    return SCALES.get(_raw_mode(picture), 1)


def _raw_mode(picture: Image.Image) -> str | None:
    """How a PNG stores pixels; None of other files, and where that is not known."""
    tiles = getattr(picture, "tile", None)
    return tiles[0][3] if picture.format == "PNG" and tiles else None
