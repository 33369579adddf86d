"""Stage 2: model sequences of tokens and draw new ones. Knows tokens (int64), not images."""

from vqlib.generate.condition import (
    ClassCondition,
    Condition,
    CoordinateCondition,
    MapCondition,
    NoCondition,
    Place,
)
from vqlib.generate.gpt import GPT, GPTConfig
from vqlib.generate.order import Order
from vqlib.generate.pixelcnn import (
    GatedPixelCNN,
    GatedPixelCNNConfig,
    PixelCNN,
    PixelCNNConfig,
)
from vqlib.generate.pixelsnail import PixelSNAIL, PixelSNAILConfig
from vqlib.generate.prior import Prior, PriorConfig, negative_log_likelihood
from vqlib.generate.sampling import Sampling, guided_logits, noise, top_k_logits, top_p_logits
from vqlib.generate.sliding_window import Sequential, Strided, Wavefront, sample_large
from vqlib.generate.steps import Known
from vqlib.generate.text import TextCondition

__all__ = [
    "GPT",
    "ClassCondition",
    "Condition",
    "CoordinateCondition",
    "GPTConfig",
    "GatedPixelCNN",
    "GatedPixelCNNConfig",
    "Known",
    "MapCondition",
    "NoCondition",
    "Order",
    "PixelCNN",
    "PixelCNNConfig",
    "PixelSNAIL",
    "PixelSNAILConfig",
    "Place",
    "Prior",
    "PriorConfig",
    "Sampling",
    "Sequential",
    "Strided",
    "TextCondition",
    "Wavefront",
    "guided_logits",
    "negative_log_likelihood",
    "noise",
    "sample_large",
    "top_k_logits",
    "top_p_logits",
]
