"""Convolutions over what comes before, and the frame of the priors that are made of them.

On a whole grid they give all places at once; with a cache only those that are new, from what is
remembered around them. Both are the same lines of code.

Source: van den Oord et al., *Pixel Recurrent Neural Networks*, section 3.4 (masks), and
*Conditional Image Generation with PixelCNN Decoders*, section 2.2 (windows cut off instead);
Ramachandran et al., *Fast Generation for Convolutional Autoregressive Models* (the cache).
"""

from abc import abstractmethod
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from vqlib.generate.prior import Prior, PriorConfig


class CausalConv2d(nn.Conv2d):
    """A convolution whose window is named by what it sees: rows and columns, from its own place.

    `rows=range(-2, 0), columns=range(-1, 2)` are the two rows above, from one column to the left to
    one to the right. The grid goes on with zeros outside. Nothing below is ever seen.

    Args:
        in_channels: C.
        out_channels: O.
        rows: neighbouring rows, none above 0.
        columns: neighbouring columns.
    """

    def __init__(self, in_channels: int, out_channels: int, *, rows: range, columns: range):
        super().__init__(in_channels, out_channels, (len(rows), len(columns)))
        assert rows[-1] <= 0, f"rows are {rows}; those below 0 come later and cannot be seen"
        self.rows, self.columns = rows, columns
        self.sees_itself = 0 in rows and 0 in columns

    @property
    def kernel(self) -> Float[Tensor, "O C _ _"]:
        """The weights in use."""
        return self.weight

    def forward(
        self, x: Float[Tensor, "B C a b"], cache: "GridCache | None" = None
    ) -> Float[Tensor, "B O a b"]:
        """Convolve the whole grid, or with a cache a patch of it.

        Args:
            x: the input, from the grid's upper left corner; with a cache at the patch.
            cache: the input around the patch.
        """
        if cache is not None:
            return F.conv2d(cache.extend(self, x), cache.kernels[self], self.bias)
        # A side that the window does not reach is padded by less than nothing: cut off.
        sides = (-self.columns[0], self.columns[-1], -self.rows[0], self.rows[-1])
        return F.conv2d(F.pad(x, sides), self.kernel, self.bias)


class MaskedConv2d(CausalConv2d):
    """A square window of which only what comes before is seen (*Pixel RNN*, section 3.4, figure 2).

    The rows below are left out; in its own row the weights from some column on are multiplied by
    zero. What is above is seen on both sides.

    Args:
        in_channels: C.
        out_channels: O.
        kernel_size: odd side of the square.
        sees_itself: mask B, for features; mask A, for tokens, hides the place itself as well.
    """

    mask: Tensor

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, *, sees_itself: bool):
        r = kernel_size // 2
        super().__init__(
            in_channels, out_channels, rows=range(-r, 1), columns=range(-r, kernel_size - r)
        )
        self.sees_itself = sees_itself
        mask = torch.ones(self.kernel_size)
        mask[-1, r + sees_itself :] = 0
        self.register_buffer("mask", mask, persistent=False)

    @property
    def kernel(self) -> Float[Tensor, "O C _ _"]:
        """The weights that are seen."""
        return self.weight * self.mask


class GridCache:
    """What the convolutions of a prior have read, on grids that are reserved once.

    Args:
        prior: whose it is.
        count: B, pictures.
    """

    def __init__(self, prior: "GridPrior", count: int):
        h, w = prior.config.grid
        like = prior.token_embedding.weight
        self.rows = torch.zeros(count, h, w, dtype=torch.int64, device=like.device)
        """The tokens."""
        self.length = 0
        """Tokens that are known."""
        self.now = (0, 0)
        """Upper left corner of what is computed."""
        self.last = (0, 0)
        """Lower right corner of the tokens that are read for it."""
        self.condition: Tensor | None = None
        """On the whole grid."""
        self.kernels: dict[CausalConv2d, Tensor] = {}
        """The weights in use, masked only once."""
        self.inputs = {
            conv: like.new_zeros(
                count,
                conv.in_channels,
                h - conv.rows[0],
                max(conv.columns[-1], 0) + w - conv.columns[0],
            )
            for conv in prior.modules()
            if isinstance(conv, CausalConv2d)
        }
        """With the zeros outside the grid, above and at the sides."""

    @property
    def stepping(self) -> bool:
        """One place is computed, no longer the beginning."""
        return self.now != (0, 0)

    def restart(self, tokens: Int[Tensor, "B t"]) -> None:
        """The beginning of the grid, filled up to whole rows, is computed next.

        What was there before is written over before it is read, or is masked.
        """
        self.kernels = {conv: conv.kernel for conv in self.inputs}
        self.length, w = tokens.shape[1], self.rows.shape[2]
        self.rows.flatten(1)[:, : self.length] = tokens
        self.now, self.last = (0, 0), (self.length // w, w - 1)

    def append(self, token: Int[Tensor, " B"]) -> None:
        """One more token is known; the place behind it is computed next."""
        w = self.rows.shape[2]
        self.last = i, j = divmod(self.length, w)
        self.rows[:, i, j] = token
        self.length += 1
        self.now = divmod(self.length, w)

    def extend(self, conv: CausalConv2d, x: Float[Tensor, "B C a b"]) -> Float[Tensor, "B C _ _"]:
        """Put a convolution's input in its place. Returns its window on what is computed.

        Features lie where they are computed. A convolution that does not see its own place reads
        tokens, which are known only up to the place before.
        """
        a, b = x.shape[2:]
        (i, j), (rows, columns) = self.now, conv.kernel_size
        window = self.inputs[conv][:, :, i : i + a + rows - 1, j : j + b + columns - 1]
        if not conv.sees_itself:
            i, j = self.last[0] - a + 1, self.last[1] - b + 1
        top, left = i - conv.rows[0], j - conv.columns[0]  # behind the zeros outside the grid
        self.inputs[conv][:, :, top : top + a, left : left + b] = x
        return window


@dataclass(frozen=True)
class GridPriorConfig(PriorConfig):
    """What every prior made of convolutions has to know."""

    hidden_channels: int = 64
    """C, channels of the embedding and of the features."""
    dropout: float = 0.0
    """Dropout probability in every block."""

    def __post_init__(self):
        super().__post_init__()
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is int and value < 1:
                raise ValueError(f"{field.name} is {value}; it must be at least 1")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}; it must be in [0, 1)")


class GridPrior(Prior):
    """A prior that leaves the tokens on their grid, and knows no prefix.

    The ids of the condition are embedded and laid on the grid as well, in channels that the layers
    share out among themselves. What lies between embedding and head is up to the subclass.

    Args:
        config: shape of the model.
        condition_channels: F, what all layers together take of the condition.
    """

    config: GridPriorConfig

    def __init__(self, config: GridPriorConfig, condition_channels: int):
        super().__init__(config)
        C = config.hidden_channels
        self.token_embedding = nn.Embedding(config.num_codes, C)
        self.condition_embedding = nn.Embedding(config.num_ids, C)
        self.condition_projection = nn.Linear(C, condition_channels, bias=False)
        self.head = nn.Sequential(
            nn.ReLU(), nn.Linear(C, C), nn.ReLU(), nn.Linear(C, config.num_codes)
        )

    @abstractmethod
    def features(
        self,
        x: Float[Tensor, "B C a b"],
        condition: Float[Tensor, "B F a b"],
        cache: GridCache | None = None,
    ) -> Float[Tensor, "B C a b"]:
        """What each place knows of the tokens before it.

        Args:
            x: the embedded tokens of some rows, from the first on. With a cache in which a token
                was appended: this one.
            condition: at the places that are computed.
            cache: what was read before.
        """

    def forward(
        self, tokens: Int[Tensor, "B t"], prefix: Int[Tensor, "B P"]
    ) -> Float[Tensor, "B t+1 K"]:
        """Logits for every next token at once; see `Prior.forward`.

        Raises:
            ValueError: too many tokens, or another number of ids.
        """
        return self.head(self._features(tokens, prefix))

    def next_logits(
        self, tokens: Int[Tensor, "B t"], lengths: Int[Tensor, " B"], prefix: Int[Tensor, "B P"]
    ) -> Float[Tensor, "B K"]:
        """As in `Steps`."""
        rows = torch.arange(len(tokens), device=tokens.device)
        return self.head(self._features(tokens, prefix)[rows, lengths])

    def empty_cache(self, count: int) -> GridCache:
        """Room for what the convolutions read of `count` pictures."""
        return GridCache(self, count)

    def start(
        self, tokens: Int[Tensor, "B t"], prefix: Int[Tensor, "B P"], cache: GridCache
    ) -> Float[Tensor, "B K"]:
        """As in `Steps`: the beginning in one pass."""
        self.check_lengths(tokens, prefix)
        x, cache.condition = self._embedded(tokens), self._spread(prefix)
        cache.restart(tokens)
        features = self.features(x, cache.condition[:, :, : x.shape[2]], cache)
        return self.head(features.flatten(2)[:, :, cache.length])

    def step(self, token: Int[Tensor, " B"], cache: GridCache) -> Float[Tensor, "B K"]:
        """As in `Steps`: one place."""
        cache.append(token)
        i, j = cache.now
        x = self.token_embedding(token)[:, :, None, None]
        features = self.features(x, cache.condition[:, :, i : i + 1, j : j + 1], cache)
        return self.head(features.flatten(1))

    def _features(
        self, tokens: Int[Tensor, "B t"], prefix: Int[Tensor, "B P"]
    ) -> Float[Tensor, "B t+1 C"]:
        self.check_lengths(tokens, prefix)
        x, condition = self._embedded(tokens), self._spread(prefix)
        features = self.features(x, condition[:, :, : x.shape[2]])
        return features.flatten(2).transpose(1, 2)[:, : tokens.shape[1] + 1]

    def _embedded(self, tokens: Int[Tensor, "B t"]) -> Float[Tensor, "B C a w"]:
        """The rows up to the token that comes next; what is not known yet does not matter."""
        (_, w), t = self.config.grid, tokens.shape[1]
        return self._embedded_rows(F.pad(tokens, (0, w - t % w)).unflatten(1, (-1, w)))

    def _embedded_rows(self, rows: Int[Tensor, "B a w"]) -> Float[Tensor, "B C a w"]:
        return self.token_embedding(rows).permute(0, 3, 1, 2)

    def _spread(self, prefix: Int[Tensor, "B P"]) -> Float[Tensor, "B F h w"]:
        condition = self.config.condition
        # Projected before it is spread: the grid has more places than the condition has ids.
        embedded = self.condition_projection(self.condition_embedding(prefix))
        return condition.spread(embedded, *self.config.grid)
