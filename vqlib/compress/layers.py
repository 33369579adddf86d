"""Building blocks of the two autoencoders: the VQVAE paper's first, then those of VQGAN."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class ResBlock(nn.Module):
    """ReLU, 3×3 conv, ReLU, 1×1 conv, added to the input (VQVAE, section 4.1).

    Args:
        channels: channels in and out.
        hidden_channels: channels between the two convolutions.
    """

    def __init__(self, channels: int, hidden_channels: int):
        super().__init__()
        self.branch = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, hidden_channels, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(hidden_channels, channels, kernel_size=1),
        )

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
        """Same shape in and out."""
        return x + self.branch(x)


def group_norm(channels: int) -> nn.GroupNorm:
    """VQGAN's normalisation: 32 groups (fewer in narrow networks), eps 1e-6."""
    groups = 32
    while channels % groups:
        groups //= 2
    return nn.GroupNorm(groups, channels, eps=1e-6)


class NormResBlock(nn.Module):
    """Twice GroupNorm, swish, 3×3 conv, added to the input (Taming Transformers, appendix A).

    Args:
        in_channels: channels in.
        out_channels: channels out; where they differ, a 1×1 conv fits the input to them.
        dropout: before the second convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, *, dropout: float = 0.0):
        super().__init__()
        self.norm1 = group_norm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)
        self.norm2 = group_norm(out_channels)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1)
        same = in_channels == out_channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Float[Tensor, "B C_in h w"]) -> Float[Tensor, "B C_out h w"]:
        """Same height and width in and out."""
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(self.dropout(F.silu(self.norm2(h))))
        return self.shortcut(x) + h


class SpatialAttention(nn.Module):
    """Every position looks at every other: one head over the h·w positions, added to the input.

    Args:
        channels: channels in and out, and of queries, keys and values.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.norm = group_norm(channels)
        self.query, self.key, self.value, self.out = (
            nn.Conv2d(channels, channels, kernel_size=1) for _ in range(4)
        )

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
        """Same shape in and out."""
        B, C, h, w = x.shape
        normed = self.norm(x)
        q, k, v = (
            project(normed).reshape(B, 1, C, h * w).transpose(2, 3)  # (B, one head, h·w, C)
            for project in (self.query, self.key, self.value)
        )
        attended = F.scaled_dot_product_attention(q, k, v)  # scale C^(−1/2)
        return x + self.out(attended.transpose(2, 3).reshape(B, C, h, w))


class Downsample(nn.Module):
    """Half the height and width: one pixel of zeros right and below, then a 3×3 conv, stride 2."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size=3, stride=2)

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h2 w2"]:
        """(h, w) to (h/2, w/2)."""
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """Twice the height and width: repeat each pixel, then a 3×3 conv to smooth the blocks.

    Args:
        channels: channels in.
        out_channels: channels out; by default as many.
    """

    def __init__(self, channels: int, out_channels: int | None = None):
        super().__init__()
        self.conv = nn.Conv2d(channels, out_channels or channels, kernel_size=3, padding=1)

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C2 h2 w2"]:
        """(h, w) to (2h, 2w)."""
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))
