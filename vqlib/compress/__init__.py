"""Stage 1: images to tokens and back."""

from vqlib.compress.autoencoder import AutoencoderConfig, Decoder, Encoder
from vqlib.compress.losses import reconstruction_loss, vqvae_loss
from vqlib.compress.quantize import (
    Quantized,
    VectorQuantizer,
    code_counts,
    codebook_usage,
    nearest_code,
    perplexity,
    straight_through,
)
from vqlib.compress.vqvae import VQVAE, VQVAEConfig, vqvae_cifar10, vqvae_digits

__all__ = [
    "VQVAE",
    "AutoencoderConfig",
    "Decoder",
    "Encoder",
    "Quantized",
    "VQVAEConfig",
    "VectorQuantizer",
    "code_counts",
    "codebook_usage",
    "nearest_code",
    "perplexity",
    "reconstruction_loss",
    "straight_through",
    "vqvae_cifar10",
    "vqvae_digits",
    "vqvae_loss",
]
