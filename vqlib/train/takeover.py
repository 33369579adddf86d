"""A new run that begins with a model also begins with its critic and its optimisers' moments."""

import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from vqlib.saved.model import Part, load_model
from vqlib.saved.run_folder import latest_checkpoint, optimizer_state, training_tensors

# The folder of the critic in a converted model's folder.
CRITIC = "critic"


def take_over(
    folder: str | Path | None, parts: Mapping[str, Part], *, quiet: bool = False
) -> list[str]:
    """Put what an earlier run has learned besides its model into the parts of a new one.

    That are the critic, and if it and all optimisers fit, their moments; learning rates, counts of
    codes and averages begin anew.

    Args:
        folder: of a run, a checkpoint or a converted model; None takes nothing.
        parts: of the new run; changed in place.
        quiet: say nothing on stderr.

    Returns:
        The names of the parts that were filled.
    """
    if folder is None:
        return []
    folder = Path(folder)
    saved = folder if (folder / "training.json").is_file() else latest_checkpoint(folder)
    taken: list[str] = []
    if saved is not None:
        taken = _from_checkpoint(saved, parts)
    elif CRITIC in parts and (folder / CRITIC).is_dir():
        critic = load_model(folder / CRITIC)
        taken = [CRITIC] if _fill(parts[CRITIC], critic.state_dict()) else []
    if not quiet:
        _say(taken, parts, saved or folder)
    return taken


def _say(taken: list[str], parts: Mapping[str, Part], source: Path) -> None:
    """Tell what comes along and what does not, and of a critic why."""
    left = [name for name in parts if name not in taken and _is_learned(name, parts[name])]
    anew = "begins anew"
    if CRITIC in left:
        anew += (
            f" ({source} has no critic of the same disc_norm, disc_layers, disc_channels "
            "and image channels)"
        )
    for names, words in ((taken, f"taken over from {source}"), (left, anew)):
        if names:
            print(f"{', '.join(names)}: {words}", file=sys.stderr)


def _is_learned(name: str, part: Part) -> bool:
    return name == CRITIC or isinstance(part, torch.optim.Optimizer)


def _from_checkpoint(saved: Path, parts: Mapping[str, Part]) -> list[str]:
    tensors = training_tensors(saved)
    taken = []
    if CRITIC in parts and _fill(parts[CRITIC], tensors.get(CRITIC, {})):
        taken.append(CRITIC)
    optimizers = {n: p for n, p in parts.items() if isinstance(p, torch.optim.Optimizer)}
    states = {name: optimizer_state(tensors.get(name, {})) for name in optimizers}
    complete = CRITIC in taken or CRITIC not in parts  # a critic's moments are of its own weights
    if complete and all(_fits(part, states[name]) for name, part in optimizers.items()):
        for name, part in optimizers.items():
            groups = part.state_dict()["param_groups"]
            part.load_state_dict({"state": states[name], "param_groups": groups})
            taken.append(name)
    return taken


def _fill(module: nn.Module, state: Mapping[str, Tensor]) -> bool:
    """Load weights if all names and shapes are the module's own."""
    shapes = {name: value.shape for name, value in module.state_dict().items()}
    if shapes != {name: value.shape for name, value in state.items()}:
        return False
    module.load_state_dict(state)
    return True


def _fits(optimizer: torch.optim.Optimizer, state: Mapping[int, Mapping[str, Tensor]]) -> bool:
    """Whether there are moments for every weight, each of its shape."""
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    return state.keys() == set(range(len(weights))) and all(
        value.shape in ((), weights[i].shape) for i in state for value in state[i].values()
    )
