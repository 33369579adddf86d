"""A square image of fixed size from a picture of any shape: where to cut, and the cut."""

from dataclasses import dataclass

import torch
from PIL import Image

# A training cut covers at least 1/1.25 of the shorter side.
MAX_ZOOM = 1.25


@dataclass(frozen=True)
class Square:
    """A part of a picture, in pixels of the picture."""

    left: float
    """Distance from the picture's left edge."""
    top: float
    """Distance from its upper edge."""
    side: float
    """Width and height, at most the picture's shorter side."""
    mirrored: bool = False
    """Whether left and right change places after the cut."""


def centre_square(width: int, height: int) -> Square:
    """The largest square in the middle of a picture, on whole pixels."""
    side = min(width, height)
    return Square(float((width - side) // 2), float((height - side) // 2), float(side))


def random_square(
    width: int, height: int, generator: torch.Generator, *, flip: bool = True
) -> Square:
    """A square of random size and place, mirrored half of the time if `flip`.

    It is what a random crop of `size` pixels sees once the picture's shorter side has been
    resized to between size and `MAX_ZOOM`·size. Always takes four numbers from `generator`.
    """
    zoom, x, y, coin = torch.rand(4, generator=generator).tolist()
    side = min(width, height) / (1 + zoom * (MAX_ZOOM - 1))
    return Square(x * (width - side), y * (height - side), side, flip and coin < 0.5)


def cut(
    picture: Image.Image,
    square: Square,
    size: int,
    resample: Image.Resampling = Image.Resampling.LANCZOS,
) -> Image.Image:
    """The square, resized to `size` × `size` with antialiasing; small pictures are enlarged."""
    left, top, side = square.left, square.top, square.side
    box = (left, top, left + side, top + side)
    image = picture.resize((size, size), resample, box=box)
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if square.mirrored else image
