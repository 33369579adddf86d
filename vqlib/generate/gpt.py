"""A GPT over image tokens: p(s | c) = ∏ᵢ p(sᵢ | s₍<ᵢ₎, c).

Source: Esser et al., *Taming Transformers*, section 3.2 and eq. 9; the blocks are GPT-2's
(Radford et al., 2019): layer norm first, GELU, learned positions.
"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from vqlib.generate.attention import CausalSelfAttention, KeyValueCache
from vqlib.generate.order import Order
from vqlib.generate.prior import Prior, PriorConfig


@dataclass(frozen=True)
class GPTConfig(PriorConfig):
    """Everything that fixes the shape of a GPT."""

    num_layers: int = 12
    """Transformer blocks."""
    num_heads: int = 8
    """Attention heads per block; must divide the width."""
    width: int = 512
    """C, dimension of the embeddings."""
    dropout: float = 0.0
    """Dropout probability on embeddings and on both branches of a block."""
    order: Order = field(default_factory=Order)
    """In which order the tokens are written."""
    prefix_attention: Literal["causal", "full"] = "causal"
    """full: every id of the condition sees all the others, also those behind it."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("num_layers", "num_heads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.width < 1 or self.width % self.num_heads:
            raise ValueError(
                f"width {self.width} is not a multiple of num_heads {self.num_heads}; "
                "each head takes an equal share of the width"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}; it must be in [0, 1)")
        if self.prefix_attention not in ("causal", "full"):
            raise ValueError(
                f"prefix_attention is {self.prefix_attention!r}; use 'causal' or 'full'"
            )

    @property
    def num_positions(self) -> int:
        """Positions that are ever read: the prefix, and all tokens but the last."""
        return self.condition.length + self.num_tokens - 1

    def build(self) -> "GPT":
        """A new model of this shape."""
        return GPT(self)


class Block(nn.Module):
    """Attention, then a two-layer perceptron; each is normalised first and added to its input."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        width = config.width
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = CausalSelfAttention(width, config.num_heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        x: Float[Tensor, "B S C"],
        mask: Bool[Tensor, "S S"] | None = None,
        *,
        cache: KeyValueCache | None = None,
        layer: int = 0,
        last_only: bool = False,
    ) -> Float[Tensor, "B _ C"]:
        """The arguments are those of the attention."""
        y = self.attention(self.norm_1(x), mask, cache=cache, layer=layer, last_only=last_only)
        x = (x[:, -1:] if last_only else x) + self.dropout(y)
        return x + self.dropout(self.mlp(self.norm_2(x)))


class BlockStep:
    """A block for one position behind those in the cache, its weights looked up once.

    At batch 1 a token costs little more than reading the weights, so it shows when every layer is
    also looked up in its module and called through it.
    """

    def __init__(self, block: Block):
        attention, (up, _, down) = block.attention, block.mlp
        self.num_heads = attention.num_heads
        norms = (block.norm_1, block.norm_2)
        self.norms = [(n.normalized_shape, n.weight, n.bias, n.eps) for n in norms]
        linears = (attention.query_key_value, attention.projection, up, down)
        self.linears = [(linear.weight, linear.bias) for linear in linears]

    def __call__(
        self, x: Float[Tensor, "B C"], cache: KeyValueCache, layer: int
    ) -> Float[Tensor, "B C"]:
        """What `Block` gives in eval mode."""
        B, C = x.shape
        (norm_1, norm_2), (query_key_value, projection, up, down) = self.norms, self.linears
        heads = (B, 3, self.num_heads, 1, C // self.num_heads)
        y = F.linear(F.layer_norm(x, *norm_1), *query_key_value)
        q, k, v = y.view(heads).unbind(1)  # each (B, nh, 1, hs)
        y = F.scaled_dot_product_attention(q, *cache.extend(layer, k, v))
        x = x + F.linear(y.reshape(B, C), *projection)
        y = F.gelu(F.linear(F.layer_norm(x, *norm_2), *up))
        return x + F.linear(y, *down)


class GPTCache(KeyValueCache):
    """Also the blocks, ready to take one position."""

    steps: list[BlockStep]


class GPT(Prior):
    """Stage 2. Predicts each image token from the condition and the tokens before it.

    The condition is a prefix: P positions before the first token. Its ids have their own embedding
    table and the head gives logits for codes alone, so a class and a code can never be mistaken
    for each other, nor a condition be sampled as part of a picture.
    """

    config: GPTConfig

    def __init__(self, config: GPTConfig):
        super().__init__(config)
        self.condition_embedding = nn.Embedding(config.num_ids, config.width)
        self.token_embedding = nn.Embedding(config.num_codes, config.width)
        self.position_embedding = nn.Parameter(torch.zeros(config.num_positions, config.width))
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.num_codes, bias=False)
        self.apply(_initialise)

    @property
    def order(self) -> Order:
        """In which order the tokens come."""
        return self.config.order

    def forward(
        self, tokens: Int[Tensor, "B t"], prefix: Int[Tensor, "B P"]
    ) -> Float[Tensor, "B t+1 K"]:
        """Logits for every next token at once; see `Prior.forward`.

        Raises:
            ValueError: too many tokens, or another number of ids.
        """
        return self.head(self.norm(self._features(tokens, prefix)))

    def next_logits(
        self, tokens: Int[Tensor, "B t"], lengths: Int[Tensor, " B"], prefix: Int[Tensor, "B P"]
    ) -> Float[Tensor, "B K"]:
        """As in `Steps`."""
        rows = torch.arange(len(tokens), device=tokens.device)
        return self.head(self.norm(self._features(tokens, prefix)[rows, lengths]))

    def empty_cache(self, count: int) -> GPTCache:
        """Room for the keys and values of `count` pictures."""
        config = self.config
        heads = (config.num_heads, config.width // config.num_heads)
        like = self.head.weight
        cache = GPTCache(config.num_layers, count, heads, config.num_positions, like=like)
        cache.steps = [BlockStep(block) for block in self.blocks]
        return cache

    def start(
        self, tokens: Int[Tensor, "B t"], prefix: Int[Tensor, "B P"], cache: GPTCache
    ) -> Float[Tensor, "B K"]:
        """As in `Steps`: the beginning in one pass."""
        cache.length = 0
        x, mask = self._embedded(tokens, prefix), self._mask(tokens.shape[1], prefix.device)
        S = x.shape[1]
        for layer, block in enumerate(self.blocks):
            last = layer + 1 == len(self.blocks)  # of this one only the last position counts
            x = block(x, mask, cache=cache, layer=layer, last_only=last)
        cache.length = S
        return self.head(self.norm(x[:, -1]))

    def step(self, token: Int[Tensor, " B"], cache: GPTCache) -> Float[Tensor, "B K"]:
        """As in `Steps`: one position."""
        x = self.token_embedding(token) + self.position_embedding[cache.length]  # (B, C)
        for layer, block in enumerate(cache.steps):
            x = block(x, cache, layer)
        cache.length += 1
        return self.head(self.norm(x))

    def _features(
        self, tokens: Int[Tensor, "B t"], prefix: Int[Tensor, "B P"]
    ) -> Float[Tensor, "B t+1 C"]:
        """What the last block gives at the position before each token."""
        x, mask = self._embedded(tokens, prefix), self._mask(tokens.shape[1], prefix.device)
        for block in self.blocks:
            x = block(x, mask)
        return x[:, self.config.condition.length - 1 :]

    def _embedded(
        self, tokens: Int[Tensor, "B t"], prefix: Int[Tensor, "B P"]
    ) -> Float[Tensor, "B P+t C"]:
        self.check_lengths(tokens, prefix)
        P, t = prefix.shape[1], tokens.shape[1]
        x = torch.cat([self.condition_embedding(prefix), self.token_embedding(tokens)], dim=1)
        return self.dropout(x + self.position_embedding[: P + t])

    def _mask(self, t: int, device: torch.device) -> Bool[Tensor, "S S"] | None:
        """Which position sees which; None is causal."""
        P = self.config.condition.length
        if self.config.prefix_attention == "causal" or P == 1:
            return None
        mask = torch.ones(P + t, P + t, dtype=torch.bool, device=device).tril()
        mask[:P, :P] = True
        return mask


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
