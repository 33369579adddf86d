"""The cases of a check: those that the lessons show, or others that follow from a seed."""

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

Case = TypeVar("Case")


def cases(
    seed: int, shown: Iterable[Case], drawn: Callable[[Random], Iterable[Case]]
) -> list[Case]:
    """`shown` for seed 0; for any other seed what `drawn` makes of its random numbers."""
    return list(drawn(Random(seed)) if seed else shown)


def normal(seed: int, *shapes: Sequence[int]) -> list[Float[Tensor, "..."]]:
    """Normal random tensors of these shapes, whatever the learner seeded."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def leaves(seed: int, *shapes: Sequence[int]) -> list[Float[Tensor, "..."]]:
    """The same as leaves of the graph, to ask for the gradient that arrives at them."""
    return [x.requires_grad_() for x in normal(seed, *shapes)]
