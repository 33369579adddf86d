"""What new pictures are drawn from, as it is given on the command line."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vqlib.cli.classes import find_class
from vqlib.cli.edges import MapIs, read_edges
from vqlib.cli.pictures import fitting, read_fitting, read_fitting_labels
from vqlib.compress.vqvae import LabelMapVQVAE
from vqlib.saved.pipeline import ConditionKind, Pipeline

Size = tuple[int, int]


@dataclass(frozen=True)
class Given:
    """What to draw; which of these a prior reads depends on how it was trained."""

    label: str | None = None
    """A class, by its name or its number; by default the picture with seed s is of class s modulo
    their number."""
    text: tuple[str, ...] = ()
    """Captions, for the pictures in turn."""
    map: tuple[Path, ...] = ()
    """Picture files, for the pictures in turn: label maps (PNG), or depth; for edges photographs or
    maps of edges; or photographs whose small copy or upper half is taken. Their middle is resized
    to what is drawn."""
    map_is: MapIs = "auto"
    """For edges: whether the files are photographs, whose edges are computed, or maps of edges
    already, white on black. auto: a file that is black and white is a map."""

    def check(self, pipeline: Pipeline) -> None:
        """Raise `ValueError` if anything is missing, or given in vain."""
        kind, (needed, _) = pipeline.condition, TAKEN[pipeline.condition]
        said = {"label": self.label is not None, "text": bool(self.text), "map": bool(self.map)}
        vain = [name for name, is_given in said.items() if is_given and name != needed]
        if self.map_is != "auto" and kind != "edges":
            vain.append("map-is")
        draws = "from nothing" if kind == "none" else f"from {kind}"
        hint = f"; give --{needed}" if needed and not said[needed] else ""
        if vain:
            raise ValueError(f"--{vain[0]} says nothing to this prior, which draws {draws}{hint}")
        if needed in ("text", "map") and not said[needed]:
            raise ValueError(f"this prior draws {draws}{hint}")

    @property
    def number(self) -> int:
        """Captions or maps given."""
        return max(len(self.text), len(self.map))

    def condition(self, pipeline: Pipeline, seeds: Sequence[int], size: Size) -> Any:
        """What `Pipeline.sample` takes for pictures of these seeds.

        Args:
            pipeline: both stages.
            seeds: one for each picture.
            size: height and width of the pictures in pixels.
        """
        return next(self.conditions(pipeline, seeds, size, batch_size=len(seeds)))

    def conditions(
        self,
        pipeline: Pipeline,
        seeds: Sequence[int],
        size: Size,
        *,
        batch_size: int,
        first: int | None = None,
    ) -> Iterator[Any]:
        """The same for a batch of pictures after the other.

        Args:
            pipeline: both stages.
            seeds: one for each picture.
            size: height and width of the pictures in pixels.
            batch_size: pictures in a batch; the last may have fewer.
            first: the seed that has the first caption or map; by default the first of `seeds`.
        """
        self.check(pipeline)
        one = TAKEN[pipeline.condition][1](self, pipeline, size)
        first = seeds[0] if first is None else first
        for start in range(0, len(seeds), batch_size):
            part = seeds[start : start + batch_size]
            yield _together([one(seed, self._turn(seed, first)) for seed in part])

    def told(self, pipeline: Pipeline, seed: int, first: int) -> dict[str, Any]:
        """In JSON values: what the picture with this seed is drawn from."""
        turn = self._turn(seed, first)
        match TAKEN[pipeline.condition][0]:
            case "label":
                number = self.class_of(pipeline, seed)
                named = {"class": pipeline.classes[number]} if pipeline.classes else {}
                return {"label": number, **named}
            case "text":
                return {"text": self.text[turn]}
            case "map":
                return {"map": str(self.map[turn])}
        return {}

    def _turn(self, seed: int, first: int) -> int:
        """Which caption or map is that picture's."""
        return (seed - first) % max(1, self.number)

    def class_of(self, pipeline: Pipeline, seed: int) -> int:
        """Of a prior of classes: the class of the picture with this seed.

        Raises:
            ValueError: no class has the name or number given; the message lists those there are.
        """
        num_classes = pipeline.prior.config.condition.num_classes
        if self.label is None:
            return seed % num_classes
        return find_class(self.label, pipeline.classes, num_classes)


# Gives what a picture is drawn from, by its seed and the number of its caption or map.
One = Callable[[int, int], Any]


def _nothing(given: Given, pipeline: Pipeline, size: Size) -> One:
    return lambda seed, turn: None


def _classes(given: Given, pipeline: Pipeline, size: Size) -> One:
    return lambda seed, turn: given.class_of(pipeline, seed)


def _captions(given: Given, pipeline: Pipeline, size: Size) -> One:
    # A sentence may end as sentences do; the captions that priors learn have no full stop.
    return lambda seed, turn: given.text[turn].rstrip(" .!。！")


def _label_maps(given: Given, pipeline: Pipeline, size: Size) -> One:
    num_labels = label_codec(pipeline).num_labels
    return _maps(given, partial(read_fitting_labels, size=size, num_labels=num_labels))


def _depth(given: Given, pipeline: Pipeline, size: Size) -> One:
    channels = pipeline.condition_codec.config.image_channels
    return _maps(given, partial(read_fitting, size=size, channels=channels))


def _edges(given: Given, pipeline: Pipeline, size: Size) -> One:
    fit = partial(fitting, size=size)
    return _maps(given, partial(read_edges, pipeline=pipeline, fit=fit, map_is=given.map_is))


def _photographs(given: Given, pipeline: Pipeline, size: Size) -> One:
    channels = pipeline.codec.config.image_channels
    return _maps(given, partial(read_fitting, size=size, channels=channels))


def _maps(given: Given, read: Callable[[Path], Tensor]) -> One:
    read = lru_cache(maxsize=64)(read)  # the same few files are asked for again and again
    return lambda seed, turn: read(given.map[turn])


def _together(values: list[Any]) -> Any:
    """What is given for each picture as a batch."""
    if isinstance(values[0], Tensor):
        return torch.stack(values)
    if isinstance(values[0], int):
        return torch.tensor(values)
    return None if values[0] is None else values


def label_codec(pipeline: Pipeline) -> LabelMapVQVAE:
    """The codec of label maps; raises `ValueError` if the condition has another."""
    codec = pipeline.condition_codec
    if not isinstance(codec, LabelMapVQVAE):
        raise ValueError(
            f"the condition's codec is a {type(codec).__name__}; a segmentation needs a "
            "LabelMapVQVAE"
        )
    return codec


# By kind: the flag that is read, and what is made of it.
TAKEN: dict[ConditionKind, tuple[str | None, Callable[..., Any]]] = {
    "none": (None, _nothing),
    "coordinates": (None, _nothing),
    "class": ("label", _classes),
    "text": ("text", _captions),
    "segmentation": ("map", _label_maps),
    "depth": ("map", _depth),
    "edges": ("map", _edges),
    "low_resolution": ("map", _photographs),
    "upper_half": ("map", _photographs),
}
