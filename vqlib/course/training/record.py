"""What is written beside every pretrained model: how it was made, on what, and what it reaches."""

import platform
from dataclasses import asdict
from typing import Any

import torch

from vqlib.train.recipe import Recipe, Trained


def record_of(
    name: str, data: str, trained: Trained, recipe: Recipe, held_out: dict[str, Any]
) -> dict[str, Any]:
    """Command, data, recipe, seed, size, seconds, machine and measurements, as plain values.

    Args:
        name: of the job in `vqlib.course.make_weights`.
        data: what it was trained on, in words.
        trained: what the recipe returned.
        recipe: which it was.
        held_out: measurements on held-out data.
    """
    return {
        "command": f"python -m vqlib.course.make_weights {name}",
        "data": data,
        "recipe": asdict(recipe),
        "seed": recipe.seed,
        "parameters": sum(p.numel() for p in trained.model.parameters()),
        "seconds": round(trained.seconds),
        "machine": machine(next(trained.model.parameters()).device),
        "torch": torch.__version__,
        "held_out": held_out,
    }


def machine(device: torch.device) -> str:
    """The device in words, such as "x86_64 CPU, 1 threads"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} {device.type.upper()}, {torch.get_num_threads()} threads"


def rounded(values: dict[str, Any], digits: int = 4) -> dict[str, Any]:
    """Floats rounded, Fréchet results as JSON, the rest unchanged."""
    plain = {}
    for name, value in values.items():
        value = value.to_json() if hasattr(value, "to_json") else value
        plain[name] = round(value, digits) if isinstance(value, float) else value
    return plain
