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
    "skimage/data/cell.png",
    "skimage/data/clock_motion.png",
    "skimage/data/coins.png",
    HUBBLE,
    "skimage/data/ihc.png",
    "skimage/data/moon.png",
    "skimage/data/motorcycle_left.png",
    "skimage/data/retina.jpg",
    "skimage/data/rocket.jpg",
    "sklearn/datasets/images/china.jpg",
    "sklearn/datasets/images/flower.jpg",
)
# Never trained on, whole: what a model makes of photographs that it has not seen.
UNSEEN_PHOTOS = (
    "skimage/data/camera.png",
    "skimage/data/chelsea.png",
    "skimage/data/coffee.png",
)
TEXTURES = ("skimage/data/brick.png", "skimage/data/grass.png", "skimage/data/gravel.png")
# Larger pictures are shrunk to this shorter side; the retina alone would be half of all crops.
MAX_SIDE = 512
SPLITS = ("train", "held_out", "remainder")


def photos(split: str = "train", *, size: int = 64) -> Crops:
    """Squares from fifteen photographs, from a portrait to galaxies; grey ones have equal channels.

    Every picture is shrunk to at most 512 pixels on its shorter side. Twelve train with the left
    three quarters of their columns; three are never trained on.

    Args:
        split: "train"; "held_out", the three unseen photographs, whole: what the reader's own
            pictures will be to a model; or "remainder", the right quarter of the twelve, which
            resembles what the model knows.
        size: height and width of a square in pixels: at most 288 to train, 300 held out, 96 of
            the remainder.

    Returns:
        Images (3, size, size); of size 64 there are 508 to train, 146 held out, 156 remain.
    """
    names = UNSEEN_PHOTOS if _known(split) == "held_out" else PHOTOS
    return Crops(whole_pictures(names, split, size=size), size)


def textures(split: str = "train", *, size: int = 64, channels: int = 1) -> Crops:
    """Squares from three grey textures of 512×512 pixels: brick, grass and gravel.

    Args:
        split: "train" (left three quarters of each picture), or "held_out" and "remainder", which
            are both the right quarter: a region of a texture is another picture of it.
        size: height and width of a square: at most 384 to train, 128 held out.
        channels: 1, or 3 to have the grey three times.

    Returns:
        Images (channels, size, size); of size 64 there are 144 to train and 48 held out.
    """
    return Crops(whole_pictures(TEXTURES, split, size=size, channels=channels), size)


def photos_and_textures(split: str = "train", *, size: int = 64) -> Crops:
    """The squares of `photos` and then those of `textures`, all with three channels."""
    pictures = photos(split, size=size).pictures + textures(split, size=size, channels=3).pictures
    return Crops(pictures, size)


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
    """What a split has of each picture, uncut; see `photos`.

    Args:
        names: of `PHOTOS`, `UNSEEN_PHOTOS` and `TEXTURES`.
        split: "train" for the left three quarters of each, otherwise the right quarter; of an
            unseen photograph all of it.
        channels: 1 or 3.
        size: smallest side that a part must have.
    """
    _known(split)
    parts = []
    for name in names:
        picture = _read(name, channels=channels)
        border = 0 if name in UNSEEN_PHOTOS else picture.shape[-1] * 3 // 4
        parts.append(picture[..., :border] if split == "train" else picture[..., border:])
    largest = min(min(part.shape[1:]) for part in parts)
    if not 1 <= size <= largest:
        raise ValueError(f"size is {size}; the split {split!r} has squares of 1 to {largest}")
    return parts


def _known(split: str) -> str:
    if split not in SPLITS:
        known = ", ".join(map(repr, SPLITS))
        raise ValueError(f"split is {split!r}; use one of {known}")
    return split


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
