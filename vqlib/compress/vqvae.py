"""Encoder, codebook, decoder: images in, tokens out, and back. VQVAE and VQGAN share this model;
what differs is the autoencoder's shape and how it is trained."""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from vqlib.compress.autoencoder import AutoencoderConfig
from vqlib.compress.ema import EMACodes
from vqlib.compress.gumbel import GumbelCodes
from vqlib.compress.normalized import NormalizedCodes
from vqlib.compress.quantize import GradientCodes, Quantized, unquantized
from vqlib.compress.vqgan_autoencoder import VQGANAutoencoderConfig


@dataclass(frozen=True)
class VQVAEConfig:
    """Everything that fixes the shape of a VQVAE."""

    autoencoder: AutoencoderConfig | VQGANAutoencoderConfig = field(
        default_factory=AutoencoderConfig
    )
    """Encoder and decoder."""
    num_codes: int = 512
    """K, size of the codebook."""
    image_size: int = 32
    """Side of the training images in pixels. The model itself takes any multiples of f."""
    codes: GradientCodes | EMACodes | NormalizedCodes | GumbelCodes = field(
        default_factory=GradientCodes
    )
    """How the codes are learned."""

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

    @property
    def image_channels(self) -> int:
        """1 for grey, 3 for colour; of label maps the number of labels."""
        return self.autoencoder.image_channels

    @property
    def downsampling_factor(self) -> int:
        """f: a token stands for f×f pixels."""
        return self.autoencoder.downsampling_factor

    def build(self) -> "VQVAE":
        """A new model of this shape."""
        return VQVAE(self)


class VQVAE(nn.Module):
    """Stage 1. Compresses an image to an h×w grid of integers and back.

    Source: van den Oord et al., *Neural Discrete Representation Learning*, section 3; with the
    other autoencoder, Esser et al., *Taming Transformers*, section 3.1.
    """

    def __init__(self, config: VQVAEConfig):
        super().__init__()
        self.config = config
        encoder, decoder = config.autoencoder.build()
        self.encoder = encoder
        self.quantizer = config.codes.build(config.num_codes, config.code_dim)
        self.decoder = decoder
        # VQGAN's encoder has channels of its own number: 1×1 convolutions lead to the codes'.
        channels, D = config.autoencoder.latent_channels, config.code_dim
        bridged = isinstance(config.autoencoder, VQGANAutoencoderConfig)
        self.to_codes = nn.Conv2d(channels, D, kernel_size=1) if bridged else nn.Identity()
        self.from_codes = nn.Conv2d(D, channels, kernel_size=1) if bridged else nn.Identity()

    def forward(
        self, x: Float[Tensor, "B C H W"], *, quantize: bool = True
    ) -> tuple[Float[Tensor, "B C H W"], Quantized]:
        """Reconstruct images in [-1, 1]. Returns x̂ and what the quantizer saw, for the loss.

        Args:
            x: images.
            quantize: False lets the latents through as they are, as in a plain autoencoder: no
                code moves, and both losses of the quantizer are 0.
        """
        z = self.latents(x)
        quantized = self.quantizer(z) if quantize else unquantized(z, self.quantizer)
        return self.decoder(self.from_codes(quantized.z_q)), quantized

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.parameters()).device

    def latents(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """z, what the quantizer is given, of images in [-1, 1]."""
        return self.to_codes(self.encoder(x))

    @torch.no_grad()
    def encode(self, x: Float[Tensor, "B C H W"]) -> Int[Tensor, "B h w"]:
        """Images in [-1, 1] to tokens, int64 in [0, num_codes). Never moves a codebook."""
        return self.quantizer.tokens(self.latents(x))

    @torch.no_grad()
    def decode(self, tokens: Int[Tensor, "B h w"]) -> Float[Tensor, "B C H W"]:
        """Tokens to images, clipped to [-1, 1]. Tokens out of range raise `ValueError`."""
        return self.decoder(self.from_codes(self.quantizer.lookup(tokens))).clamp(-1, 1)


@dataclass(frozen=True)
class LabelMapConfig(VQVAEConfig):
    """The same for segmentation: `autoencoder.image_channels` is the number of labels."""

    def build(self) -> "LabelMapVQVAE":
        """A new model of this shape."""
        return LabelMapVQVAE(self)


class LabelMapVQVAE(VQVAE):
    """A codec of label maps: one-hot channels in, logits of each label out.

    (Taming Transformers, section 3.2: a map as condition gets a second VQGAN; section 4.1: label
    maps are learned with cross-entropy.)
    """

    @property
    def num_labels(self) -> int:
        """Labels are 0 … num_labels − 1."""
        return self.config.autoencoder.image_channels

    def forward(
        self, labels: Int[Tensor, "B H W"], *, quantize: bool = True
    ) -> tuple[Float[Tensor, "B L H W"], Quantized]:
        """Logits of each pixel's label, and what the quantizer saw; train with cross-entropy."""
        return super().forward(self.one_hot(labels), quantize=quantize)

    @torch.no_grad()
    def encode(self, labels: Int[Tensor, "B H W"]) -> Int[Tensor, "B h w"]:
        """Label maps (int64) to tokens."""
        return super().encode(self.one_hot(labels))

    @torch.no_grad()
    def decode(self, tokens: Int[Tensor, "B h w"]) -> Int[Tensor, "B H W"]:
        """Tokens to label maps: the likeliest label at each pixel, int64."""
        return self.decoder(self.from_codes(self.quantizer.lookup(tokens))).argmax(1)

    def one_hot(self, labels: Int[Tensor, "B H W"]) -> Float[Tensor, "B L H W"]:
        """0 and 1, one channel per label; raises `ValueError` on a label that does not exist."""
        if not labels.is_cuda:  # a GPU would have to wait; there one_hot itself asserts
            low, high = int(labels.min()), int(labels.max())
            if low < 0 or high >= self.num_labels:
                raise ValueError(
                    f"labels range over [{low}, {high}], this model has 0 to {self.num_labels - 1}"
                )
        return F.one_hot(labels.long(), self.num_labels).permute(0, 3, 1, 2).float()


def label_maps(config: VQVAEConfig, num_labels: int) -> LabelMapConfig:
    """A configuration for images turned into one for label maps, the rest unchanged."""
    if num_labels < 2:
        raise ValueError(f"num_labels is {num_labels}; a label map needs at least 2")
    autoencoder = replace(config.autoencoder, image_channels=num_labels)
    return LabelMapConfig(autoencoder, config.num_codes, config.image_size, config.codes)


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


def vqvae_photos(image_channels: int = 3, num_codes: int = 512) -> VQVAEConfig:
    """A small codec for 64×64 pictures on a CPU → 16×16 tokens, f = 4, upsampled as VQGAN does."""
    autoencoder = AutoencoderConfig(
        image_channels=image_channels,
        hidden_channels=64,
        res_channels=32,
        num_res_blocks=2,
        num_downsamplings=2,
        code_dim=32,
        upsampling="nearest",
    )
    return VQVAEConfig(autoencoder, num_codes=num_codes, image_size=64)


# Widths by downsampling factor, in units of 128 channels. f = 16 is the paper's (table 7); the
# others leave out or add levels at the same widths.
MULTIPLIERS = {
    2: (1, 2),
    4: (1, 2, 4),
    8: (1, 2, 2, 4),
    16: (1, 1, 2, 2, 4),
    32: (1, 1, 2, 2, 4, 4),
}


def vqgan(
    f: int, num_codes: int = 1024, *, image_size: int = 256, image_channels: int = 3
) -> VQVAEConfig:
    """VQGAN's network at a downsampling factor of 2, 4, 8, 16 or 32.

    Args:
        f: the downsampling factor.
        num_codes: K.
        image_size: side of the training images.
        image_channels: 3 for colour; the number of labels for a `LabelMapVQVAE`.
    """
    if f not in MULTIPLIERS:
        raise ValueError(f"f is {f}; presets exist for {', '.join(map(str, MULTIPLIERS))}")
    autoencoder = VQGANAutoencoderConfig(
        image_channels=image_channels, channel_multipliers=MULTIPLIERS[f]
    )
    return VQVAEConfig(autoencoder, num_codes=num_codes, image_size=image_size)


def vqgan_f16(num_codes: int = 1024) -> VQVAEConfig:
    """The paper's: 3×256×256 → 16×16 tokens, 29.3 M + 42.5 M parameters in encoder and decoder."""
    return vqgan(16, num_codes)
