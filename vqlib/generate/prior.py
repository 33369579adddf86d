"""The contract of stage 2: p(s | c) = ∏ᵢ p(sᵢ | s₍<ᵢ₎, c), to be scored and to be drawn from."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from vqlib.generate.condition import (
    ClassCondition,
    CoordinateCondition,
    MapCondition,
    NoCondition,
    check_grid,
)
from vqlib.generate.order import Order
from vqlib.generate.sampling import Sampling, noise
from vqlib.generate.steps import Guided, Known, Steps, Uncached, fill
from vqlib.generate.text import TextCondition

AnyCondition = ClassCondition | CoordinateCondition | MapCondition | NoCondition | TextCondition


@dataclass(frozen=True)
class PriorConfig:
    """What every prior has to know."""

    num_codes: int = 1024
    """K, size of the codebook whose tokens are modelled; also the number of logits."""
    grid: tuple[int, int] = (16, 16)
    """Rows and columns of tokens in one picture."""
    condition: AnyCondition = field(default_factory=NoCondition)
    """What the pictures are drawn from."""
    guidance: bool = False
    """The model also knows pictures without their condition, so that sampling can be guided."""

    def __post_init__(self):
        check_grid(self.grid)
        if self.num_codes < 1:
            raise ValueError(f"num_codes is {self.num_codes}; it must be at least 1")
        if isinstance(self.condition, CoordinateCondition) and self.condition.grid != self.grid:
            raise ValueError(
                f"the coordinates are those of a window of {self.condition.grid} tokens, the "
                f"model's is {self.grid}; make them equal"
            )
        if self.guidance and isinstance(self.condition, NoCondition):
            raise ValueError("guidance needs a condition to exaggerate; this model has none")

    @property
    def num_tokens(self) -> int:
        """T = h·w."""
        return self.grid[0] * self.grid[1]

    @property
    def num_ids(self) -> int:
        """Ids of the condition; with guidance one more, which stands for none."""
        return self.condition.num_ids + self.guidance


class Prior(nn.Module, ABC):
    """Stage 2: a distribution over token grids, given a condition.

    Sequences are in the model's own order, which is that of the rows except where a GPT has
    another; `log_prob` and `sample` take and give rows.

    Args:
        config: shape of the model.
    """

    def __init__(self, config: PriorConfig):
        super().__init__()
        self.config = config

    @abstractmethod
    def forward(
        self, tokens: Int[Tensor, "B t"], prefix: Int[Tensor, "B P"]
    ) -> Float[Tensor, "B t+1 K"]:
        """Logits for every next token at once.

        Args:
            tokens: the first t tokens, int64 in [0, num_codes); 0 ≤ t < T, since nothing comes
                after the last token.
            prefix: ids of the condition, see `prefix`.

        Returns:
            `logits[:, i]` predicts token i from the condition and tokens 0 … i − 1.
        """

    @abstractmethod
    def empty_cache(self, count: int) -> Any:
        """As in `Steps`, like the two below."""

    @abstractmethod
    def start(
        self, tokens: Int[Tensor, "B t"], prefix: Int[Tensor, "B P"], cache: Any
    ) -> Float[Tensor, "B K"]:
        """As in `Steps`. The cache may have been used before; nothing of that is left."""

    @abstractmethod
    def step(self, token: Int[Tensor, " B"], cache: Any) -> Float[Tensor, "B K"]:
        """As in `Steps`."""

    def next_logits(
        self, tokens: Int[Tensor, "B t"], lengths: Int[Tensor, " B"], prefix: Int[Tensor, "B P"]
    ) -> Float[Tensor, "B K"]:
        """As in `Steps`."""
        rows = torch.arange(len(tokens), device=tokens.device)
        return self(tokens, prefix)[rows, lengths]

    @property
    def order(self) -> Order:
        """In which order the tokens come."""
        return Order()

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.parameters()).device

    def prefix(self, condition: Any, count: int | None = None) -> Int[Tensor, "B P"]:
        """The ids of a condition on the model's device.

        Args:
            condition: what the model's kind of condition takes, see `vqlib.generate.condition`.
            count: number of pictures, needed where the condition does not tell it.

        Raises:
            ValueError: the condition is not of the model's kind, or the number of pictures is open,
                below 1 or not that of the condition.
        """
        if count is None and condition is None:
            raise ValueError("how many pictures? Give count, or a condition for each")
        count = len(condition) if count is None else count
        if count < 1:
            raise ValueError(f"count is {count}; it must be at least 1 picture")
        return self.config.condition.ids(condition, count).to(self.device)

    def check_lengths(self, tokens: Int[Tensor, "B t"], prefix: Int[Tensor, "B P"]) -> None:
        """What `forward` and `start` refuse.

        Raises:
            ValueError: so many tokens that none is left to predict, or another number of ids than
                the condition has.
        """
        T, t, P = self.config.num_tokens, tokens.shape[1], self.config.condition.length
        if t >= T:
            raise ValueError(
                f"{t} tokens given, but a picture of {T} is predicted from at most its first "
                f"{T - 1}"
            )
        if prefix.ndim != 2 or prefix.shape[1] != P:
            raise ValueError(
                f"a prefix of {prefix.shape[-1]} ids given, in the shape {tuple(prefix.shape)}, "
                f"but this model's condition has {P}; use `prefix` to make it"
            )

    def without_condition(self) -> Int[Tensor, "1 P"]:
        """The prefix that stands for no condition.

        Raises:
            ValueError: the model was not made for that.
        """
        config = self.config
        if not config.guidance:
            raise ValueError(
                "this model knows no pictures without a condition, so it cannot be guided; train "
                "one with guidance in its configuration"
            )
        return torch.full((1, config.condition.length), config.num_ids - 1, device=self.device)

    def log_prob(self, tokens: Int[Tensor, "B T"], condition: Any = None) -> Float[Tensor, "B T"]:
        """log p(sᵢ | s₍<ᵢ₎, c) of each token, in nats, row by row; their sum is log p(s | c).

        Args:
            tokens: whole pictures in rows, int64 in [0, num_codes).
            condition: as in `prefix`.

        Raises:
            ValueError: not T tokens, or the condition does not fit.
        """
        if tokens.shape[1] != self.config.num_tokens:
            raise ValueError(
                f"{tokens.shape[1]} tokens per picture, but the model has "
                f"{self.config.num_tokens}: a grid of {self.config.grid}"
            )
        sequence = tokens[:, self.order.permutation(*self.config.grid)]
        logits = self(sequence[:, :-1], self.prefix(condition, len(tokens)))
        log_p = F.log_softmax(logits.float(), dim=-1)
        found = log_p.gather(-1, sequence[:, :, None]).squeeze(-1)
        return found[:, self.order.inverse(*self.config.grid)]

    def sample(
        self,
        condition: Any = None,
        sampling: Sampling = Sampling(),  # noqa: B008 (frozen)
        *,
        count: int | None = None,
        seed: int | Sequence[int] = 0,
        known: Known | None = None,
        cached: bool = True,
        progress: bool = False,
    ) -> Int[Tensor, "B T"]:
        """Draw pictures token by token.

        Args:
            condition: as in `prefix`.
            sampling: temperature, top-k, top-p, guidance.
            count: as in `prefix`.
            seed: of the first picture, the others count on; or one for each.
            known: tokens that are given; the rest is drawn around them.
            cached: remember what can be reused (the same tokens, much faster).
            progress: show a bar.

        Returns:
            T tokens per picture in rows, int64 in [0, num_codes).

        Raises:
            ValueError: condition, known tokens, seeds or guidance do not fit.
        """
        prefix = self.prefix(condition, count)
        B, T = len(prefix), self.config.num_tokens
        if known is not None and (len(known.tokens), known.tokens.numel()) != (B, B * T):
            raise ValueError(
                f"the known tokens have the shape {tuple(known.tokens.shape)}; {T} for each of "
                f"{B} pictures are expected"
            )
        u = noise(seed, B, T).to(self.device)
        tokens = torch.zeros(B, T, dtype=torch.int64, device=self.device)
        positions = self.order.permutation(*self.config.grid).tolist()
        steps = stepping(self, sampling.guidance, cached=cached)
        with evaluating(self), torch.inference_mode():
            cache = steps.empty_cache(B)
            logits = steps.start(tokens[:, :0], prefix, cache)
            for number, i in enumerate(tqdm(positions, "tokens", disable=not progress), start=1):
                tokens[:, i] = token = fill(sampling.draw(logits, u[:, i]), known, i)
                if number < T:
                    logits = steps.step(token, cache)
        return tokens


def negative_log_likelihood(
    logits: Float[Tensor, "B T K"], sequence: Int[Tensor, "B T"]
) -> Float[Tensor, ""]:
    """−log p(s | c) in nats per image token, averaged over the batch (*Taming*, eqs. 9 and 10).

    Args:
        logits: what a prior gives for all tokens but the last.
        sequence: whole pictures in the prior's own order.
    """
    return F.cross_entropy(logits.float().flatten(0, 1), sequence.flatten())


def stepping(prior: Prior, guidance: float, *, cached: bool = True) -> Steps:
    """The prior itself, or what stands before it: uncached, guided."""
    steps: Steps = prior if cached else Uncached(prior)
    return steps if guidance == 1 else Guided(steps, prior.without_condition(), guidance)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode inside, the mode from before afterwards."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
