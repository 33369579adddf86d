"""What pictures can be drawn from, and where each of these comes from: the table `CONDITIONS`.

What belongs to a picture whatever is cut out of it, such as its class, goes by the picture's
number. What is seen in it, such as its segmentation, is cut and mirrored together with it, and
encoded by a codec of its own.
"""

from collections.abc import Callable
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
from vqlib.data.folder import FolderImages, choose_split, find_pictures
from vqlib.data.folder_maps import FolderLabelMaps, FolderMaps
from vqlib.data.images import Images
from vqlib.data.pairs import PairedImages, ScenePairs, WithEdges
from vqlib.data.scenes import LABELS
from vqlib.generate.condition import ClassCondition, CoordinateCondition, MapCondition, NoCondition
from vqlib.generate.prior import AnyCondition
from vqlib.generate.text import TextCondition
from vqlib.saved.pipeline import Codec, ConditionKind
from vqlib.tokens.classes import CLASSES, NUM_CLASSES, class_names
from vqlib.tokens.data import Encode, EncodedImages, TokenData, encoded_once, windowed
from vqlib.tokens.material import NUM_HELD_OUT, Material
from vqlib.tokens.source import PriorTask


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
    if task.source.data not in CLASSES:
        raise ValueError(
            f"{task.source.data} comes without classes; {', '.join(CLASSES)} have some, or a "
            "folder with a subfolder for each"
        )
    return Conditioned(
        images, ClassCondition(NUM_CLASSES), CLASSES[task.source.data](task.source.data_root, split)
    )


def from_coordinates(task: PriorTask, split: str) -> Conditioned:
    """From where a window lies in a larger picture."""
    return Conditioned(_pictures(task, split), CoordinateCondition(task.grid))


def from_text(task: PriorTask, split: str) -> Conditioned:
    """From a caption. Its words say left and right: these pictures are never mirrored."""
    if task.source.data != "scenes":
        raise ValueError(f"{task.source.data} comes without captions; only scenes have some")
    scenes = CaptionedScenes(split, language=task.source.language, **_scene_options(task, split))
    condition = TextCondition.of(list(vocabulary(task.source.language)))
    return Conditioned(scenes, condition, condition.ids(scenes.captions, len(scenes)))


def from_label_maps(task: PriorTask, split: str) -> Conditioned:
    """From a segmentation."""
    codec = task.condition_codec
    if not isinstance(codec, LabelMapVQVAE):
        kind = "none" if codec is None else f"a {type(codec).__name__}"
        raise ValueError(f"condition_codec is {kind}; a segmentation needs a codec of label maps")
    if task.source.data == "scenes":
        if codec.num_labels < len(LABELS):
            raise ValueError(f"scenes have {len(LABELS)} labels, the codec {codec.num_labels}")
        pairs = _scene_pairs(task, split)
    else:
        pictures = _folder(task, split)
        maps = FolderLabelMaps(pictures, task.source.maps, num_labels=codec.num_labels)
        pairs = PairedImages(pictures, maps)
    view = partial(labels_behind, channels=task.channels)
    return Conditioned(pairs, _map_condition(task, codec), None, codec, view)


def from_maps(task: PriorTask, split: str) -> Conditioned:
    """From depth or edges."""
    codec = task.condition_codec
    if codec is None or isinstance(codec, LabelMapVQVAE):
        kind = "none" if codec is None else "of label maps"
        raise ValueError(f"condition_codec is {kind}; {task.condition} needs a codec of pictures")
    if task.source.data == "scenes":
        pairs = _scene_pairs(task, split)
    elif task.condition == "edges" and task.source.maps is None:
        pairs = WithEdges(_pictures(task, split))
    else:
        pictures = _folder(task, split)
        channels = codec.config.image_channels
        pairs = PairedImages(pictures, FolderMaps(pictures, task.source.maps, channels=channels))
    view = partial(picture_behind, channels=task.channels, wanted=codec.config.image_channels)
    return Conditioned(pairs, _map_condition(task, codec), None, codec, view)


def from_small_copies(task: PriorTask, split: str) -> Conditioned:
    """From the picture itself, made smaller."""
    codec = task.codec_of_condition
    condition = _map_condition(task, codec, reduction=(task.source.reduction,) * 2)
    size = tuple(n * codec.config.downsampling_factor for n in condition.grid)
    view = partial(F.interpolate, size=size, mode="area")
    return Conditioned(_pictures(task, split), condition, None, codec, view)


def from_upper_halves(task: PriorTask, split: str) -> Conditioned:
    """From the upper half of the picture itself."""
    codec = task.codec_of_condition
    condition = _map_condition(task, codec, reduction=(2, 1))
    return Conditioned(_pictures(task, split), condition, None, codec, upper_half)


CONDITIONS: dict[ConditionKind, Callable[[PriorTask, str], Conditioned]] = {
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


def from_pictures(task: PriorTask, *, workers: int) -> Material:
    """Pictures are drawn and encoded at each step; those held out are encoded now."""
    train, condition = prior_data(task, "train", workers=workers)
    try:
        held_out, _ = prior_data(task, "held_out", at_most=NUM_HELD_OUT)
    except (ValueError, OSError) as error:
        if must_hold_out(task):
            raise
        held_out = str(error)
    codecs = {"codec": task.codec, "condition_codec": task.codec_of_condition}
    options = {"kind": task.condition, "condition": condition, "window": task.seen}
    return Material(train, held_out, **codecs, **options, classes=task.class_names())


def prior_data(
    task: PriorTask, split: str, *, workers: int = 0, at_most: int | None = None
) -> tuple[TokenData, AnyCondition]:
    """Tokens to train or to measure a prior with, and the condition that it needs.

    Args:
        task: pictures, codecs, and what the pictures are drawn from.
        split: "train" or "held_out".
        workers: processes that read and crop pictures.
        at_most: encode so many pictures now, as they are for measuring, and keep their tokens.
            None: pictures are drawn and encoded anew at each step.

    Raises:
        ValueError: the data do not have what is asked for, or the codecs do not fit.
    """
    found = CONDITIONS[task.condition](task, split)
    condition = windowed(task.condition, found.condition, task.grid, task.seen)
    encode = encoding(task, found)
    if at_most is not None:
        return encoded_once(found.images, encode, at_most), condition
    return EncodedImages(found.images, encode, workers=workers), condition


def encoding(task: PriorTask, found: Conditioned) -> Encode:
    """How images, as they are drawn, become tokens and the values of their conditions."""

    def encode(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor | None]:
        x = x.to(task.codec.device)
        tokens = task.codec.encode(x[:, : task.channels])
        if found.view is not None:
            return tokens, found.codec.encode(found.view(x))
        return tokens, None if found.values is None else found.values[rows]

    return encode


def must_hold_out(task: PriorTask) -> bool:
    """Whether there must be held-out pictures: data sets may lack them, and so do small folders."""
    if task.source.data in catalogue.BUNDLED | catalogue.DOWNLOADED:
        return False
    return bool(choose_split(find_pictures(Path(task.source.data))[0], "held_out"))


def _pictures(task: PriorTask, split: str) -> Images:
    return catalogue.open_images(
        task.source.data,
        split,
        size=task.pixels,
        channels=task.channels,
        root=task.source.data_root,
        broken=task.source.broken,
        flip=None if task.source.flip else False,
    )


def _folder(task: PriorTask, split: str) -> FolderImages:
    """Pictures that have maps in another folder."""
    if task.source.data in catalogue.BUNDLED | catalogue.DOWNLOADED:
        raise ValueError(
            f"{task.source.data} comes without {task.condition}; use scenes, or a folder"
        )
    if task.source.maps is None:
        raise ValueError(f"{task.condition} of a folder's pictures: in which folder? Give maps")
    options = {"channels": task.channels, "split": split, "flip": task.source.flip}
    return FolderImages(task.source.data, task.pixels, **options)


def _scene_pairs(task: PriorTask, split: str) -> ScenePairs:
    flip, options = task.source.flip, _scene_options(task, split)
    return ScenePairs(split, kind=task.condition, flip=flip, **options)


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
            f"condition's codec, whose f is {g}, can encode the {task.condition}"
        )
    return MapCondition(codec.config.num_codes, tuple(n for n, _ in sides))
