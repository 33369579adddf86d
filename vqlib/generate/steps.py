"""One token after the other: a prior as a sampler sees it, and tokens that it is given."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from vqlib.generate.sampling import guided_logits


@runtime_checkable
class Steps(Protocol):
    """One token after the other: what a sampler asks of a prior."""

    def empty_cache(self, count: int) -> Any:
        """Room for what `count` pictures need to remember."""
        ...

    def start(
        self, tokens: Int[Tensor, "B t"], prefix: Int[Tensor, "B P"], cache: Any
    ) -> Float[Tensor, "B K"]:
        """Read condition and first tokens into the cache. Returns logits of token t."""
        ...

    def step(self, token: Int[Tensor, " B"], cache: Any) -> Float[Tensor, "B K"]:
        """Read one more token. Returns logits of the next."""
        ...

    def next_logits(
        self, tokens: Int[Tensor, "B t"], lengths: Int[Tensor, " B"], prefix: Int[Tensor, "B P"]
    ) -> Float[Tensor, "B K"]:
        """Logits of the next token where the pictures' known beginnings differ in length.

        Args:
            tokens: their beginnings, filled up with any codes to one length.
            lengths: how many tokens of each are known, 0 to t.
            prefix: as in `Prior.forward`.
        """
        ...


class Uncached:
    """The plain way to draw from a prior: all of the sequence again at each token."""

    def __init__(self, prior: nn.Module):
        self.prior = prior

    def empty_cache(self, count: int) -> dict[str, Tensor]:
        """Condition and tokens so far."""
        return {}

    def start(
        self, tokens: Int[Tensor, "B t"], prefix: Int[Tensor, "B P"], cache: dict[str, Tensor]
    ) -> Float[Tensor, "B K"]:
        """As in `Steps`."""
        cache.update(tokens=tokens, prefix=prefix)
        return self.prior(tokens, prefix)[:, -1]

    def step(self, token: Int[Tensor, " B"], cache: dict[str, Tensor]) -> Float[Tensor, "B K"]:
        """As in `Steps`."""
        tokens = torch.cat([cache["tokens"], token[:, None]], dim=1)
        return self.start(tokens, cache["prefix"], cache)

    def next_logits(
        self, tokens: Int[Tensor, "B t"], lengths: Int[Tensor, " B"], prefix: Int[Tensor, "B P"]
    ) -> Float[Tensor, "B K"]:
        """As in `Steps`."""
        return self.prior.next_logits(tokens, lengths, prefix)


class Guided:
    """Every picture twice, with its condition and without."""

    def __init__(self, steps: Steps, without: Int[Tensor, "1 P"], guidance: float):
        self.steps, self.without, self.guidance = steps, without, guidance

    def empty_cache(self, count: int) -> Any:
        """As in `Steps`."""
        return self.steps.empty_cache(2 * count)

    def start(
        self, tokens: Int[Tensor, "B t"], prefix: Int[Tensor, "B P"], cache: Any
    ) -> Float[Tensor, "B K"]:
        """As in `Steps`."""
        both = torch.cat([prefix, self.without.expand_as(prefix)])
        return self._mix(self.steps.start(tokens.repeat(2, 1), both, cache))

    def step(self, token: Int[Tensor, " B"], cache: Any) -> Float[Tensor, "B K"]:
        """As in `Steps`."""
        return self._mix(self.steps.step(token.repeat(2), cache))

    def next_logits(
        self, tokens: Int[Tensor, "B t"], lengths: Int[Tensor, " B"], prefix: Int[Tensor, "B P"]
    ) -> Float[Tensor, "B K"]:
        """As in `Steps`."""
        both = torch.cat([prefix, self.without.expand_as(prefix)])
        return self._mix(self.steps.next_logits(tokens.repeat(2, 1), lengths.repeat(2), both))

    def _mix(self, logits: Float[Tensor, "_ K"]) -> Float[Tensor, "B K"]:
        with_condition, without = logits.chunk(2)
        return guided_logits(with_condition, without, self.guidance)


@dataclass(frozen=True)
class Known:
    """Tokens that are given. In the order of the sequence: what comes later is not yet seen."""

    tokens: Int[Tensor, "B ..."]
    """int64; what is not kept does not matter."""
    keep: Bool[Tensor, "B ..."]
    """Where they are given."""

    def __post_init__(self):
        if self.tokens.shape != self.keep.shape:
            raise ValueError(
                f"tokens have the shape {tuple(self.tokens.shape)}, the mask "
                f"{tuple(self.keep.shape)}; they must be alike"
            )


def fill(drawn: Int[Tensor, " B"], known: Known | None, i: int) -> Int[Tensor, " B"]:
    """Drawn tokens of raster position i, or the known ones."""
    if known is None:
        return drawn
    tokens, keep = (x.flatten(1)[:, i].to(drawn.device) for x in (known.tokens, known.keep))
    return torch.where(keep, tokens, drawn)
