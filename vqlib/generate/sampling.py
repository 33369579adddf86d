"""From logits to tokens, one at a time: temperature, top-k, top-p."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vqlib.generate.gpt import GPT


def top_k_logits(logits: Float[Tensor, "B K"], k: int) -> Float[Tensor, "B K"]:
    """Keep exactly the k largest logits of each row, set the others to −∞.

    Of tied logits those with the lower index stay, so that exactly k are left.
    """
    if k < 1:
        raise ValueError(f"top_k is {k}; it must be at least 1 (None keeps every code)")
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
    probability = logits.gather(-1, order).softmax(-1)
    before = probability.cumsum(-1) - probability  # mass of the more likely codes
    # The most likely code stays whatever p is: `before` is 0 there, up to rounding.
    drop_sorted = before >= p
    drop_sorted[:, 0] = False
    drop = torch.zeros_like(drop_sorted).scatter(-1, order, drop_sorted)
    return logits.masked_fill(drop, -math.inf)


def sample_token(
    logits: Float[Tensor, "B K"],
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Int[Tensor, " B"]:
    """Draw one token per row.

    Args:
        logits: any floating dtype; the arithmetic is float32.
        temperature: divides the logits; below 1 sharpens. Must be positive.
        top_k: keep the k most likely codes; k ≥ K keeps all.
        top_p: then keep the nucleus of mass p of what top-k left.
        generator: source of randomness, on the device of the logits.
    """
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}; it must be positive (top_k=1 is greedy)")
    logits = logits.float() / temperature
    if top_k is not None:
        logits = top_k_logits(logits, top_k)
    if top_p is not None:
        logits = top_p_logits(logits, top_p)
    probability = logits.softmax(-1)
    return torch.multinomial(probability, num_samples=1, generator=generator).squeeze(1)


@torch.no_grad()
def generate(
    model: GPT,
    condition: Int[Tensor, " B"],
    *,
    prompt: Int[Tensor, "P t"] | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Int[Tensor, "B T"]:
    """Complete pictures token by token in raster order.

    Args:
        model: the prior; it is used in eval mode and its mode is restored afterwards.
        condition: one id per picture, e.g. the class, int64 in [0, num_conditions).
        prompt: the first t ≥ 0 tokens of each picture (P = B), kept as they are; none by default.
        temperature: as in `sample_token`, like the three below.
        top_k: as in `sample_token`.
        top_p: as in `sample_token`.
        generator: as in `sample_token`.

    Returns:
        All num_tokens tokens of each picture, int64 in [0, num_codes).
    """
    B = len(condition)
    tokens = condition.new_empty(B, 0) if prompt is None else prompt
    if len(tokens) != B:
        raise ValueError(f"{len(tokens)} prompts for {B} conditions; give one for each")
    was_training = model.training
    model.eval()
    try:
        while tokens.shape[1] < model.config.num_tokens:
            logits = model(tokens, condition)[:, -1]
            token = sample_token(
                logits, temperature=temperature, top_k=top_k, top_p=top_p, generator=generator
            )
            tokens = torch.cat([tokens, token[:, None]], dim=1)
    finally:
        model.train(was_training)
    return tokens
