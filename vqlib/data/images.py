"""What stage 1 learns from: images of one shape, by number, as they are or varied at random."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor


@runtime_checkable
class Images(Protocol):
    """The contract of every data set of stage 1.

    Images are float32 in [-1, 1], all of one shape. Objects can be pickled, so that the worker
    processes of a `DataLoader` can have them.
    """

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        ...

    def __len__(self) -> int:
        """How many images there are."""
        ...

    def __getitem__(self, index: int) -> Float[Tensor, "C H W"]:
        """An image for measuring, always the same; negative indices as in lists."""
        ...

    def draw(self, index: int, generator: torch.Generator) -> Float[Tensor, "C H W"]:
        """An image for training, varied (cut, mirrored) by numbers from `generator` alone."""
        ...


def stack(images: Images, limit: int | None = None) -> Float[Tensor, "N C H W"]:
    """The images as they are for measuring, or the first `limit` of them, as one tensor.

    Raises:
        ValueError: limit is below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}; use 1 or more, or None for all images")
    count = len(images) if limit is None else min(limit, len(images))
    return torch.stack([images[index] for index in range(count)])


class TensorImages:
    """Images that are already there as a tensor. Keeps the contract `Images`.

    Args:
        images: float32 in [-1, 1], at least one.
        flip: whether `draw` mirrors half of the images; otherwise it gives them as they are.
    """

    def __init__(self, images: Float[Tensor, "N C H W"], *, flip: bool = False):
        if len(images) == 0:
            raise ValueError(f"images has shape {tuple(images.shape)}; at least one is needed")
        self.images, self.flip = images, flip

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        _, C, H, W = self.images.shape
        return C, H, W

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Float[Tensor, "C H W"]:
        return self.images[range(len(self))[index]]

    def draw(self, index: int, generator: torch.Generator) -> Float[Tensor, "C H W"]:
        """The image itself, or with `flip` perhaps its mirror image."""
        return maybe_mirrored(self[index], generator) if self.flip else self[index]

    def __repr__(self) -> str:
        return f"TensorImages({len(self)} images, shape={self.image_shape}, flip={self.flip})"


class Crops:
    """Squares from pictures of any sizes. Keeps the contract `Images`.

    The images are the squares of a grid laid on each picture from its upper left corner, without
    overlap; what remains at the right and lower edges is seen only by `draw`.

    Args:
        pictures: float32 in [-1, 1], all with the same number of channels.
        size: height and width of a square in pixels, at most the shortest side of a picture.
        flip: whether `draw` mirrors half of the squares.
    """

    def __init__(self, pictures: Sequence[Float[Tensor, "C _ _"]], size: int, *, flip: bool = True):
        _check_pictures(pictures, size)
        self.pictures, self.size, self.flip = list(pictures), size, flip
        # Grid squares of all pictures up to and including each one.
        self.ends = list(accumulate(_rows(p, size) * _columns(p, size) for p in pictures))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, size, size)."""
        return self.pictures[0].shape[0], self.size, self.size

    def __len__(self) -> int:
        return self.ends[-1]

    def __getitem__(self, index: int) -> Float[Tensor, "C H W"]:
        index, number = range(len(self))[index], self.picture_of(index)
        in_picture = index - (self.ends[number - 1] if number else 0)
        row, column = divmod(in_picture, _columns(self.pictures[number], self.size))
        return self._square(number, row * self.size, column * self.size)

    def picture_of(self, index: int) -> int:
        """Number of the picture that image `index` is from."""
        return bisect_right(self.ends, range(len(self))[index])

    def draw(self, index: int, generator: torch.Generator) -> Float[Tensor, "C H W"]:
        """A square from anywhere in the picture that image `index` is from."""
        number = self.picture_of(index)
        _, H, W = self.pictures[number].shape
        top = int(torch.randint(H - self.size + 1, (), generator=generator))
        left = int(torch.randint(W - self.size + 1, (), generator=generator))
        square = self._square(number, top, left)
        return maybe_mirrored(square, generator) if self.flip else square

    def _square(self, number: int, top: int, left: int) -> Float[Tensor, "C H W"]:
        # A copy: a view would hand out the picture's own memory, and pickle all of it.
        picture = self.pictures[number]
        return picture[:, top : top + self.size, left : left + self.size].clone()

    def __repr__(self) -> str:
        return (
            f"Crops({len(self)} squares of {len(self.pictures)} pictures, "
            f"shape={self.image_shape}, flip={self.flip})"
        )


def _check_pictures(pictures: Sequence[Tensor], size: int) -> None:
    if not pictures:
        raise ValueError("no pictures given; at least one is needed")
    if len({len(picture) for picture in pictures}) > 1:
        raise ValueError("some pictures are grey, others in colour; read all with equal channels")
    for number, picture in enumerate(pictures):
        _, H, W = picture.shape
        if not 1 <= size <= min(H, W):
            raise ValueError(
                f"size is {size}, but picture {number} has {H}×{W} pixels; "
                f"use 1 to {min(H, W)}, or leave it out"
            )


def _rows(picture: Tensor, size: int) -> int:
    return picture.shape[1] // size


def _columns(picture: Tensor, size: int) -> int:
    return picture.shape[2] // size


def maybe_mirrored(
    image: Float[Tensor, "C H W"], generator: torch.Generator
) -> Float[Tensor, "C H W"]:
    """The image, with left and right exchanged half of the time."""
    return image.flip(-1) if torch.rand((), generator=generator) < 0.5 else image
