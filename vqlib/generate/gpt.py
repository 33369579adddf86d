"""A GPT over image tokens: p(s | c) = ∏ᵢ p(sᵢ | s₍<ᵢ₎, c).

Source: Esser et al., *Taming Transformers*, section 3.2 and eq. 8; the blocks are GPT-2's
(Radford et al., 2019): layer norm first, GELU, learned positions.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class GPTConfig:
    """Everything that fixes the shape of a GPT."""

    num_codes: int = 1024
    """K, size of the codebook whose tokens are modelled; also the number of logits."""
    num_conditions: int = 1
    """Number of condition ids, e.g. the number of classes; 1 is a bare start token."""
    num_tokens: int = 256
    """T, image tokens in one picture: h·w. The condition is one more position before them."""
    num_layers: int = 12
    """Transformer blocks."""
    num_heads: int = 8
    """Attention heads per block; must divide the width."""
    width: int = 512
    """Dimension of the embeddings."""
    dropout: float = 0.0
    """Dropout probability on embeddings, attention and both branches of a block."""

    def __post_init__(self):
        for name in ("num_codes", "num_conditions", "num_tokens", "num_layers", "num_heads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.width < 1 or self.width % self.num_heads:
            raise ValueError(
                f"width {self.width} is not a multiple of num_heads {self.num_heads}; "
                "each head takes an equal share of the width"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}; it must be in [0, 1)")


class CausalSelfAttention(nn.Module):
    """Multi-head self-attention in which position t sees positions 0 … t."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.num_heads, self.dropout = config.num_heads, config.dropout
        self.query_key_value = nn.Linear(config.width, 3 * config.width)
        self.projection = nn.Linear(config.width, config.width)

    def forward(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        """Same shape in and out."""
        B, T, C = x.shape
        heads = (B, T, 3, self.num_heads, C // self.num_heads)
        q, k, v = self.query_key_value(x).view(heads).permute(2, 0, 3, 1, 4)  # each (B, nh, T, hs)
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        return self.projection(y.transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    """Attention, then a two-layer perceptron; each is normalised first and added to its input."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        width = config.width
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = CausalSelfAttention(config)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        """Same shape in and out."""
        x = x + self.dropout(self.attention(self.norm_1(x)))
        return x + self.dropout(self.mlp(self.norm_2(x)))


class GPT(nn.Module):
    """Stage 2. Predicts each image token from the condition and the tokens before it.

    The condition is a prefix: one position before the first token. Condition ids have their own
    embedding table and the head gives logits for codes alone, so a class and a code can never be
    mistaken for each other, nor a condition be sampled as part of a picture.
    """

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        self.condition_embedding = nn.Embedding(config.num_conditions, config.width)
        self.token_embedding = nn.Embedding(config.num_codes, config.width)
        self.position_embedding = nn.Parameter(torch.zeros(config.num_tokens, config.width))
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.Sequential(*(Block(config) for _ in range(config.num_layers)))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.num_codes, bias=False)
        self.apply(_initialise)

    def forward(
        self, tokens: Int[Tensor, "B T"], condition: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T+1 K"]:
        """Logits for every next token at once.

        Args:
            tokens: the first T image tokens in raster order, int64 in [0, num_codes);
                0 ≤ T < num_tokens (nothing comes after the last token).
            condition: one id per picture, int64 in [0, num_conditions).

        Returns:
            `logits[:, t]` predicts token t from the condition and tokens 0 … t − 1.

        Raises:
            ValueError: too many tokens, or a condition id out of range.
        """
        config = self.config
        _, T = tokens.shape
        if config.num_tokens <= T:
            raise ValueError(
                f"{T} tokens given, but a picture of num_tokens={config.num_tokens} is predicted "
                f"from at most its first {config.num_tokens - 1}"
            )
        _check_condition(condition, config.num_conditions)
        prefix = self.condition_embedding(condition)[:, None]  # (B, 1, C)
        x = torch.cat([prefix, self.token_embedding(tokens)], dim=1)  # (B, 1 + T, C)
        x = self.dropout(x + self.position_embedding[: T + 1])
        return self.head(self.norm(self.blocks(x)))


def negative_log_likelihood(
    model: GPT, tokens: Int[Tensor, "B T"], condition: Int[Tensor, " B"]
) -> Float[Tensor, ""]:
    """−log p(s | c) in nats per image token, averaged over the batch (*Taming*, eq. 8).

    Args:
        model: the prior.
        tokens: complete pictures, T = num_tokens; fewer raise `ValueError`.
        condition: one id per picture.
    """
    if tokens.shape[1] != model.config.num_tokens:
        raise ValueError(
            f"{tokens.shape[1]} tokens per picture, but the model has "
            f"num_tokens={model.config.num_tokens}"
        )
    logits = model(tokens[:, :-1], condition)  # (B, T, K)
    return F.cross_entropy(logits.float().flatten(0, 1), tokens.flatten())


def _check_condition(condition: Int[Tensor, " B"], num_conditions: int) -> None:
    # Reading the range from a GPU would stall the queue; there the embedding asserts it.
    if condition.is_cuda or condition.numel() == 0:
        return
    low, high = int(condition.min()), int(condition.max())
    if low < 0 or high >= num_conditions:
        raise ValueError(
            f"condition ids range over [{low}, {high}], but this model knows 0 to "
            f"{num_conditions - 1}"
        )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
