"""VQGAN's encoder and decoder (Taming Transformers, appendix A, table 7)."""

from dataclasses import dataclass
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from vqlib.compress.autoencoder import apart, check_images
from vqlib.compress.layers import (
    Downsample,
    NormResBlock,
    SpatialAttention,
    Upsample,
    group_norm,
)


@dataclass(frozen=True)
class VQGANAutoencoderConfig:
    """Shape of VQGAN's autoencoder; the defaults are the paper's, f = 16."""

    image_channels: int = 3
    """1 for grey images, 3 for colour, or the number of labels for one-hot label maps."""
    base_channels: int = 128
    """Width at full resolution."""
    channel_multipliers: tuple[int, ...] = (1, 1, 2, 2, 4)
    """Width of each level, in units of base_channels; from level to level the size halves."""
    num_res_blocks: int = 2
    """Residual blocks per level in the encoder; the decoder has one more."""
    latent_channels: int = 256
    """Channels that the encoder gives."""
    code_dim: int = 256
    """D, dimension of a code; a 1×1 convolution on either side of the codebook leads there."""
    dropout: float = 0.0
    """Dropout probability in the residual blocks."""
    attention_levels: tuple[int, ...] | None = None
    """Levels with attention after each residual block, counted from the full resolution, which is
    0; () for none. By default the lowest alone."""
    middle_attention: bool = True
    """Attention between the two blocks at the bottom of either half."""

    def __post_init__(self):
        for name in ("image_channels", "base_channels", "num_res_blocks", "latent_channels"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.code_dim < 1:
            raise ValueError(f"code_dim is {self.code_dim}; it must be at least 1")
        if not self.channel_multipliers or min(self.channel_multipliers) < 1:
            raise ValueError(
                f"channel_multipliers is {self.channel_multipliers}; give one number ≥ 1 per level"
            )
        last = len(self.channel_multipliers) - 1
        if not set(self.attention_levels or ()) <= set(range(last + 1)):
            raise ValueError(
                f"attention_levels is {self.attention_levels}; the levels are 0 (full resolution) "
                f"to {last}"
            )

    @property
    def downsampling_factor(self) -> int:
        """f: an image of H×W pixels becomes (H/f)×(W/f) tokens."""
        return 2 ** (len(self.channel_multipliers) - 1)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels at each level, full resolution first."""
        return tuple(self.base_channels * m for m in self.channel_multipliers)

    def attends(self, level: int) -> bool:
        """Whether there is attention at a level; 0 is the full resolution."""
        if self.attention_levels is None:
            return level == len(self.channel_multipliers) - 1
        return level in self.attention_levels

    def build(self) -> tuple[nn.Module, nn.Module]:
        """A new encoder and decoder of this shape."""
        return VQGANEncoder(self), VQGANDecoder(self)


class Level(nn.Module):
    """What happens at one resolution: residual blocks, each with attention after it or not.

    Args:
        in_channels: channels in.
        out_channels: channels out.
        num_blocks: residual blocks.
        attention: attend after each block.
        dropout: in the residual blocks.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_blocks: int,
        *,
        attention: bool,
        dropout: float,
    ):
        super().__init__()
        channels = [in_channels] + [out_channels] * num_blocks
        self.blocks = nn.ModuleList(
            NormResBlock(a, b, dropout=dropout) for a, b in pairwise(channels)
        )
        self.attention = nn.ModuleList(
            SpatialAttention(out_channels) if attention else nn.Identity() for _ in self.blocks
        )

    def forward(self, x: Float[Tensor, "B C_in h w"]) -> Float[Tensor, "B C_out h w"]:
        """Same height and width in and out."""
        for block, attend in zip(self.blocks, self.attention, strict=True):
            x = attend(block(x))
        return x


class Middle(nn.Module):
    """The bottom of either half: block, attention, block.

    Args:
        channels: channels in and out.
        attention: attend between the blocks (the paper's network does).
        dropout: in the residual blocks.
    """

    def __init__(self, channels: int, *, attention: bool, dropout: float):
        super().__init__()
        self.block1 = NormResBlock(channels, channels, dropout=dropout)
        self.attention = SpatialAttention(channels) if attention else nn.Identity()
        self.block2 = NormResBlock(channels, channels, dropout=dropout)

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
        """Same shape in and out."""
        return self.block2(self.attention(self.block1(x)))


class VQGANEncoder(nn.Module):
    """Images to latents: levels of residual blocks, each half the size of the one before."""

    def __init__(self, config: VQGANAutoencoderConfig):
        super().__init__()
        self.config = config
        widths = config.widths
        self.conv_in = nn.Conv2d(config.image_channels, widths[0], kernel_size=3, padding=1)
        channels = (widths[0], *widths)
        options = {"dropout": config.dropout}
        self.levels = nn.ModuleList(
            Level(channels[i], width, config.num_res_blocks, attention=config.attends(i), **options)
            for i, width in enumerate(widths)
        )
        self.downsamples = nn.ModuleList(Downsample(width) for width in widths[:-1])
        self.middle = Middle(widths[-1], attention=config.middle_attention, **options)
        self.norm_out = group_norm(widths[-1])
        self.conv_out = nn.Conv2d(widths[-1], config.latent_channels, kernel_size=3, padding=1)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """Encode images in [-1, 1]; h = H/f, w = W/f. Raises `ValueError` on a wrong shape."""
        check_images(x, self.config.image_channels, self.config.downsampling_factor)
        h = self.levels[0](self.conv_in(x))
        for downsample, level in zip(self.downsamples, self.levels[1:], strict=True):
            h = level(downsample(h))
        return self.conv_out(F.silu(self.norm_out(self.middle(h))))


class VQGANDecoder(nn.Module):
    """Latents to images: the encoder's mirror, with one residual block more per level."""

    def __init__(self, config: VQGANAutoencoderConfig):
        super().__init__()
        widths = config.widths[::-1]  # lowest resolution first
        self.conv_in = nn.Conv2d(config.latent_channels, widths[0], kernel_size=3, padding=1)
        options = {"dropout": config.dropout}
        self.middle = Middle(widths[0], attention=config.middle_attention, **options)
        channels, last = (widths[0], *widths), len(widths) - 1
        blocks = config.num_res_blocks + 1
        self.levels = nn.ModuleList(
            Level(channels[i], width, blocks, attention=config.attends(last - i), **options)
            for i, width in enumerate(widths)
        )
        self.upsamples = nn.ModuleList(Upsample(width) for width in widths[:-1])
        self.norm_out = group_norm(widths[-1])
        self.conv_out = nn.Conv2d(widths[-1], config.image_channels, kernel_size=3, padding=1)

    @property
    def last_layer(self) -> nn.Parameter:
        """Weight of the last convolution: where the adaptive weight λ compares gradients."""
        return self.conv_out.weight

    def forward(self, z_q: Float[Tensor, "B D h w"]) -> Float[Tensor, "B C H W"]:
        """Decode latents. Training pulls the output to [-1, 1]; nothing clips it here."""
        h = self.levels[0](self.middle(self.conv_in(z_q)))
        for upsample, level in zip(self.upsamples, self.levels[1:], strict=True):
            h = level(upsample(h))
        return apart(self.conv_out, F.silu(self.norm_out(h)))
