"""Priors small enough to be compared number by number: every model with every condition."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from vqlib.generate import (
    ClassCondition,
    Condition,
    CoordinateCondition,
    GPTConfig,
    MapCondition,
    NoCondition,
    Order,
    Place,
    Prior,
    TextCondition,
)

GRID, CODES = (3, 4), 7
SMALL_GPT = {"num_layers": 2, "num_heads": 2, "width": 8}

# Each makes a configuration from num_codes, grid, condition and guidance. A new prior is one line.
MAKERS: dict[str, Callable[..., Any]] = {
    "gpt": partial(GPTConfig, **SMALL_GPT),
    "gpt_full_prefix": partial(GPTConfig, prefix_attention="full", **SMALL_GPT),
    "gpt_spiral": partial(GPTConfig, order=Order("spiral_out"), **SMALL_GPT),
}

# Pairs of pictures for which all conditions make a difference.
PLACES = torch.tensor([Place(0, 0, 6, 8), Place(3, 4, 6, 8)])
CONDITIONS: dict[str, tuple[Condition, Any]] = {
    "none": (NoCondition(), None),
    "class": (ClassCondition(3), torch.tensor([0, 2])),
    "map": (
        MapCondition(5, (2, 3)),
        torch.tensor([[[0, 1, 2], [3, 4, 0]], [[4, 3, 3], [1, 2, 2]]]),
    ),
    "coordinates": (CoordinateCondition(GRID, bins=4), PLACES),
    "text": (TextCondition(("a", "lake", "red", "sun"), 3), ["a red sun", "a lake"]),
}


class Case(NamedTuple):
    """A model, a condition for two pictures, and how strongly it is guided."""

    prior: Prior
    value: Any
    guidance: float


def noisy(model: nn.Module) -> Any:
    """In float64, and with weights far from the small initial ones: every path shows.

    Tokens and conditions weigh more, so that what is drawn depends on them.
    """
    for name, parameter in model.named_parameters():
        told = name in ("token_embedding.weight", "condition_embedding.weight")
        nn.init.normal_(parameter, std=2.0 if told else 0.5)
    return model.double().eval()


def prior_of(maker: str, kind: str = "none", **options: Any) -> Prior:
    """A model whose every weight matters."""
    shape = {"num_codes": CODES, "grid": GRID, "condition": CONDITIONS[kind][0]} | options
    return noisy(MAKERS[maker](**shape).build())


def case(maker: str, kind: str, guidance: float) -> Case:
    """A model that can be guided where it is."""
    prior = prior_of(maker, kind, guidance=guidance != 1)
    return Case(prior, CONDITIONS[kind][1], guidance)


ALL_CASES = [
    (maker, kind, guidance)
    for maker in MAKERS
    for kind in CONDITIONS
    for guidance in (1.0, 2.5)
    if kind != "none" or guidance == 1
]


def tokens_for(prior: Prior, count: int = 2) -> Tensor:
    """Random pictures in rows."""
    return torch.randint(prior.config.num_codes, (count, prior.config.num_tokens))


def unchecked(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method as users have it, without the types that the test run checks."""
    return partial(inspect.unwrap(method.__func__), method.__self__)
