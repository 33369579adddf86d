"""Experiments behind the chapters: `python -m vqlib.course.experiments`, or `make experiments`."""

import json
from typing import Any

from jaxtyping import Float
from torch import Tensor

from vqlib.course.experiments import (
    class_condition,
    horizon,
    painting,
    patience,
    photographs,
    pixels_or_tokens,
    two_stages,
)
from vqlib.course.experiments.experiment import Experiment
from vqlib.course.experiments.running import RECORDS, pictures_of
from vqlib.data.pictures import read_picture

EXPERIMENTS: dict[str, Experiment] = {
    **class_condition.EXPERIMENTS,
    **painting.EXPERIMENTS,
    **photographs.EXPERIMENTS,
    **horizon.EXPERIMENTS,
    **patience.EXPERIMENTS,
    **pixels_or_tokens.EXPERIMENTS,
    **two_stages.EXPERIMENTS,
}


def experiment_record(name: str) -> dict[str, Any]:
    """Question, command, summary and parts of an experiment, each part with all its numbers."""
    return json.loads((RECORDS / f"{name}.json").read_text(encoding="utf-8"))


def experiment_pictures(
    name: str, part: str, *, size: int, channels: int = 1
) -> Float[Tensor, "N C H W"]:
    """The pictures that a part of an experiment has kept: the first that were drawn.

    Args:
        name: of the experiment.
        part: of the experiment.
        size: height and width of each picture.
        channels: 1 or 3.

    Raises:
        FileNotFoundError: this part has kept none.
    """
    sheet = read_picture(pictures_of(RECORDS / f"{name}.json", part), channels=channels)
    rows = sheet.unfold(1, size, size).unfold(2, size, size)  # (C, rows, columns, H, W)
    return rows.permute(1, 2, 0, 3, 4).flatten(0, 1).contiguous()
