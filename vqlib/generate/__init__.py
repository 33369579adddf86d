"""Stage 2: model sequences of tokens and draw new ones. Knows tokens (int64), not images."""

from vqlib.generate.gpt import GPT, GPTConfig, negative_log_likelihood
from vqlib.generate.sampling import generate, sample_token, top_k_logits, top_p_logits

__all__ = [
    "GPT",
    "GPTConfig",
    "generate",
    "negative_log_likelihood",
    "sample_token",
    "top_k_logits",
    "top_p_logits",
]
