"""PixelCNN: each token from those before it, by convolutions that do not see what comes later.

Two forms. The plain one masks its windows; tokens far to the right in the rows above are then never
seen, however many layers there are. The gated one has two stacks of layers, one for the rows above
and one for the row itself, and sees all.

Source: van den Oord et al., *Pixel Recurrent Neural Networks*, sections 3.4 and 3.5 (plain), and
*Conditional Image Generation with PixelCNN Decoders*, sections 2.1 to 2.3 (gated).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from vqlib.generate.causal_conv import (
    CausalConv2d,
    GridCache,
    GridPrior,
    GridPriorConfig,
    MaskedConv2d,
)


@dataclass(frozen=True)
class BothPixelCNNConfig(GridPriorConfig):
    """What the plain and the gated form have in common."""

    num_layers: int = 10
    """Blocks behind the first layer."""
    kernel_size: int = 3
    """Odd side of the square whose part that comes before is a block's window."""
    first_kernel_size: int = 7
    """The same for the first layer, which reads the tokens."""

    def __post_init__(self):
        super().__post_init__()
        for name, least in (("kernel_size", 1), ("first_kernel_size", 3)):
            value = getattr(self, name)
            if value < least or value % 2 == 0:
                raise ValueError(
                    f"{name} is {value}; it must be odd, so that there is a place in the middle, "
                    f"and at least {least}"
                )


@dataclass(frozen=True)
class PixelCNNConfig(BothPixelCNNConfig):
    """Everything that fixes the shape of a plain PixelCNN."""

    def __post_init__(self):
        super().__post_init__()
        if self.hidden_channels % 2:
            raise ValueError(
                f"hidden_channels is {self.hidden_channels}; it must be even, since a block "
                "convolves half of them"
            )

    def build(self) -> "PixelCNN":
        """A new model of this shape."""
        return PixelCNN(self)


@dataclass(frozen=True)
class GatedPixelCNNConfig(BothPixelCNNConfig):
    """Everything that fixes the shape of a gated PixelCNN."""

    def build(self) -> "GatedPixelCNN":
        """A new model of this shape."""
        return GatedPixelCNN(self)


class MaskedBlock(nn.Module):
    """Half of the channels through a masked window, added to the input (*Pixel RNN*, figure 5).

    Args:
        channels: C, even.
        kernel_size: odd side of the square.
        dropout: probability, in front of the window.
    """

    def __init__(self, channels: int, kernel_size: int, *, dropout: float):
        super().__init__()
        half = channels // 2
        self.narrow = nn.Conv2d(channels, half, 1)
        self.dropout = nn.Dropout(dropout)
        self.masked = MaskedConv2d(half, half, kernel_size, sees_itself=True)
        self.widen = nn.Conv2d(half, channels, 1)

    def forward(
        self,
        x: Float[Tensor, "B C a b"],
        condition: Float[Tensor, "B C//2 a b"],
        cache: GridCache | None = None,
    ) -> Float[Tensor, "B C a b"]:
        """The arguments are those of `GridPrior.features`."""
        y = self.dropout(F.relu(self.narrow(F.relu(x))))
        y = self.masked(y, cache) + condition
        return x + self.widen(F.relu(y))


class PixelCNN(GridPrior):
    """The plain form: mask A, then residual blocks with mask B. It has a blind spot.

    With windows that reach r columns to the right, each row further up shows r more of them; the
    tokens beyond this slanted line come before and are not seen.
    """

    config: PixelCNNConfig

    def __init__(self, config: PixelCNNConfig):
        C, L = config.hidden_channels, config.num_layers
        super().__init__(config, condition_channels=L * C // 2)
        self.first = MaskedConv2d(C, C, config.first_kernel_size, sees_itself=False)
        self.blocks = nn.ModuleList(
            MaskedBlock(C, config.kernel_size, dropout=config.dropout) for _ in range(L)
        )

    def features(
        self,
        x: Float[Tensor, "B C a b"],
        condition: Float[Tensor, "B F a b"],
        cache: GridCache | None = None,
    ) -> Float[Tensor, "B C a b"]:
        """See `GridPrior.features`."""
        x = self.first(x, cache)
        shares = condition.chunk(len(self.blocks), dim=1)
        for block, share in zip(self.blocks, shares, strict=True):
            x = block(x, share, cache)
        return x


def gate(y: Float[Tensor, "B CC a b"]) -> Float[Tensor, "B CC//2 a b"]:
    """tanh of one half times sigmoid of the other (*PixelCNN Decoders*, eq. 2)."""
    value, opening = y.chunk(2, dim=1)
    return value.tanh() * opening.sigmoid()


class GatedBlock(nn.Module):
    """A layer of both stacks (*PixelCNN Decoders*, figure 2).

    At row i the vertical stack knows the rows above i, in all columns, and nothing of row i: so its
    windows may take in row i on both sides. The horizontal stack knows the tokens to the left, and
    at each layer is told what the vertical one found.

    Args:
        channels: C, of each stack.
        kernel_size: odd side of the square.
        dropout: probability, on the output of each gate.
    """

    def __init__(self, channels: int, kernel_size: int, *, dropout: float):
        super().__init__()
        C, r = channels, kernel_size // 2
        self.above = CausalConv2d(C, 2 * C, rows=range(-r, 1), columns=range(-r, r + 1))
        self.across = nn.Conv2d(2 * C, 2 * C, 1)
        self.left = CausalConv2d(C, 2 * C, rows=range(1), columns=range(-r, 1))
        self.out = nn.Conv2d(C, C, 1)
        self.dropout = nn.Dropout(dropout)

    def vertical(
        self,
        v: Float[Tensor, "B C a b"],
        condition: Float[Tensor, "B 2*C a b"],
        cache: GridCache | None = None,
    ) -> tuple[Float[Tensor, "B C a b"], Float[Tensor, "B 2*C a b"]]:
        """One layer of the vertical stack, and what it tells the horizontal one."""
        y = self.above(v, cache)
        return self.dropout(gate(y + condition)), self.across(y)

    def horizontal(
        self,
        h: Float[Tensor, "B C a b"],
        told: Float[Tensor, "B 2*C a b"],
        condition: Float[Tensor, "B 2*C a b"],
        cache: GridCache | None = None,
    ) -> Float[Tensor, "B C a b"]:
        """One layer of the horizontal stack, added to its input."""
        y = self.left(h, cache) + told + condition
        return h + self.out(self.dropout(gate(y)))


class GatedCache(GridCache):
    """Also what the vertical stack tells about the current row."""

    told: Sequence[Tensor]


class GatedPixelCNN(GridPrior):
    """The gated form: two stacks, no blind spot.

    The vertical stack never looks at the horizontal one, so it runs through all of its layers
    first. When tokens are drawn, that is once for each row.
    """

    config: GatedPixelCNNConfig

    def __init__(self, config: GatedPixelCNNConfig):
        C, L, r = config.hidden_channels, config.num_layers, config.first_kernel_size // 2
        super().__init__(config, condition_channels=2 * L * 2 * C)
        self.above = CausalConv2d(C, C, rows=range(-r, 0), columns=range(-r, r + 1))
        self.left = CausalConv2d(C, C, rows=range(1), columns=range(-r, 0))
        self.blocks = nn.ModuleList(
            GatedBlock(C, config.kernel_size, dropout=config.dropout) for _ in range(L)
        )

    def empty_cache(self, count: int) -> GatedCache:
        """Room for what the convolutions read of `count` pictures."""
        return GatedCache(self, count)

    def features(
        self,
        x: Float[Tensor, "B C _ _"],
        condition: Float[Tensor, "B F a b"],
        cache: GatedCache | None = None,
    ) -> Float[Tensor, "B C a b"]:
        """See `GridPrior.features`."""
        told = self._told(x, condition, cache)
        h, shares = self.left(x, cache), self._shares(condition)[1]
        for block, message, share in zip(self.blocks, told, shares, strict=True):
            h = block.horizontal(h, message, share, cache)
        return h

    def _told(
        self,
        x: Float[Tensor, "B C _ _"],
        condition: Float[Tensor, "B F a b"],
        cache: GatedCache | None,
    ) -> Sequence[Float[Tensor, "B 2*C a b"]]:
        """What the vertical stack tells each layer of the horizontal one."""
        if cache is None:
            return self._vertical(x, condition)
        if not cache.stepping:
            told = self._vertical(x, condition, cache)
            cache.told = [message[:, :, -1:] for message in told]
            return told
        i, j = cache.now
        if j == 0:  # the row above is complete
            x = self._embedded_rows(cache.rows[:, i - 1 : i])
            cache.told = self._vertical(x, cache.condition[:, :, i : i + 1], cache)
        return [message[..., j : j + 1] for message in cache.told]

    def _vertical(
        self,
        x: Float[Tensor, "B C a w"],
        condition: Float[Tensor, "B F a w"],
        cache: GatedCache | None = None,
    ) -> Sequence[Float[Tensor, "B 2*C a w"]]:
        """Whole rows through the vertical stack."""
        v, told = self.above(x, cache), []
        for block, share in zip(self.blocks, self._shares(condition)[0], strict=True):
            v, message = block.vertical(v, share, cache)
            told.append(message)
        return told

    def _shares(
        self, condition: Float[Tensor, "B F a b"]
    ) -> tuple[Sequence[Float[Tensor, "B _ a b"]], Sequence[Float[Tensor, "B _ a b"]]]:
        """What each block's vertical and horizontal layer take of the condition."""
        vertical, horizontal = condition.chunk(2, dim=1)
        L = len(self.blocks)
        return vertical.chunk(L, dim=1), horizontal.chunk(L, dim=1)
