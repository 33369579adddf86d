"""Photographs that come with scikit-image and scikit-learn: no network needed."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from vqlib.data.images import Crops
from vqlib.data.pictures import open_picture, quiet_pillow, to_tensor

HUBBLE = "skimage/data/hubble_deep_field.jpg"
# Read straight from the installed packages: scikit-image's own functions may ask the network.
PHOTOS = (
    "skimage/data/astronaut.png",
    "skimage/data/chelsea.png",
    "skimage/data/coffee.png",
    HUBBLE,
    "skimage/data/motorcycle_left.png",
    "skimage/data/retina.jpg",
    "skimage/data/rocket.jpg",
    "sklearn/datasets/images/china.jpg",
    "sklearn/datasets/images/flower.jpg",
)
TEXTURES = ("skimage/data/brick.png", "skimage/data/grass.png", "skimage/data/gravel.png")
# Larger pictures are shrunk to this shorter side; the retina alone would be half of all crops.
MAX_SIDE = 512


def photos(split: str = "train", *, size: int = 64) -> Crops:
    """Squares from nine colour photographs, from a portrait to galaxies.

    Of each picture, shrunk to at most 512 pixels on its shorter side, the left three quarters
    of the columns train and the right quarter is held out.

    Args:
        split: "train" or "held_out".
        size: height and width of a square: at most 300 to train, 113 held out.

    Returns:
        Images (3, size, size); of size 64 there are 388 to train and 114 held out.
    """
    return Crops(whole_pictures(PHOTOS, split, size=size), size)


def textures(split: str = "train", *, size: int = 64, channels: int = 1) -> Crops:
    """Squares from three grey textures of 512×512 pixels: brick, grass and gravel.

    Args:
        split: "train" (left three quarters of each picture) or "held_out" (right quarter).
        size: height and width of a square: at most 384 to train, 128 held out.
        channels: 1, or 3 to have the grey three times.

    Returns:
        Images (channels, size, size); of size 64 there are 144 to train and 48 held out.
    """
    return Crops(whole_pictures(TEXTURES, split, size=size, channels=channels), size)


def photos_and_textures(split: str = "train", *, size: int = 64) -> Crops:
    """The squares of `photos` and then those of `textures`, all with three channels."""
    return Crops(whole_pictures(PHOTOS + TEXTURES, split, size=size), size)


def motorcycle() -> tuple[Float[Tensor, "3 H W"], Float[Tensor, "1 H W"]]:
    """A photograph of 500×741 pixels with its measured depth (Middlebury stereo, 2014).

    Depth is the disparity between the left and the right camera, which is inversely
    proportional to the distance: −1 is the farthest point, 1 the nearest. What only one camera
    sees has no disparity (7% of the pixels); such a pixel takes the farther one of its nearest
    measured neighbours to the left and right, because it is background hidden by something.

    Returns:
        image and depth, float32 in [-1, 1].
    """
    image, depth = _motorcycle()
    return image.clone(), depth.clone()


@cache
def _motorcycle() -> tuple[Tensor, Tensor]:
    path = bundled("skimage/data/motorcycle_disp.npz")
    with np.load(path, allow_pickle=False) as file:
        disparity = fill_holes(file["arr_0"])
    low, high = disparity.min(), disparity.max()
    depth = torch.from_numpy((disparity - low) / (high - low) * 2 - 1)
    return _read("skimage/data/motorcycle_left.png", channels=3), depth[None]


def fill_holes(disparity: np.ndarray) -> np.ndarray:
    """Give each pixel that is not finite the smaller of its two nearest finite ones in its row.

    Args:
        disparity: (H, W) floats, at least one of them finite in each row.
    """
    _, W = disparity.shape
    known, columns = np.isfinite(disparity), np.arange(W)
    left = np.maximum.accumulate(np.where(known, columns, -1), axis=1)
    right = np.minimum.accumulate(np.where(known, columns, W)[:, ::-1], axis=1)[:, ::-1]
    # Both −1 (none to the left) and W (none to the right) point to the column of infinities.
    values = np.pad(np.where(known, disparity, np.inf), ((0, 0), (0, 1)), constant_values=np.inf)
    return np.minimum(
        np.take_along_axis(values, left, axis=1), np.take_along_axis(values, right, axis=1)
    )


def whole_pictures(
    names: tuple[str, ...], split: str, *, channels: int = 3, size: int = 1
) -> list[Float[Tensor, "C _ _"]]:
    """The part of each picture that trains or is held out, uncut; see `photos`.

    Args:
        names: of `PHOTOS` and `TEXTURES`.
        split: "train" or "held_out".
        channels: 1 or 3.
        size: smallest side that a part must have.
    """
    if split not in ("train", "held_out"):
        raise ValueError(f"split is {split!r}; use 'train' or 'held_out'")
    parts = []
    for name in names:
        picture = _read(name, channels=channels)
        _, _, W = picture.shape
        border = W * 3 // 4
        parts.append(picture[..., :border] if split == "train" else picture[..., border:])
    largest = min(min(part.shape[1:]) for part in parts)
    if not 1 <= size <= largest:
        raise ValueError(f"size is {size}; the split {split!r} has squares of 1 to {largest}")
    return parts


@cache
def _read(name: str, *, channels: int) -> Tensor:
    with quiet_pillow():
        picture = open_picture(bundled(name), channels=channels)
    shrink = MAX_SIDE / min(picture.size)
    if shrink < 1:
        size = [round(side * shrink) for side in picture.size]
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return to_tensor(picture)


def bundled(name: str) -> Path:
    """Where a file of an installed package is, such as "skimage/data/coffee.png".

    Raises:
        FileNotFoundError: the package is not installed.
    """
    package, _, rest = name.partition("/")
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        project = {"skimage": "scikit-image", "sklearn": "scikit-learn"}[package]
        raise FileNotFoundError(f"{name} comes with {project}: pip install {project}")
    return Path(spec.submodule_search_locations[0]) / rest
