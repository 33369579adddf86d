"""A run goes on from a checkpoint, if it is the same run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from vqlib.saved.files import Damaged
from vqlib.saved.model import Model, Part
from vqlib.saved.run_folder import all_checkpoints, load_checkpoint, training_of
from vqlib.train.recipe import Recipe


def check_same_run(latest: Path, recipe: Recipe, material: Mapping[str, Any]) -> None:
    """Raise `ValueError` if a checkpoint is of another run; it may have had other steps."""
    saved, folder = training_of(latest), latest.parent
    different = recipe.differences(saved["recipe"])
    if different:
        values = ", ".join(f"{k}: {a} then, {b} now" for k, (a, b) in different.items())
        raise ValueError(f"{folder} was trained by another recipe ({values})")
    for name, now in material.items():
        then = saved.get("material", {}).get(name, now)  # older runs do not tell
        if then != now:
            raise ValueError(f"{folder} was trained with other {name} ({then}, now {now})")
    if saved["step"] > recipe.steps:
        raise ValueError(
            f"steps is {recipe.steps}, but {latest} has {saved['step']} already; resume with as "
            "many steps or more"
        )


def restore(latest: Path, model: Model, parts: Mapping[str, Part]) -> int:
    """Put the run's latest checkpoint into model and parts; the steps done.

    Raises:
        Damaged: it cannot be read; the message says from which one the run can go on.
    """
    try:
        return load_checkpoint(latest, model, parts)
    except Damaged as error:
        older = all_checkpoints(latest.parent)[:-1]
        hint = f"; remove {latest} to go on from {older[-1].name}" if older else ""
        raise Damaged(f"{error}{hint}") from error


def weights_of(model: Model, parts: Mapping[str, Part]) -> dict[str, Tensor]:
    """Everything learned, by name."""
    weights = dict(model.state_dict())
    for name, part in parts.items():
        if isinstance(part, nn.Module):
            weights |= {f"{name}.{key}": value for key, value in part.named_parameters()}
    return weights
