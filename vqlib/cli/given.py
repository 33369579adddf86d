"""What new pictures are drawn from, as it is given on the command line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vqlib.cli.pictures import read_fitting, read_fitting_labels
from vqlib.compress.vqvae import LabelMapVQVAE
from vqlib.train.pipeline import Meaning, Pipeline

Size = tuple[int, int]


@dataclass(frozen=True)
class Given:
    """What to draw; which of these a prior reads depends on how it was trained."""

    label: int | None = None
    """A class; by default the picture with seed s is of class s modulo their number."""
    text: tuple[str, ...] = ()
    """Captions, for the pictures in turn."""
    map: tuple[Path, ...] = ()
    """Picture files, for the pictures in turn: label maps (PNG), depth or edges; or photographs
    whose small copy or upper half is taken. Their middle is resized to what is drawn."""

    def check(self, pipeline: Pipeline) -> None:
        """Raise `ValueError` if anything is missing, or given in vain."""
        meaning, (needed, _) = pipeline.meaning, TAKEN[pipeline.meaning]
        said = {"label": self.label is not None, "text": bool(self.text), "map": bool(self.map)}
        vain = [name for name, is_given in said.items() if is_given and name != needed]
        draws = "from nothing" if meaning == "none" else f"from {meaning}"
        hint = f"; give --{needed}" if needed else ""
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
        self.check(pipeline)
        return TAKEN[pipeline.meaning][1](self, pipeline, seeds, size)


def _nothing(given: Given, pipeline: Pipeline, seeds: Sequence[int], size: Size) -> None:
    return None


def _classes(given: Given, pipeline: Pipeline, seeds: Sequence[int], size: Size) -> Tensor:
    num_classes = pipeline.prior.config.condition.num_classes
    if given.label is None:
        return torch.tensor(seeds) % num_classes
    if not 0 <= given.label < num_classes:
        raise ValueError(f"label is {given.label}; this prior knows 0 to {num_classes - 1}")
    return torch.full((len(seeds),), given.label)


def _captions(given: Given, pipeline: Pipeline, seeds: Sequence[int], size: Size) -> list[str]:
    return [given.text[n % len(given.text)] for n in range(len(seeds))]


def _label_maps(given: Given, pipeline: Pipeline, seeds: Sequence[int], size: Size) -> Tensor:
    num_labels = label_codec(pipeline).num_labels
    maps = [read_fitting_labels(path, size, num_labels=num_labels) for path in given.map]
    return torch.stack([maps[n % len(maps)] for n in range(len(seeds))])


def _maps(given: Given, pipeline: Pipeline, seeds: Sequence[int], size: Size) -> Tensor:
    return _pictures(given, size, len(seeds), pipeline.condition_codec.config.image_channels)


def _photographs(given: Given, pipeline: Pipeline, seeds: Sequence[int], size: Size) -> Tensor:
    return _pictures(given, size, len(seeds), pipeline.codec.config.image_channels)


def _pictures(given: Given, size: Size, count: int, channels: int) -> Tensor:
    pictures = [read_fitting(path, size, channels=channels) for path in given.map]
    return torch.stack([pictures[n % len(pictures)] for n in range(count)])


def label_codec(pipeline: Pipeline) -> LabelMapVQVAE:
    """The codec of label maps; raises `ValueError` if the condition has another."""
    codec = pipeline.condition_codec
    if not isinstance(codec, LabelMapVQVAE):
        raise ValueError(
            f"the condition's codec is a {type(codec).__name__}; a segmentation needs a "
            "LabelMapVQVAE"
        )
    return codec


# By meaning: the flag that is read, and what is made of it.
TAKEN: dict[Meaning, tuple[str | None, Callable[..., Any]]] = {
    "none": (None, _nothing),
    "coordinates": (None, _nothing),
    "class": ("label", _classes),
    "text": ("text", _captions),
    "segmentation": ("map", _label_maps),
    "depth": ("map", _maps),
    "edges": ("map", _maps),
    "low_resolution": ("map", _photographs),
    "upper_half": ("map", _photographs),
}
