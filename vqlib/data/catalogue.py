"""Data sets by name, or a folder of pictures: what the command line's --data means."""

from collections.abc import Callable
from pathlib import Path

from vqlib.data.digits import digits
from vqlib.data.downloads import celeba, cifar10, flowers102, imagenet, mnist, pets
from vqlib.data.faces import faces
from vqlib.data.folder import FolderImages
from vqlib.data.glyphs import Glyphs
from vqlib.data.images import Images, TensorImages
from vqlib.data.photos import photos, photos_and_textures, textures
from vqlib.data.scenes import Scenes

# Scenes are drawn by a program; this many make up a data set.
NUM_SCENES = {"train": 5000, "held_out": 500}

# Whether `draw` mirrors half of the images, where that is not to be chosen.
FIXED_FLIP = {"digits": False, "glyphs": False, "mnist": False, "scenes": True}

# Each takes (root, split, size). The size of MNIST and CIFAR-10 is fixed.
BUNDLED: dict[str, Callable[[Path, str, int], Images]] = {
    "digits": lambda _, split, size: TensorImages(digits(split, image_size=size).images),
    "faces": lambda _, split, size: faces(split, size=size),
    "glyphs": lambda _, split, size: Glyphs(split, size=size),
    "photos": lambda _, split, size: photos(split, size=size),
    "textures": lambda _, split, size: textures(split, size=size),
    "photos_and_textures": lambda _, split, size: photos_and_textures(split, size=size),
    "scenes": lambda _, split, size: Scenes(
        split, count=NUM_SCENES[split], height=size, width=size
    ),
}
DOWNLOADED: dict[str, Callable[[Path, str, int], Images]] = {
    "mnist": lambda root, split, _: TensorImages(mnist(root, split).images),
    "cifar10": lambda root, split, _: TensorImages(cifar10(root, split).images, flip=True),
    "flowers102": lambda root, split, size: flowers102(root, split, size=size),
    "pets": lambda root, split, size: pets(root, split, size=size),
    "celeba": lambda root, split, size: celeba(root, split, size=size),
    "imagenet": lambda root, split, size: imagenet(root, split, size=size),
}


def open_images(
    name: str | Path,
    split: str,
    *,
    size: int,
    channels: int | None = None,
    root: str | Path = "data",
    broken: str = "refuse",
    flip: bool | None = None,
) -> Images:
    """A data set by its name, or the pictures of a folder.

    Args:
        name: one of `BUNDLED` and `DOWNLOADED`, or a folder. Where a folder has the name of a
            data set, write ./name for the folder.
        split: "train" or "held_out"; of a folder also "all".
        size: height and width of the images.
        channels: of a folder's images, 1 or 3 (also the default); of other data what it must have.
        root: where downloaded data lies.
        broken: "refuse" or "skip" a folder's broken pictures.
        flip: whether `draw` mirrors half of the images; None for what is usual, which is yes but
            for digits, glyphs and MNIST. Theirs and that of scenes cannot be chosen.

    Raises:
        ValueError: neither a data set nor a folder; a split, a size, channels or mirroring that it
            lacks; and as the data set or `FolderImages` say.
    """
    known = BUNDLED | DOWNLOADED
    if str(name) in known:
        if split not in NUM_SCENES:
            raise ValueError(f"split is {split!r}; {name} has 'train' and 'held_out'")
        images = known[str(name)](Path(root), split, size)
    elif Path(name).exists():
        options = {"channels": channels or 3, "split": split, "broken": broken}
        return FolderImages(name, size, **options, flip=flip is not False)
    else:
        raise ValueError(
            f"data is {str(name)!r}: no such folder, and no such data set; there are "
            f"{', '.join(known)}"
        )
    C, H, W = images.image_shape
    if channels not in (None, C):
        raise ValueError(f"{name} has images with {C} channels, {channels} are needed")
    if (size, size) != (H, W):
        raise ValueError(f"size is {size}; {name} has images of {H}×{W} pixels only")
    if flip is not None:
        _choose_flip(images, flip, str(name))
    return images


def _choose_flip(images: Images, flip: bool, name: str) -> None:
    if FIXED_FLIP.get(name, flip) != flip:
        raise ValueError(
            f"flip is {flip}; {name} {'are never mirrored' if flip else 'always are, by half'}"
        )
    if name not in FIXED_FLIP:
        images.flip = flip
