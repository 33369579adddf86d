"""What every recipe fixes, and what every training run returns."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Generic, Literal, TypeVar, get_args, get_origin

from vqlib.saved.model import Model

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Recipe:
    """What every recipe fixes. The seed and the step alone decide which images are in a batch."""

    steps: int = 1000
    """Optimiser steps in all."""
    batch_size: int = 64
    """Images per step, over all processes."""
    learning_rate: float = 1e-3
    """Peak learning rate of AdamW."""
    warmup_steps: int = 50
    """Steps of linear warm-up."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """After the warm-up: half a cosine down to zero, or no change."""
    seed: int = 0
    """Seed of the initial weights, of the order of the data, of random crops and of dropout."""
    max_grad_norm: float | None = None
    """Longer gradients are shortened to this norm, all weights together; none: never."""
    accumulate: int = 1
    """Parts that a batch is computed in, one after the other, to need less memory."""
    ema_decay: float | None = None
    """Such as 0.999: the saved model's weights are a moving average over the steps."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """bf16: convolutions and matrix products in half the bits; losses stay in fp32."""
    compile: bool = False
    """Compile the model; the first steps take minutes, the others are faster."""
    log_every: int = 10
    """Steps between two lines of the log."""
    save_every: int = 500
    """Steps between two checkpoints (where a run folder is given)."""
    tensorboard: bool = False
    """Also log for TensorBoard (where a run folder is given)."""

    def __post_init__(self):
        for name in ("steps", "batch_size", "accumulate", "log_every", "save_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        for field in fields(self):
            value, choices = getattr(self, field.name), get_args(field.type)
            if get_origin(field.type) is Literal and value not in choices:
                known = ", ".join(map(repr, choices))
                raise ValueError(f"{field.name} is {value!r}; use one of {known}")
        self.check_not_negative("warmup_steps")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be positive")
        if self.max_grad_norm is not None and not self.max_grad_norm > 0:
            raise ValueError(
                f"max_grad_norm is {self.max_grad_norm}; use a positive number, or none"
            )
        if not 0 <= self.seed < MOST_SEEDS:
            raise ValueError(f"seed is {self.seed}; use 0 to 2**63 − 1")
        if self.batch_size % self.accumulate:
            raise ValueError(
                f"accumulate is {self.accumulate}; a batch of {self.batch_size} does not divide so"
            )
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            raise ValueError(f"ema_decay is {self.ema_decay}; use a number such as 0.999, or none")

    def check_not_negative(self, *names: str) -> None:
        """Raise `ValueError` where a field of one of these names is below 0."""
        for name in names:
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")

    def learning_rate_at(self, step: int) -> float:
        """Linear warm-up, then what the schedule says."""
        return self.learning_rate * self.rate_at(step)

    def rate_at(self, step: int) -> float:
        """The learning rate at a step as a share of its peak, in [0, 1]."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        if self.schedule == "constant":
            return 1.0
        progress = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

    def differences(self, other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
        """Fields that would train another model than a recipe saved as JSON: (its value, ours).

        A field that the saved one lacks is younger, and was as its default is.
        """
        then = {field.name: field.default for field in fields(self)} | other
        return {
            name: (then[name], value)
            for name, value in asdict(self).items()
            if name not in FREE and then[name] != value
        }


# These change nothing in what a step computes, so a resumed run may change them. More steps make a
# run longer; with the cosine schedule its learning rate then goes on along the longer cosine.
FREE = {"steps", "log_every", "save_every", "sample_every", "tensorboard", "workers", "compile"}
# One more than the largest seed.
MOST_SEEDS = 2**63


@dataclass(frozen=True)
class Trained(Generic[M]):
    """What a recipe returns."""

    model: M
    """The trained model, in eval mode; the averaged one where the recipe averages."""
    history: list[dict[str, int | float]]
    """One entry per logged step: step, seconds and the recipe's losses."""
    steps_done: int
    """Fewer than the recipe's steps if the run was interrupted."""
    seconds: float
    """Time in the loop of this call."""
    stopped_early: bool = False
    """The recipe ended the run because held-out pictures were no longer predicted better."""
    signal: int | None = None
    """Number of the signal that interrupted the run, such as 2 for Ctrl-C and 15 for SIGTERM."""
