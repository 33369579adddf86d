"""Small pretrained models that come with the package; `make weights` makes them again."""

import json
from pathlib import Path
from typing import Any

from vqlib.train.checkpoint import Model, load_model

WEIGHTS = Path(__file__).parent / "weights"


def load_pretrained(name: str) -> Model:
    """A pretrained model in eval mode on the CPU, such as "digits_vqvae" or "digits_gpt"."""
    return load_model(pretrained_folder(name))


def pretrained_record(name: str) -> dict[str, Any]:
    """How the model was made: command, seed, steps, seconds, machine, and its measurements."""
    return json.loads((pretrained_folder(name) / "record.json").read_text(encoding="utf-8"))


def pretrained_folder(name: str) -> Path:
    """The model folder of that name; raises `ValueError` naming those there are."""
    known = sorted(path.parent.name for path in WEIGHTS.glob("*/config.json"))
    if name not in known:
        raise ValueError(f"no pretrained model {name!r}; there are {', '.join(known)}")
    return WEIGHTS / name
