"""Causal self-attention, with room to remember the keys and values of what was read before."""

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F


class KeyValueCache:
    """Keys and values of every layer, in memory that is reserved once.

    Args:
        num_layers: of the model.
        count: B, sequences.
        heads: number of heads and size of one.
        length: positions there is room for.
        like: a tensor of the wanted dtype and device.
    """

    def __init__(
        self, num_layers: int, count: int, heads: tuple[int, int], length: int, *, like: Tensor
    ):
        num_heads, size = heads
        # One tensor per layer and kind, so that a layer's part is contiguous.
        self.keys, self.values = (
            [like.new_empty(count, num_heads, length, size) for _ in range(num_layers)]
            for _ in range(2)
        )
        self.length = 0
        """Positions that are filled."""

    def extend(
        self, layer: int, k: Float[Tensor, "B nh S hs"], v: Float[Tensor, "B nh S hs"]
    ) -> tuple[Float[Tensor, "B nh L hs"], Float[Tensor, "B nh L hs"]]:
        """Put S new positions behind those there are. Returns all of them, without a copy.

        The caller advances `length` when every layer has its part.
        """
        end = self.length + k.shape[2]
        keys, values = self.keys[layer], self.values[layer]
        keys[:, :, self.length : end] = k
        values[:, :, self.length : end] = v
        return keys[:, :, :end], values[:, :, :end]


class CausalSelfAttention(nn.Module):
    """Multi-head self-attention in which position t sees positions 0 … t.

    Args:
        width: C, dimension of the embeddings.
        num_heads: must divide the width.
    """

    def __init__(self, width: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)

    def forward(
        self,
        x: Float[Tensor, "B S C"],
        mask: Bool[Tensor, "S S"] | None = None,
        *,
        cache: KeyValueCache | None = None,
        layer: int = 0,
        last_only: bool = False,
    ) -> Float[Tensor, "B _ C"]:
        """Attend from the positions of x to them and, with a cache, to those before them.

        Args:
            x: a sequence from its beginning; or with a filled cache one position.
            mask: which position (row) sees which (column), in place of the causal one.
            cache: where keys and values are kept.
            layer: whose part of the cache it is.
            last_only: give the answer of the last position alone.
        """
        B, S, C = x.shape
        heads = (B, S, 3, self.num_heads, C // self.num_heads)
        q, k, v = self.query_key_value(x).view(heads).permute(2, 0, 3, 1, 4)  # each (B, nh, S, hs)
        if cache is not None:
            k, v = cache.extend(layer, k, v)
        if last_only:
            q, mask = q[:, :, -1:], None  # the last position sees all
        # With is_causal, a single query would see the first key only: it is the last position.
        causal = mask is None and q.shape[2] > 1
        # No dropout here: with it, a CPU would have to write down every pair of positions.
        y = F.scaled_dot_product_attention(q, k, v, mask, is_causal=causal)
        return self.projection(y.transpose(1, 2).reshape(B, -1, C))
