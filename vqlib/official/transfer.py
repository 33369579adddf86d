"""Foreign tensors into a model, one by one: what is missing, unknown or misshapen is named."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from vqlib.official.unpickle import read_checkpoint

Source = str | Path | Mapping[str, Tensor]
# Cuts what is one tensor here and several in a file, giving each part a name.
Views = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]


def part(source: Source, prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, which is taken off.

    Args:
        source: a checkpoint file, or what `read_checkpoint` gave.
        prefix: such as "first_stage_model.", or "" for all.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a checkpoint, or no name begins so.
    """
    state = source if isinstance(source, Mapping) else read_checkpoint(source)
    found = {
        name.removeprefix(prefix): tensor
        for name, tensor in state.items()
        if name.startswith(prefix)
    }
    if not found:
        heads = ", ".join(sorted({name.split(".")[0] for name in state})) or "nothing"
        raise ValueError(
            f"{_file(source)}no tensor's name begins with {prefix!r}; they begin with {heads}"
        )
    return found


@contextmanager
def naming(source: Source, prefix: str) -> Iterator[None]:
    """Inside of it, a `ValueError` also tells the file and the part."""
    try:
        yield
    except ValueError as error:
        where = f"{prefix}*: " if prefix else ""
        raise ValueError(f"{_file(source)}{where}{error}") from error


def check(
    model: nn.Module,
    names: Mapping[str, str],
    state: Mapping[str, Tensor],
    *,
    left_out: Collection[str] = (),
    views: Views = dict,
) -> None:
    """Compare a file's tensors with a model's.

    Args:
        model: may be on the meta device.
        names: for each tensor of the model (or part of one) its name in the file.
        state: the file's tensors.
        left_out: names in the file that the model need not have.
        views: into which parts the model's tensors are cut; by default into none.

    Raises:
        ValueError: a tensor of the model is not in the file, one of the file is neither in the
            model nor left out, or one has another shape or kind of number.
    """
    missing = [theirs for theirs in names.values() if theirs not in state]
    if missing:
        raise ValueError(f"missing: {_listed(missing)}")
    unknown = set(state) - set(names.values()) - set(left_out)
    if unknown:
        raise ValueError(
            f"not known: {_listed(sorted(unknown))}; the file is of another model, or these are "
            "leftovers to be left out"
        )
    wrong = []
    for ours, expected in views(model.state_dict()).items():
        theirs, given = names[ours], state[names[ours]]
        if given.shape != expected.shape:
            wrong += [f"{theirs} is {tuple(given.shape)} instead of {tuple(expected.shape)}"]
        elif given.is_floating_point() != expected.is_floating_point():
            wrong += [f"{theirs} is {given.dtype} instead of {expected.dtype}"]
    if wrong:
        raise ValueError(f"tensors do not fit together: {_listed(wrong)}")


def fill(
    model: nn.Module,
    names: Mapping[str, str],
    state: dict[str, Tensor],
    *,
    views: Views = dict,
) -> None:
    """Copy the file's tensors into a model on the meta device; it then is on the CPU, to be used.

    Copied ones are taken out of `state`: its memory goes over to the model bit by bit. The other
    arguments are those that `check` has passed.

    Raises:
        ValueError: a number is not finite, or too large for the model's kind of number.
    """
    copies = {}
    for name, tensor in model.state_dict().items():
        copies[name] = torch.empty_like(tensor, device="cpu")
        for ours, copy in views({name: copies[name]}).items():
            copy.copy_(state.pop(names[ours]))
            # The sum tells in one pass, unless it overflows.
            if not (copy.sum().isfinite() or copy.isfinite().all()):
                raise ValueError(
                    f"{names[ours]} has numbers that are not finite (NaN or infinite): such a "
                    "model is of no use; take a checkpoint from before its training went wrong"
                )
    model.load_state_dict(copies, assign=True)
    model.eval()


def shape(state: Mapping[str, Tensor], name: str, num_dims: int) -> tuple[int, ...]:
    """The shape of a tensor; raises `ValueError` where it is missing or has other dimensions."""
    if name not in state:
        raise ValueError(f"missing: {name}")
    found = tuple(state[name].shape)
    if len(found) != num_dims or 0 in found:
        raise ValueError(f"{name} is {found} instead of {num_dims} positive numbers")
    return found


def numbers(state: Mapping[str, Tensor], pattern: str) -> set[int]:
    """The numbers that a pattern's group finds at the beginnings of names."""
    found = (re.match(pattern, name) for name in state)
    return {int(match[1]) for match in found if match}


def _file(source: Source) -> str:
    return "" if isinstance(source, Mapping) else f"{source}: "


def _listed(items: list[str]) -> str:
    more = f" and {len(items) - 4} more" if len(items) > 4 else ""
    return ", ".join(items[:4]) + more
