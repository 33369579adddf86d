"""How many bits does a picture cost as tokens?"""

import math

from jaxtyping import Int
from torch import Tensor

from vqlib.compress import perplexity


def bits_per_image(num_codes: int, num_tokens: int) -> float:
    """T·log₂ K: every token is stored as a number below K, whatever the picture.

    Args:
        num_codes: K ≥ 1.
        num_tokens: T = h·w ≥ 1, tokens of one image.
    """
    if num_codes < 1 or num_tokens < 1:
        raise ValueError(
            f"num_codes is {num_codes} and num_tokens {num_tokens}; both must be at least 1"
        )
    return num_tokens * math.log2(num_codes)


def entropy_bits_per_image(counts: Int[Tensor, " K"], num_tokens: int) -> float:
    """T·log₂ of the perplexity: what an ideal code needs that knows how often each code occurs.

    Never more than `bits_per_image`, and equal to it where all codes occur equally often. Each
    token is coded without a look at the others; a prior that does look needs fewer bits.

    Args:
        counts: occurrences of each code over a data set, from `code_counts`.
        num_tokens: T ≥ 1, tokens of one image.
    """
    if num_tokens < 1:
        raise ValueError(f"num_tokens is {num_tokens}; it must be at least 1")
    return num_tokens * math.log2(perplexity(counts))


def compression_ratio(bits: float, image_shape: tuple[int, int, int]) -> float:
    """How many times fewer bits than the picture has at 8 bits a value.

    Args:
        bits: of the compressed image, more than 0.
        image_shape: (C, H, W).
    """
    if bits <= 0:
        raise ValueError(f"bits is {bits}; a ratio needs more than 0")
    return 8 * math.prod(image_shape) / bits
