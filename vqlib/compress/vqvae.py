"""VQVAE: encoder, codebook, decoder. Images in, tokens out, and back."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vqlib.compress.autoencoder import AutoencoderConfig, Decoder, Encoder
from vqlib.compress.quantize import Quantized, VectorQuantizer


@dataclass(frozen=True)
class VQVAEConfig:
    """Everything that fixes the shape of a VQVAE."""

    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    """Encoder and decoder."""
    num_codes: int = 512
    """K, size of the codebook."""
    image_size: int = 32
    """Side of the training images in pixels. The model itself takes any multiples of f."""

    def __post_init__(self):
        f = self.autoencoder.downsampling_factor
        if self.num_codes < 2:
            raise ValueError(f"num_codes is {self.num_codes}; a codebook needs at least 2 codes")
        if self.image_size < f or self.image_size % f:
            raise ValueError(f"image_size is {self.image_size}; it must be a multiple of f = {f}")

    @property
    def grid_size(self) -> int:
        """Tokens along one side of a training image: image_size / f."""
        return self.image_size // self.autoencoder.downsampling_factor

    @property
    def code_dim(self) -> int:
        """D, dimension of a code."""
        return self.autoencoder.code_dim


class VQVAE(nn.Module):
    """Stage 1. Compresses an image to an h×w grid of integers and back.

    Source: van den Oord et al., *Neural Discrete Representation Learning*, section 3.
    """

    def __init__(self, config: VQVAEConfig):
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.autoencoder)
        self.quantizer = VectorQuantizer(config.num_codes, config.code_dim)
        self.decoder = Decoder(config.autoencoder)

    def forward(self, x: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B C H W"], Quantized]:
        """Reconstruct images in [-1, 1]. Returns x̂ and what the quantizer saw, for the loss."""
        quantized = self.quantizer(self.encoder(x))
        return self.decoder(quantized.z_q), quantized

    @torch.no_grad()
    def encode(self, x: Float[Tensor, "B C H W"]) -> Int[Tensor, "B h w"]:
        """Images in [-1, 1] to tokens, int64 in [0, num_codes)."""
        return self.quantizer(self.encoder(x)).tokens

    @torch.no_grad()
    def decode(self, tokens: Int[Tensor, "B h w"]) -> Float[Tensor, "B C H W"]:
        """Tokens to images, clipped to [-1, 1]. Tokens out of range raise `ValueError`."""
        return self.decoder(self.quantizer.lookup(tokens)).clamp(-1, 1)


def vqvae_digits() -> VQVAEConfig:
    """The course's digits codec: 1×32×32 → 4×4 tokens out of 64, f = 8."""
    autoencoder = AutoencoderConfig(
        image_channels=1,
        hidden_channels=48,
        res_channels=32,
        num_res_blocks=2,
        num_downsamplings=3,
        code_dim=16,
    )
    return VQVAEConfig(autoencoder, num_codes=64, image_size=32)


def vqvae_cifar10() -> VQVAEConfig:
    """The VQVAE paper's network (section 4.1) for 3×32×32 photos → 8×8 tokens out of 512, f = 4.

    One code per position; the paper used ten per position for CIFAR-10 (section 3.2).
    """
    autoencoder = AutoencoderConfig(
        image_channels=3,
        hidden_channels=256,
        res_channels=256,
        num_res_blocks=2,
        num_downsamplings=2,
        code_dim=64,
    )
    return VQVAEConfig(autoencoder, num_codes=512, image_size=32)
