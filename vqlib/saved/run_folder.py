"""Checkpoints of a run: all it takes to go on exactly, and the model to use.

A *checkpoint folder* is a model folder that also holds `training.safetensors` and `training.json`.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vqlib.saved.files import read_json, read_tensors, write_folder
from vqlib.saved.model import Model, Part, build, describe

# So many checkpoints of a run are kept: should the last be damaged, the one before is not.
KEPT = 2
# Where in a run folder the model lies that predicted held-out pictures best.
BEST = "best"


def save_checkpoint(
    folder: str | Path,
    model: Model,
    parts: Mapping[str, Part],
    *,
    step: int,
    recipe: Mapping[str, Any],
    material: Mapping[str, Any] | None = None,
) -> Path:
    """Write `folder/step_XXXXXXXX`, from which `load_checkpoint` goes on bit for bit.

    The random state saved is torch's global one (dropout draws from it); the recipes draw their
    batches from the seed and the step alone, so the step is the data position.

    Args:
        folder: of the run.
        model: the model to use, as `load_model` will read it.
        parts: modules and optimisers that training needs besides, by name.
        step: steps done.
        recipe: as plain values.
        material: what is learned from, as plain values.

    Returns:
        The checkpoint's folder. Afterwards all older ones but the last before it are removed.
    """
    tensors: dict[str, Tensor] = {"rng.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["rng.cuda"] = torch.cuda.get_rng_state()
    groups = {}
    for name, part in parts.items():
        if isinstance(part, nn.Module):
            tensors |= {f"{name}.{key}": value for key, value in part.state_dict().items()}
            continue
        state = part.state_dict()
        groups[name] = state["param_groups"]
        for index, values in state["state"].items():
            tensors |= {f"{name}.{index}.{key}": value for key, value in values.items()}
    training = {"step": step, "recipe": dict(recipe), "material": dict(material or {})}
    training["param_groups"] = groups
    target = Path(folder) / f"step_{step:08d}"
    write_folder(
        target,
        {"config.json": describe(model), "training.json": training},
        {"model.safetensors": model.state_dict(), "training.safetensors": tensors},
    )
    leftovers = Path(folder).glob(".writing-*")  # of runs killed while writing
    for path in [*leftovers, *all_checkpoints(folder)[:-KEPT]]:
        shutil.rmtree(path)
    return target


def latest_checkpoint(folder: str | Path) -> Path | None:
    """The checkpoint with the highest step, or None where there is none."""
    found = all_checkpoints(folder)
    return found[-1] if found else None


def has_begun(folder: str | Path | None) -> bool:
    """Whether a run folder holds a checkpoint already; None, which keeps nothing, does not."""
    return folder is not None and latest_checkpoint(folder) is not None


def checkpoint_to_resume(folder: str | Path, *, resume: bool) -> Path | None:
    """The latest checkpoint; None where no run has begun.

    Raises:
        FileExistsError: a run has begun, which is not to be resumed.
    """
    latest = latest_checkpoint(folder)
    if latest is not None and not resume:
        raise FileExistsError(
            f"{folder} already holds a run ({latest.name}); resume it or choose another folder"
        )
    return latest


def all_checkpoints(folder: str | Path) -> list[Path]:
    """The checkpoints of a run folder, that with the highest step last."""
    return sorted(path for path in Path(folder).glob("step_*") if path.is_dir())


def training_of(checkpoint: str | Path) -> dict[str, Any]:
    """What a checkpoint tells of its run: step, recipe, material."""
    return read_json(Path(checkpoint) / "training.json")


def training_tensors(checkpoint: str | Path) -> dict[str, dict[str, Tensor]]:
    """What a checkpoint holds besides the model, by part; the random state is the part `rng`."""
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in read_tensors(Path(checkpoint) / "training.safetensors").items():
        name, rest = key.split(".", 1)
        parts.setdefault(name, {})[rest] = value
    return parts


def optimizer_state(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """An optimiser's tensors of a checkpoint, as its `load_state_dict` wants them: by weight."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    return state


def load_checkpoint(checkpoint: str | Path, model: Model, parts: Mapping[str, Part]) -> int:
    """Restore model, parts and random state in place, all as `save_checkpoint` was given them.

    Returns:
        The number of steps done.

    Raises:
        ValueError: the checkpoint is damaged or was written with another model or other parts.
    """
    checkpoint = Path(checkpoint)
    _check_same_model(checkpoint, model)
    training = training_of(checkpoint)
    saved = training_tensors(checkpoint)
    try:
        model.load_state_dict(read_tensors(checkpoint / "model.safetensors"))
    except RuntimeError as error:
        raise ValueError(f"{checkpoint} is of another model: {error}") from error
    random = saved.pop("rng")
    torch.set_rng_state(random["cpu"])
    if "cuda" in random and torch.cuda.is_available():
        torch.cuda.set_rng_state(random["cuda"])
    for name in saved.keys() - parts.keys():
        raise ValueError(f"{checkpoint}: holds {name}.*, which this training does not have")
    for name, part in parts.items():
        tensors = saved.get(name, {})
        try:
            if isinstance(part, nn.Module):
                part.load_state_dict(tensors)
            else:
                groups = training["param_groups"][name]
                part.load_state_dict({"state": optimizer_state(tensors), "param_groups": groups})
        except (KeyError, RuntimeError, ValueError) as error:
            raise ValueError(f"{checkpoint} was written with another {name}: {error}") from error
    return training["step"]


def _check_same_model(checkpoint: Path, model: Model) -> None:
    """Also where the weights would fit: a decay is part of the model too."""
    with torch.device("meta"):  # its shape without its weights
        saved = build(read_json(checkpoint / "config.json"), source=checkpoint)
    then, now = ({"model": type(m).__name__, **vars(m.config)} for m in (saved, model))
    different = [
        f"{name}: {then.get(name)} then, {now.get(name)} now"
        for name in then | now
        if then.get(name) != now.get(name)
    ]
    if different:
        raise ValueError(f"{checkpoint} was trained with another model ({', '.join(different)})")


def model_folder(folder: Path) -> Path:
    """Where in a run folder the model to use lies: the best one, else the latest checkpoint."""
    best = folder / BEST
    if best.is_dir():
        return best
    return latest_checkpoint(folder) or folder
