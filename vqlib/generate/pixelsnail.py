"""PixelSNAIL: causal convolutions for what is near, attention for what is far.

Source: Chen et al., *PixelSNAIL: An Improved Autoregressive Generative Model*, section 2, and its
authors' code in the form without a second stream. Left out: weight normalisation, and that every
ELU also sees its input with the sign turned.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from vqlib.generate.attention import KeyValueCache
from vqlib.generate.causal_conv import CausalConv2d, GridCache, GridPrior, GridPriorConfig


@dataclass(frozen=True)
class PixelSNAILConfig(GridPriorConfig):
    """Everything that fixes the shape of a PixelSNAIL."""

    num_blocks: int = 4
    """Blocks, each with one attention."""
    num_residuals: int = 2
    """Residual layers in each block, in front of its attention."""
    kernel_size: int = 2
    """Side of the windows, whose lower right corner is the place itself."""
    num_heads: int = 4
    """Attention heads; must divide the channels."""

    def __post_init__(self):
        super().__post_init__()
        if self.hidden_channels % self.num_heads:
            raise ValueError(
                f"hidden_channels {self.hidden_channels} is not a multiple of num_heads "
                f"{self.num_heads}; each head takes an equal share of the channels"
            )

    def build(self) -> "PixelSNAIL":
        """A new model of this shape."""
        return PixelSNAIL(self)


class SnailCache(GridCache):
    """Also the keys and values of every attention.

    Args:
        prior: whose it is.
        count: B, pictures.
    """

    def __init__(self, prior: "PixelSNAIL", count: int):
        super().__init__(prior, count)
        config = prior.config
        heads = (config.num_heads, config.hidden_channels // config.num_heads)
        like = prior.token_embedding.weight
        self.attended = KeyValueCache(config.num_blocks, count, heads, config.num_tokens, like=like)
        self.waiting: dict[int, Tensor] = {}
        """By layer the features of the newest place, whose token is not known yet."""

    def restart(self, tokens: Int[Tensor, "B t"]) -> None:
        """As in `GridCache`."""
        super().restart(tokens)
        self.attended.length = 0


class GatedResidual(nn.Module):
    """Two convolutions and a gate, added to the input.

    Args:
        channels: C.
        aside: channels of what is read beside the input.
        window: rows and columns that both convolutions see, from −window + 1 to 0.
        dropout: probability, between the convolutions.
    """

    def __init__(self, channels: int, *, aside: int = 0, window: int, dropout: float):
        super().__init__()
        C, near = channels, range(1 - window, 1)
        self.conv_1 = CausalConv2d(C + aside, C, rows=near, columns=near)
        self.dropout = nn.Dropout(dropout)
        self.conv_2 = CausalConv2d(C, 2 * C, rows=near, columns=near)

    def forward(
        self,
        u: Float[Tensor, "B C a b"],
        condition: Float[Tensor, "B 2*C a b"],
        cache: GridCache | None = None,
        *,
        aside: Float[Tensor, "B _ a b"] | None = None,
    ) -> Float[Tensor, "B C a b"]:
        """The arguments are those of `GridPrior.features`, and what is read beside u."""
        y = u if aside is None else torch.cat([u, aside], dim=1)
        y = self.dropout(F.elu(self.conv_1(F.elu(y), cache)))
        value, opening = (self.conv_2(y, cache) + condition).chunk(2, dim=1)
        return u + value * opening.sigmoid()


class AttentionBefore(nn.Module):
    """Each place looks up what it needs at the places before it.

    A key and a value tell of a place's token, its features and where it lies; a query of features
    and place alone, since its token comes only afterwards. Both are made by two layers: a single
    one could not turn row and column into a distance.

    Args:
        channels: C.
        grid: rows and columns of tokens.
        num_heads: must divide the channels.
    """

    background: Tensor

    def __init__(self, channels: int, grid: tuple[int, int], num_heads: int):
        super().__init__()
        C = channels
        self.num_heads = num_heads
        self.query = nn.Sequential(nn.Linear(C + 2, C), nn.ELU(), nn.Linear(C, C))
        self.key_value = nn.Sequential(nn.Linear(2 * C + 2, C), nn.ELU(), nn.Linear(C, 2 * C))
        self.register_buffer("background", background(*grid), persistent=False)

    def forward(
        self,
        u: Float[Tensor, "B S C"],
        tokens: Float[Tensor, "B S C"],
        cache: SnailCache | None = None,
        layer: int = 0,
    ) -> Float[Tensor, "B S C"]:
        """Attend from the places of u. The first of the grid sees none and gets zeros.

        Args:
            u: features of the places from the first on; once a token was appended to the cache, of
                the place behind it.
            tokens: embedded tokens of the same places; or this one.
            cache: keys and values of the known tokens.
            layer: whose part of the cache it is.
        """
        if cache is not None and cache.stepping:
            return self._step(u, tokens, cache, layer)
        q, (k, v) = self._query(u, 0), self._key_value(tokens, u, 0)
        if cache is not None:
            t = cache.length
            cache.attended.extend(layer, k[:, :, :t], v[:, :, :t])
            cache.waiting[layer] = u[:, t : t + 1]
        # Place 1 is the first to see a key, and sees key 0 only: the causal mask, moved by one.
        q, k, v = q[:, :, 1:], k[:, :, :-1], v[:, :, :-1]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return F.pad(_joined(y), (0, 0, 1, 0))

    def _step(
        self,
        u: Float[Tensor, "B 1 C"],
        token: Float[Tensor, "B 1 C"],
        cache: SnailCache,
        layer: int,
    ) -> Float[Tensor, "B 1 C"]:
        t = cache.length
        k, v = self._key_value(token, cache.waiting[layer], t - 1)
        k, v = cache.attended.extend(layer, k, v)
        cache.waiting[layer] = u
        return _joined(F.scaled_dot_product_attention(self._query(u, t), k, v))

    def _query(self, u: Float[Tensor, "B S C"], first: int) -> Float[Tensor, "B nh S hs"]:
        return self._heads(self.query(torch.cat([u, self._lying(u, first)], dim=2)))

    def _key_value(
        self, tokens: Float[Tensor, "B S C"], u: Float[Tensor, "B S C"], first: int
    ) -> tuple[Float[Tensor, "B nh S hs"], Float[Tensor, "B nh S hs"]]:
        k, v = self.key_value(torch.cat([tokens, u, self._lying(u, first)], dim=2)).chunk(2, dim=2)
        return self._heads(k), self._heads(v)

    def _lying(self, u: Float[Tensor, "B S C"], first: int) -> Float[Tensor, "B S 2"]:
        """Where the places lie, of which this is the first."""
        B, S, _ = u.shape
        return self.background[first : first + S].expand(B, S, 2)

    def _heads(self, x: Float[Tensor, "B S C"]) -> Float[Tensor, "B nh S hs"]:
        return x.unflatten(2, (self.num_heads, -1)).transpose(1, 2)


def _joined(heads: Float[Tensor, "B nh S hs"]) -> Float[Tensor, "B S C"]:
    return heads.transpose(1, 2).flatten(2)


def background(height: int, width: int) -> Float[Tensor, "T 2"]:
    """Row and column of every place of a grid, in [-0.5, 0.5)."""
    rows, columns = (torch.arange(n) / n - 0.5 for n in (height, width))
    return torch.cartesian_prod(rows, columns)


class SnailBlock(nn.Module):
    """Residual layers, an attention over what they found, and both put together.

    Args:
        config: shape of the model.
    """

    def __init__(self, config: PixelSNAILConfig):
        super().__init__()
        C, dropout = config.hidden_channels, config.dropout
        self.residuals = nn.ModuleList(
            GatedResidual(C, window=config.kernel_size, dropout=dropout)
            for _ in range(config.num_residuals)
        )
        self.attention = AttentionBefore(C, config.grid, config.num_heads)
        self.merge = GatedResidual(C, aside=C, window=1, dropout=dropout)

    def forward(
        self,
        u: Float[Tensor, "B C a b"],
        tokens: Float[Tensor, "B C a b"],
        condition: Float[Tensor, "B F a b"],
        cache: SnailCache | None = None,
        layer: int = 0,
    ) -> Float[Tensor, "B C a b"]:
        """The arguments are those of `PixelSNAIL.features` and of the attention."""
        *shares, last = condition.chunk(len(self.residuals) + 1, dim=1)
        for residual, share in zip(self.residuals, shares, strict=True):
            u = residual(u, share, cache)
        sequences = (x.flatten(2).transpose(1, 2) for x in (u, tokens))  # each (B, a·b, C)
        found = self.attention(*sequences, cache, layer).transpose(1, 2).unflatten(2, u.shape[2:])
        return self.merge(u, last, cache, aside=found)


class PixelSNAIL(GridPrior):
    """Stage 2 with convolutions and attention.

    The windows reach up and to the left only; what lies above to the right, and all that is far,
    comes in through the attention. So there is no blind spot.
    """

    config: PixelSNAILConfig

    def __init__(self, config: PixelSNAILConfig):
        C, M = config.hidden_channels, config.num_blocks
        super().__init__(config, condition_channels=M * (config.num_residuals + 1) * 2 * C)
        self.above = CausalConv2d(C, C, rows=range(-1, 0), columns=range(-1, 2))
        self.left = CausalConv2d(C, C, rows=range(-1, 1), columns=range(-1, 0))
        self.blocks = nn.ModuleList(SnailBlock(config) for _ in range(M))

    def empty_cache(self, count: int) -> SnailCache:
        """Room for what the convolutions read and the attentions know of `count` pictures."""
        return SnailCache(self, count)

    def features(
        self,
        x: Float[Tensor, "B C a b"],
        condition: Float[Tensor, "B F a b"],
        cache: SnailCache | None = None,
    ) -> Float[Tensor, "B C a b"]:
        """See `GridPrior.features`."""
        u = self.above(x, cache) + self.left(x, cache)
        shares = condition.chunk(len(self.blocks), dim=1)
        for layer, (block, share) in enumerate(zip(self.blocks, shares, strict=True)):
            u = block(u, x, share, cache, layer)
        if cache is not None:
            cache.attended.length = cache.length
        return u
