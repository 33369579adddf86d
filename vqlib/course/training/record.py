"""What is written beside every pretrained model: how it was made, on what, and what it reaches."""

import platform
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from vqlib.train.recipe import Recipe, Trained

CPUINFO = Path("/proc/cpuinfo")


def record_of(
    name: str, data: str, trained: Trained, recipe: Recipe, held_out: dict[str, Any]
) -> dict[str, Any]:
    """Command, commit, data, recipe, seed, size, seconds, machine and measurements as plain values.

    The seconds are those of all calls that the training took.

    Args:
        name: of the job in `vqlib.course.make_weights`.
        data: what it was trained on, in words.
        trained: what the recipe returned.
        recipe: which it was.
        held_out: measurements on held-out data.
    """
    return {
        "command": f"python -m vqlib.course.make_weights {name}",
        "commit": commit(),
        "data": data,
        "recipe": asdict(recipe),
        "seed": recipe.seed,
        "parameters": sum(p.numel() for p in trained.model.parameters()),
        "seconds": round(trained.history[-1]["seconds"]),
        "machine": machine(next(trained.model.parameters()).device),
        "torch": torch.__version__,
        "held_out": held_out,
    }


def machine(device: torch.device) -> str:
    """The device in words, such as "x86_64 CPU, 1 threads (AMD EPYC 7B13)"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    words = f"{platform.machine()} {device.type.upper()}, {torch.get_num_threads()} threads"
    return f"{words} ({processor()})"


def processor() -> str:
    """Name of the processor, as Linux has it; elsewhere what Python knows."""
    if CPUINFO.is_file():
        for line in CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def commit() -> str:
    """The commit of this source tree, "+" where files differ from it; "unknown" without git."""
    here = Path(__file__).parent
    try:
        git = {"cwd": here, "capture_output": True, "text": True, "check": True}
        head = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], **git).stdout.strip()
        changed = subprocess.run(["git", "status", "--porcelain", "--", "../../*.py"], **git).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed.strip() else "")


def rounded(values: dict[str, Any], digits: int = 4) -> dict[str, Any]:
    """Floats rounded, Fréchet results as JSON, the rest unchanged."""
    plain = {}
    for name, value in values.items():
        value = value.to_json() if hasattr(value, "to_json") else value
        plain[name] = round(value, digits) if isinstance(value, float) else value
    return plain
