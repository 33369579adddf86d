"""Experiments behind the chapters: `python -m vqlib.course.experiments`, or `make experiments`."""

import json
from typing import Any

from vqlib.course.experiments import (
    class_condition,
    horizon,
    painting,
    patience,
    photographs,
    pixels_or_tokens,
)
from vqlib.course.experiments.experiment import Experiment
from vqlib.course.experiments.running import RECORDS

EXPERIMENTS: dict[str, Experiment] = {
    **class_condition.EXPERIMENTS,
    **painting.EXPERIMENTS,
    **photographs.EXPERIMENTS,
    **horizon.EXPERIMENTS,
    **patience.EXPERIMENTS,
    **pixels_or_tokens.EXPERIMENTS,
}


def experiment_record(name: str) -> dict[str, Any]:
    """Question, command, summary and parts of an experiment, each part with all its numbers."""
    return json.loads((RECORDS / f"{name}.json").read_text(encoding="utf-8"))
