"""Small pretrained models that come with the package; `make weights` makes them again."""

import json
from typing import Any

from vqlib.compress.perceptual import FeatureDistance
from vqlib.saved.find import pretrained_folder
from vqlib.saved.model import Model, load_model

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
