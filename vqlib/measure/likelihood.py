"""How well does a prior predict pictures? Its likelihood per token, per picture, per dimension.

**What can be compared.** A prior gives the probability of tokens, p(s | c), and −log₂ of it is how
many bits an ideal code spends on them. That is a rate alone. Another codec makes other tokens of
the same picture: one that throws more away leaves less to predict and costs fewer bits, though its
pictures are worse. So priors over *one* codec can be compared by these numbers, and priors over
different codecs cannot, not even per dimension. The exception is a codec that loses nothing, such
as a `ColorPalette` of all colours there are: there the tokens are the picture, p(s) = p(x), and the
bits per dimension are those that models of pixels report.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from tqdm import tqdm

from vqlib.generate.prior import Prior, evaluating


@dataclass(frozen=True)
class Likelihood:
    """A mean negative log-likelihood in the units that papers use."""

    nats_per_token: float
    """Mean −log p(sᵢ | s₍<ᵢ₎, c)."""
    num_tokens: int
    """T, tokens of one picture."""
    image_shape: tuple[int, int, int]
    """(C, H, W) of one picture."""

    def __post_init__(self):
        if not self.nats_per_token >= 0:
            raise ValueError(f"nats_per_token is {self.nats_per_token}; it must be 0 or more")
        if self.num_tokens < 1 or min(self.image_shape) < 1:
            raise ValueError(
                f"num_tokens is {self.num_tokens} and image_shape {self.image_shape}; "
                "all of these must be at least 1"
            )

    @property
    def bits_per_token(self) -> float:
        """Nats over log 2; between 0 and log₂ K for a prior that is no worse than guessing."""
        return self.nats_per_token / math.log(2)

    @property
    def bits_per_image(self) -> float:
        """−log₂ p(s | c) of a whole picture: T times as many."""
        return self.num_tokens * self.bits_per_token

    @property
    def bits_per_dimension(self) -> float:
        """Bits of a picture over its C·H·W values; see above for what it can be compared with."""
        return self.bits_per_image / math.prod(self.image_shape)


@torch.no_grad()
def measure_likelihood(
    prior: Prior,
    tokens: Int[Tensor, "N T"],
    condition: Any = None,
    *,
    image_shape: tuple[int, int, int],
    batch_size: int = 64,
    progress: bool = True,
) -> Likelihood:
    """The likelihood of pictures, given their conditions. The condition's own ids do not count.

    The prior works in eval mode and is left in the mode it was in.

    Args:
        prior: a stage 2.
        tokens: whole pictures in rows, int64, on any device; pictures that the prior has not been
            trained on.
        condition: of each picture, as in `Prior.prefix`.
        image_shape: (C, H, W) of the pictures behind the tokens.
        batch_size: pictures read at once.
        progress: show a bar.

    Raises:
        ValueError: no pictures, another number of conditions, or what `Prior.log_prob` refuses.
    """
    N = len(tokens)
    if N == 0 or batch_size < 1:
        raise ValueError(f"{N} pictures, batch_size is {batch_size}; both must be at least 1")
    if condition is not None and len(condition) != N:
        raise ValueError(f"{len(condition)} conditions for {N} pictures; give one for each")
    total = 0.0
    starts = tqdm(range(0, N, batch_size), "likelihood", disable=not progress)
    with evaluating(prior):
        for first in starts:
            rows = slice(first, first + batch_size)
            given = None if condition is None else condition[rows]
            log_p = prior.log_prob(tokens[rows].to(prior.device), given)
            total -= log_p.sum(dtype=torch.float64).item()
    return Likelihood(total / tokens.numel(), tokens.shape[1], image_shape)
