"""What pictures can be drawn from, and where each of these comes from: the table `CONDITIONS`.

What belongs to a picture whatever is cut out of it, such as its class, goes by the picture's
number. What is seen in it, such as its segmentation, is cut and mirrored together with it, and
encoded by a codec of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.compress.vqvae import LabelMapVQVAE
from vqlib.data import catalogue
from vqlib.data.captions import CaptionedScenes, vocabulary
from vqlib.data.folder import FolderImages, NothingHeldOut
from vqlib.data.folder_maps import FolderLabelMaps, FolderMaps
from vqlib.data.images import Images
from vqlib.data.pairs import PairedImages, ScenePairs, WithEdges
from vqlib.data.scenes import LABELS
from vqlib.generate.condition import ClassCondition, CoordinateCondition, MapCondition, NoCondition
from vqlib.generate.prior import AnyCondition
from vqlib.generate.text import TextCondition
from vqlib.saved.pipeline import Codec, ConditionKind
from vqlib.tokens.classes import CLASS_NAMES, CLASSES, NUM_CLASSES, class_names
from vqlib.tokens.data import EncodedImages, encoded_once
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
    classes: tuple[str, ...] = ()
    """What the classes are called, the first that of class 0, where they have names."""


def unconditional(task: PriorTask, split: str) -> Conditioned:
    """From nothing."""
    return Conditioned(_pictures(task, split), NoCondition())


def from_classes(task: PriorTask, split: str) -> Conditioned:
    """From the number of a class."""
    images = _pictures(task, split)
    if isinstance(images, FolderImages):
        names = class_names(images.folder)
        classes = torch.tensor([names.index(PurePosixPath(n).parts[0]) for n in images.names])
        return Conditioned(images, ClassCondition(len(names)), classes, classes=names)
    data = task.source.data
    if data not in CLASSES:
        raise ValueError(
            f"{data} comes without classes; {', '.join(CLASSES)} have some, or a folder with a "
            "subfolder for each"
        )
    classes = CLASSES[data](task.source.data_root, split)
    names = CLASS_NAMES.get(data, ())
    return Conditioned(images, ClassCondition(NUM_CLASSES), classes, classes=names)


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


def from_pictures(task: PriorTask, *, workers: int = 0) -> Material:
    """Pictures are drawn and encoded at each step; those held out are encoded now.

    Args:
        task: pictures, codecs, and what the pictures are drawn from.
        workers: processes that read and crop pictures.

    Raises:
        ValueError: the data do not have what is asked for, or the codecs do not fit.
    """
    found, held_out = CONDITIONS[task.condition](task, "train"), held_out_of(task)
    condition = windowed(task.condition, found.condition, task.grid, task.seen)
    train = EncodedImages(found.images, partial(encoded, task, found), workers=workers)
    if isinstance(held_out, Conditioned):
        encode = partial(encoded, task, held_out)
        held_out = encoded_once(held_out.images, encode, NUM_HELD_OUT)
    codecs = {"codec": task.codec, "condition_codec": task.codec_of_condition}
    options = {"kind": task.condition, "condition": condition, "window": task.seen}
    return Material(train, held_out, **codecs, **options, classes=found.classes)


def held_out_of(task: PriorTask) -> Conditioned | str:
    """Held-out pictures, or why there are none: of a small folder, or of a data set by name."""
    try:
        return CONDITIONS[task.condition](task, "held_out")
    except NothingHeldOut as error:
        return str(error)
    except (ValueError, OSError) as error:
        if task.source.data not in catalogue.BUNDLED | catalogue.DOWNLOADED:
            raise
        return str(error)


def windowed(
    kind: ConditionKind,
    condition: AnyCondition,
    whole: tuple[int, int],
    window: tuple[int, int],
) -> AnyCondition:
    """The condition of one window, from that of whole pictures.

    Args:
        kind: what the condition is.
        condition: of whole pictures.
        whole: rows and columns of their tokens.
        window: those of the window.

    Raises:
        ValueError: the condition means nothing with such a window.
    """
    sizes = f"a window of {window[0]}×{window[1]} out of {whole[0]}×{whole[1]} tokens"
    if kind == "upper_half" and window != whole:
        raise ValueError(f"{sizes} has no part in the picture's upper half; leave the window out")
    if isinstance(condition, CoordinateCondition):
        if window == whole:
            raise ValueError(
                f"coordinates tell where in a picture a window lies, but here it is {sizes}: give "
                "a larger size or a smaller window"
            )
        return replace(condition, grid=window)
    if not isinstance(condition, MapCondition):
        return condition
    sides = [divmod(n * w, W) for n, w, W in zip(condition.grid, window, whole, strict=True)]
    if any(rest or not n for n, rest in sides):
        rows, columns = condition.grid
        raise ValueError(f"{sizes} sees no whole number of the map's {rows}×{columns} tokens")
    return replace(condition, grid=tuple(n for n, _ in sides))


def encoded(
    task: PriorTask, found: Conditioned, x: Tensor, rows: Tensor
) -> tuple[Tensor, Tensor | None]:
    """The tokens of images, as they are drawn, and the values of their conditions.

    Args:
        task: whose tokens, and from what.
        found: the pictures.
        x: some of them, (B, C, H, W), with their maps behind them.
        rows: their numbers, int64 (B,).
    """
    x = x.to(task.codec.device)
    tokens = task.codec.encode(x[:, : task.channels])
    if found.view is not None:
        return tokens, found.codec.encode(found.view(x))
    return tokens, None if found.values is None else found.values[rows]


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
