"""From logits to a token: guidance, temperature, top-k, top-p, and one random number per token."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen. The defaults draw from the model's own distribution."""

    temperature: float = 1.0
    """Divides the logits; below 1: safer and less varied."""
    top_k: int | None = None
    """Choose among the k most likely codes only; k ≥ K keeps all."""
    top_p: float | None = None
    """Choose among the most likely codes that together have this probability; after top-k."""
    guidance: float = 1.0
    """Above 1: exaggerate what the condition changes; 0 ignores it."""

    def __post_init__(self):
        if not self.temperature > 0:
            raise ValueError(
                f"temperature is {self.temperature}; it must be positive (a top-k of 1 is greedy)"
            )
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(
                f"top_k is {self.top_k}; it must be at least 1 (without one every code is kept)"
            )
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}; it must be in (0, 1]")
        if not 0 <= self.guidance < math.inf:
            raise ValueError(f"guidance is {self.guidance}; it must be 0 or more (1 is none)")

    def probabilities(self, logits: Float[Tensor, "B K"]) -> Float[Tensor, "B K"]:
        """What the tokens are drawn from, in float32, of logits of any floating dtype."""
        logits = logits.float()
        # The largest becomes 0, so that no temperature makes it infinite.
        logits = (logits - logits.amax(-1, keepdim=True)) / self.temperature
        if self.top_k is not None:
            logits = top_k_logits(logits, self.top_k)
        if self.top_p is not None:
            logits = top_p_logits(logits, self.top_p)
        return logits.softmax(-1)

    def draw(self, logits: Float[Tensor, "B K"], u: Float[Tensor, " B"]) -> Int[Tensor, " B"]:
        """One token per row: the first code at which the probabilities add up to more than u.

        Args:
            logits: any floating dtype.
            u: one number in [0, 1) per row, see `noise`.
        """
        # In float64 the sum of 16,384 probabilities is exact enough for the rarest code.
        reached = self.probabilities(logits).double().cumsum(-1)
        target = u.double()[:, None] * reached[:, -1:]
        return torch.searchsorted(reached, target, right=True).squeeze(1)


def top_k_logits(logits: Float[Tensor, "B K"], k: int) -> Float[Tensor, "B K"]:
    """Keep exactly the k largest logits of each row, set the others to −∞.

    Of tied logits those with the lower index stay, so that exactly k are left.
    """
    if k < 1:
        raise ValueError(f"top_k is {k}; it must be at least 1")
    order = logits.argsort(dim=-1, descending=True, stable=True)
    dropped = order[:, k:]
    return logits.scatter(-1, dropped, -math.inf)


def top_p_logits(logits: Float[Tensor, "B K"], p: float) -> Float[Tensor, "B K"]:
    """Nucleus sampling: keep the smallest set of most likely codes whose probability reaches p.

    Source: Holtzman et al., *The Curious Case of Neural Text Degeneration*, section 3.1.
    """
    if not 0 < p <= 1:
        raise ValueError(f"top_p is {p}; it must be in (0, 1]")
    order = logits.argsort(dim=-1, descending=True, stable=True)
    # In float32 the sum of thousands of codes reaches 1 too early: p = 1 would drop the last ones.
    probability = logits.gather(-1, order).double().softmax(-1)
    before = probability.cumsum(-1) - probability  # mass of the more likely codes
    # The most likely code stays whatever p is: `before` is 0 there, up to rounding.
    drop_sorted = before >= p
    drop_sorted[:, 0] = False
    drop = torch.zeros_like(drop_sorted).scatter(-1, order, drop_sorted)
    return logits.masked_fill(drop, -math.inf)


def guided_logits(
    with_condition: Float[Tensor, "B K"], without: Float[Tensor, "B K"], guidance: float
) -> Float[Tensor, "B K"]:
    """Classifier-free guidance: away from what the model expects without the condition.

    Source: Ho and Salimans, *Classifier-Free Diffusion Guidance*, eq. 6, on logits; their w is
    guidance − 1.
    """
    return without + guidance * (with_condition - without)


def noise(seed: int | Sequence[int], count: int, length: int) -> Float[Tensor, "B T"]:
    """The random numbers that decide every token: float64 in [0, 1), on the CPU.

    Each picture has its own seed, so it comes out the same whatever else is in the batch, and
    with the same numbers another way to compute the same logits gives the same picture.

    Args:
        seed: of the first picture, the others count on from it; or one for each picture.
        count: B, number of pictures.
        length: T, tokens per picture.

    Raises:
        ValueError: no picture, another number of seeds than of pictures, or one below 0.
    """
    if count < 1:
        raise ValueError(f"count is {count}; draw at least 1 picture")
    seeds = range(seed, seed + count) if isinstance(seed, int) else list(seed)
    if len(seeds) != count:
        raise ValueError(f"{len(seeds)} seeds for {count} pictures; give one for each")
    if any(s < 0 for s in seeds):
        raise ValueError(f"seed is {min(seeds)}; use 0 or more")
    rows = []
    for s in seeds:
        # Spread: neighbouring seeds would start the generator in similar states.
        generator = torch.Generator().manual_seed(s * 0x9E3779B97F4A7C15 % 2**63)
        rows.append(torch.rand(length, dtype=torch.float64, generator=generator))
    return torch.stack(rows)
