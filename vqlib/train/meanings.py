"""What pictures can be drawn from, and where each of these comes from: the table `MEANINGS`.

What belongs to a picture whatever is cut out of it, such as its class, goes by the picture's
number. What is seen in it, such as its segmentation, is cut and mirrored together with it, and
encoded by a codec of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.compress.vqvae import LabelMapVQVAE
from vqlib.data import catalogue
from vqlib.data.captions import CaptionedScenes, vocabulary
from vqlib.data.digits import digits
from vqlib.data.downloads import cifar10, mnist
from vqlib.data.folder import FolderImages, choose_split, find_pictures
from vqlib.data.folder_maps import FolderLabelMaps, FolderMaps
from vqlib.data.images import Images
from vqlib.data.pairs import PairedImages, ScenePairs, WithEdges
from vqlib.data.scenes import LABELS
from vqlib.generate.condition import (
    ClassCondition,
    CoordinateCondition,
    MapCondition,
    NoCondition,
    TextCondition,
)
from vqlib.generate.prior import AnyCondition
from vqlib.train.pipeline import Codec, Meaning
from vqlib.train.prior_task import PriorTask

# Data sets that come with classes; of a folder the subfolders are classes.
CLASSES: dict[str, Callable[[Path, str], Tensor]] = {
    "digits": lambda _, split: digits(split).labels,
    "mnist": lambda root, split: mnist(root, split).labels,
    "cifar10": lambda root, split: cifar10(root, split).labels,
}
NUM_CLASSES = 10  # of each of them
# Of those whose numbers do not say it themselves.
CLASS_NAMES: dict[str, tuple[str, ...]] = {
    "cifar10": (
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
}
# Subfolders of these names are parts of a data set, not classes.
SPLITS = frozenset(
    (
        *("train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval"),
        *("held_out", "held-out", "heldout", "holdout"),
    )
)


@dataclass(frozen=True)
class Conditioned:
    """Pictures, and what each of them is to be drawn from."""

    images: Images
    """As they are drawn; behind the channels of a picture may be those of its map."""
    condition: AnyCondition
    """Of whole pictures."""
    values: Tensor | None = None
    """What goes by the number of a picture: its class, its caption. Int64 with N rows."""
    codec: Codec | None = None
    """Encodes what is seen in a picture."""
    view: Callable[[Tensor], Tensor] | None = None
    """From images (B, C, H, W), as they are drawn, to what that codec takes."""


def unconditional(task: PriorTask, split: str) -> Conditioned:
    """From nothing."""
    return Conditioned(_pictures(task, split), NoCondition())


def from_classes(task: PriorTask, split: str) -> Conditioned:
    """From the number of a class."""
    images = _pictures(task, split)
    if isinstance(images, FolderImages):
        names = class_names(images.folder)
        classes = torch.tensor([names.index(PurePosixPath(n).parts[0]) for n in images.names])
        return Conditioned(images, ClassCondition(len(names)), classes)
    if task.data not in CLASSES:
        raise ValueError(
            f"{task.data} comes without classes; {', '.join(CLASSES)} have some, or a folder with "
            "a subfolder for each"
        )
    return Conditioned(images, ClassCondition(NUM_CLASSES), CLASSES[task.data](task.root, split))


def from_coordinates(task: PriorTask, split: str) -> Conditioned:
    """From where a window lies in a larger picture."""
    return Conditioned(_pictures(task, split), CoordinateCondition(task.grid))


def from_text(task: PriorTask, split: str) -> Conditioned:
    """From a caption. Its words say left and right: these pictures are never mirrored."""
    if task.data != "scenes":
        raise ValueError(f"{task.data} comes without captions; only scenes have some")
    scenes = CaptionedScenes(split, language=task.language, **_scene_options(task, split))
    condition = TextCondition.of(list(vocabulary(task.language)))
    return Conditioned(scenes, condition, condition.ids(scenes.captions, len(scenes)))


def from_label_maps(task: PriorTask, split: str) -> Conditioned:
    """From a segmentation."""
    codec = task.condition_codec
    if not isinstance(codec, LabelMapVQVAE):
        kind = "none" if codec is None else f"a {type(codec).__name__}"
        raise ValueError(f"condition_codec is {kind}; a segmentation needs a codec of label maps")
    if task.data == "scenes":
        if codec.num_labels < len(LABELS):
            raise ValueError(f"scenes have {len(LABELS)} labels, the codec {codec.num_labels}")
        pairs = ScenePairs(split, kind=task.meaning, flip=task.flip, **_scene_options(task, split))
    else:
        pictures = _folder(task, split)
        maps = FolderLabelMaps(pictures, task.maps, num_labels=codec.num_labels)
        pairs = PairedImages(pictures, maps)
    view = partial(labels_behind, channels=task.channels)
    return Conditioned(pairs, _map_condition(task, codec), None, codec, view)


def from_maps(task: PriorTask, split: str) -> Conditioned:
    """From depth or edges."""
    codec = task.condition_codec
    if codec is None or isinstance(codec, LabelMapVQVAE):
        kind = "none" if codec is None else "of label maps"
        raise ValueError(f"condition_codec is {kind}; {task.meaning} needs a codec of pictures")
    if task.data == "scenes":
        pairs = ScenePairs(split, kind=task.meaning, flip=task.flip, **_scene_options(task, split))
    elif task.meaning == "edges" and task.maps is None:
        pairs = WithEdges(_pictures(task, split))
    else:
        pictures = _folder(task, split)
        channels = codec.config.image_channels
        pairs = PairedImages(pictures, FolderMaps(pictures, task.maps, channels=channels))
    view = partial(picture_behind, channels=task.channels, wanted=codec.config.image_channels)
    return Conditioned(pairs, _map_condition(task, codec), None, codec, view)


def from_small_copies(task: PriorTask, split: str) -> Conditioned:
    """From the picture itself, made smaller."""
    codec = task.codec_of_condition
    condition = _map_condition(task, codec, reduction=(task.reduction, task.reduction))
    size = tuple(n * codec.config.downsampling_factor for n in condition.grid)
    view = partial(F.interpolate, size=size, mode="area")
    return Conditioned(_pictures(task, split), condition, None, codec, view)


def from_upper_halves(task: PriorTask, split: str) -> Conditioned:
    """From the upper half of the picture itself."""
    codec = task.codec_of_condition
    condition = _map_condition(task, codec, reduction=(2, 1))
    return Conditioned(_pictures(task, split), condition, None, codec, upper_half)


MEANINGS: dict[Meaning, Callable[[PriorTask, str], Conditioned]] = {
    "none": unconditional,
    "class": from_classes,
    "coordinates": from_coordinates,
    "text": from_text,
    "segmentation": from_label_maps,
    "depth": from_maps,
    "edges": from_maps,
    "low_resolution": from_small_copies,
    "upper_half": from_upper_halves,
}


def labels_behind(x: Float[Tensor, "B C H W"], *, channels: int) -> Int[Tensor, "B H W"]:
    """The label maps behind pictures."""
    return x[:, channels].long()


def picture_behind(
    x: Float[Tensor, "B C H W"], *, channels: int, wanted: int
) -> Float[Tensor, "B D H W"]:
    """The maps behind pictures; grey ones become colour where their codec wants it."""
    maps = x[:, channels:]
    return maps.expand(-1, wanted, -1, -1) if maps.shape[1] == 1 else maps


def upper_half(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h W"]:
    """The upper halves of pictures."""
    return x[:, :, : x.shape[2] // 2]


def names_of_classes(task: PriorTask) -> tuple[str, ...]:
    """What the classes are called, the first that of class 0; none if these are mere numbers."""
    if task.meaning != "class":
        return ()
    if task.data in catalogue.BUNDLED | catalogue.DOWNLOADED:
        return CLASS_NAMES.get(task.data, ())
    return tuple(class_names(Path(task.data)))


def class_names(folder: Path) -> list[str]:
    """The subfolders of a folder that hold pictures, sorted: the first is class 0.

    Raises:
        ValueError: a picture lies in none of them, or they are the parts of a data set.
    """
    names = find_pictures(folder)[0]
    outside = [name for name in names if "/" not in name]
    if outside:
        raise ValueError(
            f"{folder}: {outside[0]} lies in no subfolder; there must be one for each class"
        )
    parts = parts_of(names)
    if parts:
        raise ValueError(
            f"{folder}: {' and '.join(parts)} are parts of a data set, not classes; give the "
            f"folder above the classes, such as {folder / parts[0]}, or rename them if they are"
        )
    return sorted({PurePosixPath(name).parts[0] for name in names})


def parts_of(names: Sequence[str]) -> list[str]:
    """The subfolders if all pictures lie in parts of a data set, such as train and val; else none.

    Args:
        names: of pictures, below their folder.
    """
    folders = sorted({PurePosixPath(name).parts[0] for name in names if "/" in name})
    inside = all("/" in name for name in names)
    return folders if inside and all(folder.lower() in SPLITS for folder in folders) else []


def must_hold_out(task: PriorTask) -> bool:
    """Whether there must be held-out pictures: data sets may lack them, and so do small folders."""
    if task.data in catalogue.BUNDLED | catalogue.DOWNLOADED:
        return False
    return bool(choose_split(find_pictures(Path(task.data))[0], "held_out"))


def _pictures(task: PriorTask, split: str) -> Images:
    return catalogue.open_images(
        task.data,
        split,
        size=task.pixels,
        channels=task.channels,
        root=task.root,
        broken=task.broken,
        flip=None if task.flip else False,
    )


def _folder(task: PriorTask, split: str) -> FolderImages:
    """Pictures that have maps in another folder."""
    if task.data in catalogue.BUNDLED | catalogue.DOWNLOADED:
        raise ValueError(f"{task.data} comes without {task.meaning}; use scenes, or a folder")
    if task.maps is None:
        raise ValueError(f"{task.meaning} of a folder's pictures: in which folder? Give maps")
    options = {"channels": task.channels, "split": split, "flip": task.flip}
    return FolderImages(task.data, task.pixels, **options)


def _scene_options(task: PriorTask, split: str) -> dict[str, int]:
    """How many scenes, and of which size."""
    if task.channels != 3:
        raise ValueError(f"scenes have 3 channels, the codec takes {task.channels}")
    return {"count": catalogue.NUM_SCENES[split], "height": task.pixels, "width": task.pixels}


def _map_condition(
    task: PriorTask, codec: Codec, *, reduction: tuple[int, int] = (1, 1)
) -> MapCondition:
    """The tokens of maps that are so many times smaller than the picture."""
    g = codec.config.downsampling_factor
    sides = [divmod(task.pixels, g * times) for times in reduction]
    if any(rest for _, rest in sides):
        raise ValueError(
            f"size is {task.pixels}; it must be a multiple of {g * max(reduction)}, so that the "
            f"condition's codec, whose f is {g}, can encode the {task.meaning}"
        )
    return MapCondition(codec.config.num_codes, tuple(n for n, _ in sides))
