"""Small pretrained models that come with the package; `make weights` makes them again."""

import json
from pathlib import Path
from typing import Any

from vqlib.compress.perceptual import FeatureDistance
from vqlib.train.checkpoint import Model, load_model

WEIGHTS = Path(__file__).parent / "weights"
# The offline networks of the perceptual loss.
PERCEPTUAL = ("offline_perceptual_1", "offline_perceptual_2", "offline_perceptual_3")


def load_pretrained(name: str) -> Model:
    """A pretrained model in eval mode on the CPU, such as "digits_vqvae" or "digits_gpt"."""
    return load_model(pretrained_folder(name))


def load_perceptual() -> FeatureDistance:
    """The perceptual distance of the small runs: LPIPS's formula over three offline networks."""
    return FeatureDistance(*(load_pretrained(name) for name in PERCEPTUAL))


def pretrained_record(name: str) -> dict[str, Any]:
    """How the model was made: command, seed, steps, seconds, machine, and its measurements."""
    return json.loads((pretrained_folder(name) / "record.json").read_text(encoding="utf-8"))


def pretrained_folder(name: str) -> Path:
    """The model folder of that name; raises `ValueError` naming those there are."""
    known = sorted(path.parent.name for path in WEIGHTS.glob("*/config.json"))
    if name not in known:
        raise ValueError(f"no pretrained model {name!r}; there are {', '.join(known)}")
    return WEIGHTS / name
