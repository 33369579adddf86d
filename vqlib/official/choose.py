"""Which of the tensors in a file are the model: behind a prefix, averaged, or left out."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from torch import Tensor

AVERAGES = "model_ema."
COUNTERS = ("decay", "num_updates")  # the only names behind it that are no weights
# Names by which a model is recognised, whatever stands before them.
FIRST_STAGE = re.compile(r"(|.*\.)(?:encoder|decoder)\.conv_in\.weight")
TRANSFORMER = re.compile(r"(|.*?\.)transformer\.(?:tok_emb\.weight|pos_emb|head\.weight)")


class Averaged(NamedTuple):
    """A state dict in which averages stand in the place of the weights."""

    state: dict[str, Tensor]
    """Without the names that the averages had."""
    num_averages: int
    """How many tensors are averages; what is not learned by gradients has none."""


def first_stages(state: Mapping[str, Tensor]) -> list[str]:
    """What stands before the names of each VQGAN in a file: "" or such as "first_stage_model."."""
    return _prefixes(state, FIRST_STAGE)


def transformers(state: Mapping[str, Tensor]) -> list[str]:
    """What stands before the names of each transformer with its codecs: "" or such as "module."."""
    return _prefixes(state, TRANSFORMER)


def without(state: Mapping[str, Tensor], patterns: Sequence[str]) -> dict[str, Tensor]:
    """The tensors whose names fit none of the patterns.

    Args:
        state: what `read_checkpoint` gave.
        patterns: shell patterns for whole names: * stands for anything, also for dots.

    Raises:
        ValueError: a pattern fits no name.
    """
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in state):
            raise ValueError(
                f"no tensor's name fits {pattern!r}; the whole name must, and * stands for "
                f"anything. The first name is {next(iter(state))}"
            )
    return {
        name: tensor
        for name, tensor in state.items()
        if not any(fnmatchcase(name, pattern) for pattern in patterns)
    }


def averaged(state: Mapping[str, Tensor]) -> Averaged:
    """The moving averages of the weights in their place, as latent diffusion's LitEma keeps them.

    Their names are those of the weights without the dots, which buffers may not have, behind
    "model_ema."; with the dots they are known too.

    Args:
        state: what `read_checkpoint` gave.

    Raises:
        ValueError: there are no averages, or one of no tensor in the file.
    """
    weights = {name: tensor for name, tensor in state.items() if not name.startswith(AVERAGES)}
    by_key = {name.replace(".", ""): name for name in weights}
    count = 0
    for name, tensor in state.items():
        key = name.removeprefix(AVERAGES)
        if key == name or key in COUNTERS:
            continue
        place = by_key.get(key.replace(".", ""))
        if place is None:
            raise ValueError(f"{name} is the average of a tensor that is not in this file")
        weights[place] = tensor
        count += 1
    if not count:
        raise ValueError(f"there are no averages of the weights: no name begins with {AVERAGES}")
    return Averaged(weights, count)


def _prefixes(state: Mapping[str, Tensor], pattern: re.Pattern[str]) -> list[str]:
    found = {match[1] for match in map(pattern.fullmatch, state) if match}
    # Averages whose names have kept their dots are no second model.
    return sorted({it for it in found if AVERAGES not in it} or found)
