"""Torchvision's data sets as images of one shape, with or without a map of classes."""

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from vqlib.data.pictures import as_8_bit, quiet_pillow, to_tensor, upright
from vqlib.data.squares import Square, centre_square, cut, random_square


class TorchvisionImages:
    """Squares from a data set of (Pillow image, target). Keeps the contract `Images`.

    Cut as in `FolderImages`: the largest centred square for measuring, a random one in `draw`.

    Args:
        dataset: anything with a length whose items begin with a Pillow image.
        size: height and width of the images in pixels.
        channels: 3 for colour, 1 for grey.
        flip: whether `draw` mirrors half of the images.
    """

    def __init__(self, dataset: Dataset, size: int, *, channels: int = 3, flip: bool = True):
        if size < 1:
            raise ValueError(f"size is {size}; use 1 or more pixels")
        if channels not in (1, 3):
            raise ValueError(f"channels is {channels}; use 1 (grey) or 3 (colour)")
        self.dataset, self.size, self.channels, self.flip = dataset, size, channels, flip

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, size, size)."""
        return self.channels, self.size, self.size

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Float[Tensor, "C H W"]:
        picture = self._picture(index)
        return to_tensor(cut(picture, centre_square(*picture.size), self.size))

    def draw(self, index: int, generator: torch.Generator) -> Float[Tensor, "C H W"]:
        """A random square of the picture, perhaps mirrored."""
        picture = self._picture(index)
        square = random_square(*picture.size, generator, flip=self.flip)
        return to_tensor(cut(picture, square, self.size))

    def _picture(self, index: int) -> Image.Image:
        index = range(len(self))[index]
        try:
            with quiet_pillow():
                picture, *_ = self.dataset[index]
                return as_8_bit(upright(picture), channels=self.channels)
        except Exception as error:  # Pillow lets out nearly every kind
            raise ValueError(f"picture {index} of {_name(self.dataset)}: {error}") from error

    def __repr__(self) -> str:
        return (
            f"TorchvisionImages({_name(self.dataset)}, {len(self)} pictures, "
            f"shape={self.image_shape}, flip={self.flip})"
        )


class ImagesWithMaps:
    """Squares from a data set of (Pillow image, Pillow map of classes), both cut alike.

    `[i]` and `draw` are those of `Images`, but give pairs: the image, (3, size, size) in
    [-1, 1], and its map, int64 (size, size) in [0, num_classes).

    Args:
        dataset: anything with a length; image and map of an item have the same size.
        size: height and width of images and maps in pixels.
        num_classes: how many classes maps have.
        first_class: the number the first class has in the files.
        flip: whether `draw` mirrors half of the pairs.
    """

    def __init__(
        self,
        dataset: Dataset,
        size: int,
        *,
        num_classes: int,
        first_class: int = 0,
        flip: bool = True,
    ):
        if size < 1:
            raise ValueError(f"size is {size}; use 1 or more pixels")
        self.dataset, self.size, self.flip = dataset, size, flip
        self.num_classes, self.first_class = num_classes, first_class

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(3, size, size)."""
        return 3, self.size, self.size

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Float[Tensor, "3 H W"], Int[Tensor, "H W"]]:
        picture, classes = self._pair(index)
        return self._cut(picture, classes, centre_square(*picture.size))

    def draw(
        self, index: int, generator: torch.Generator
    ) -> tuple[Float[Tensor, "3 H W"], Int[Tensor, "H W"]]:
        """A random square of picture and map, perhaps mirrored."""
        picture, classes = self._pair(index)
        square = random_square(*picture.size, generator, flip=self.flip)
        return self._cut(picture, classes, square)

    def _pair(self, index: int) -> tuple[Image.Image, Image.Image]:
        index = range(len(self))[index]
        try:
            with quiet_pillow():
                picture, classes = self.dataset[index]
                # Not turned by EXIF: maps are drawn on the pixels as they are stored.
                picture = as_8_bit(picture, channels=3)
                classes.load()
        except Exception as error:  # Pillow lets out nearly every kind
            raise ValueError(f"picture {index} of {_name(self.dataset)}: {error}") from error
        low, high = np.asarray(classes).min(), np.asarray(classes).max()
        last = self.first_class + self.num_classes - 1
        if picture.size != classes.size or low < self.first_class or high > last:
            raise ValueError(
                f"picture {index} of {_name(self.dataset)} has size {picture.size}, its map has "
                f"size {classes.size} and classes {low} to {high}; expected one size and classes "
                f"{self.first_class} to {last}"
            )
        return picture, classes

    def _cut(
        self, picture: Image.Image, classes: Image.Image, square: Square
    ) -> tuple[Tensor, Tensor]:
        image = to_tensor(cut(picture, square, self.size))
        nearest = cut(classes, square, self.size, Image.Resampling.NEAREST)
        return image, torch.from_numpy(np.array(nearest)).long() - self.first_class

    def __repr__(self) -> str:
        return (
            f"ImagesWithMaps({_name(self.dataset)}, {len(self)} pairs, shape={self.image_shape}, "
            f"num_classes={self.num_classes}, flip={self.flip})"
        )


def _name(dataset: Dataset) -> str:
    """The class of a data set, or of the first of several that are joined."""
    parts = getattr(dataset, "datasets", [dataset])
    return type(parts[0]).__name__
