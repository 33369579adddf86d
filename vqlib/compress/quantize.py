"""Vector quantization: replace each vector by its nearest entry of a learned table.

Source: van den Oord et al., *Neural Discrete Representation Learning* (VQVAE), section 3;
Esser et al., *Taming Transformers*, equations 2 and 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

# Vectors and codes compared at once. On a CPU the block's distances (8 MiB) stay in the cache until
# their smallest is found; a GPU wants more work at a time (256 MiB).
BLOCK = {"cpu": (1024, 2048), "gpu": (16384, 4096)}


@dataclass(frozen=True)
class Quantized:
    """What a quantizer returns. The two losses carry no weights: those belong to the loss."""

    z_q: Float[Tensor, "B D h w"]
    """Quantized latents, through the straight-through estimator; same dtype as the input."""
    tokens: Int[Tensor, "B h w"]
    """Index of the nearest code at each position, int64 in [0, num_codes)."""
    codebook_loss: Float[Tensor, ""]
    """mean ‖sg[z] − z_q‖² per element: pulls the codes towards the latents."""
    commitment_loss: Float[Tensor, ""]
    """mean ‖z − sg[z_q]‖² per element: keeps the latents close to their codes."""


@torch.no_grad()
def nearest_code(z: Float[Tensor, "N D"], codebook: Float[Tensor, "K D"]) -> Int[Tensor, " N"]:
    """Index of the code nearest to each vector, in squared Euclidean distance (VQVAE, eq. 1).

    ‖z − e‖² = ‖z‖² − 2 z·e + ‖e‖², and ‖z‖² is the same for every code, so it is left out.
    Computed in float32 also under autocast, block by block, without a gradient.

    Args:
        z: vectors, any floating dtype.
        codebook: the codes, any floating dtype.

    Returns:
        int64 indices in [0, K). Of equally near codes a CPU gives the one with the lowest index.
    """
    rows, columns = BLOCK["cpu" if z.device.type == "cpu" else "gpu"]
    with torch.autocast(z.device.type, enabled=False):
        blocks = codebook.float().split(columns)
        return torch.cat([_nearest(part, blocks) for part in z.float().split(rows)])


def _nearest(z: Float[Tensor, "n D"], blocks: Sequence[Float[Tensor, "_ D"]]) -> Int[Tensor, " n"]:
    smallest = torch.full((len(z),), torch.inf, device=z.device)
    nearest = torch.zeros(len(z), dtype=torch.int64, device=z.device)
    first = 0  # index of the block's first code
    for codes in blocks:
        distance, index = torch.addmm(codes.square().sum(1), z, codes.T, alpha=-2).min(1)
        nearest = torch.where(distance < smallest, index + first, nearest)
        smallest = torch.minimum(distance, smallest)
        first += len(codes)
    return nearest


def straight_through(z: Float[Tensor, "..."], z_q: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The value of `z_q` with the gradient of `z`: z + sg[z_q − z] (VQVAE, section 3.2).

    Args:
        z: what the encoder gave.
        z_q: what it is replaced by; same shape.

    Returns:
        A tensor equal to `z_q` (up to rounding) whose gradient flows to `z` unchanged.
    """
    return z + (z_q - z).detach()


class Quantizer(nn.Module):
    """What every quantizer is: a table of codes, the way there and the way back.

    The contract: `forward(z)` gives a `Quantized`, `tokens(z)` the tokens alone, `lookup(tokens)`
    the codes as the decoder expects them; `replace_codes` gives some codes a new place.
    `codebook` is the table, one row per code.

    Args:
        num_codes: K, the number of codes.
        code_dim: D, the dimension of the latents.
    """

    codebook: Tensor

    def __init__(self, num_codes: int, code_dim: int):
        super().__init__()
        self.num_codes, self.code_dim = num_codes, code_dim

    def forward(self, z: Float[Tensor, "B D h w"]) -> Quantized:
        """Quantize latents of any floating dtype; raises `ValueError` on a wrong D."""
        raise NotImplementedError

    @torch.no_grad()
    def tokens(self, z: Float[Tensor, "B D h w"]) -> Int[Tensor, "B h w"]:
        """Index of the code nearest to each latent, int64. Changes nothing."""
        self._check_latents(z)
        return nearest_tokens(z, self.codebook)

    def lookup(self, tokens: Int[Tensor, "B h w"]) -> Float[Tensor, "B D h w"]:
        """The way back: the code of each token, as the decoder expects it.

        Args:
            tokens: int64 in [0, num_codes); others raise `ValueError`.
        """
        check_tokens(tokens, self.num_codes)
        return F.embedding(tokens, self.codebook).permute(0, 3, 1, 2)

    @torch.no_grad()
    def replace_codes(self, codes: Int[Tensor, " M"], latents: Float[Tensor, "M D"]) -> None:
        """Put the given codes where the given latents are.

        Args:
            codes: int64 indices in [0, num_codes), each at most once.
            latents: one vector for each.
        """
        self.codebook[codes] = latents.to(self.codebook.dtype)

    def _check_latents(self, z: Float[Tensor, "B C h w"]) -> None:
        if z.shape[1] != self.code_dim:
            raise ValueError(
                f"latents have {z.shape[1]} channels, but the codes have code_dim={self.code_dim}; "
                "the encoder's last layer must give code_dim channels"
            )


class VectorQuantizer(Quantizer):
    """A codebook learned by gradient descent (VQVAE, section 3.1 and eq. 3).

    Args:
        num_codes: K, the number of codes.
        code_dim: D, the dimension of a code.
        wide: start the codes wide apart, from N(0, 1), and not close together at the origin.
    """

    def __init__(self, num_codes: int, code_dim: int, *, wide: bool = False):
        super().__init__(num_codes, code_dim)
        start = wide_codes if wide else narrow_codes
        self.codebook = nn.Parameter(start(num_codes, code_dim))

    def forward(self, z: Float[Tensor, "B D h w"]) -> Quantized:
        """Quantize latents of any floating dtype; raises `ValueError` on a wrong D."""
        tokens = self.tokens(z)
        z_q = F.embedding(tokens, self.codebook).permute(0, 3, 1, 2)
        codebook_loss, commitment_loss = squared_distances(z, z_q)
        return Quantized(
            straight_through(z, z_q.to(z.dtype)), tokens, codebook_loss, commitment_loss
        )


def unquantized(z: Float[Tensor, "B D h w"], quantizer: Quantizer) -> Quantized:
    """What a quantizer would return that changes nothing: z itself, with losses of 0.

    The tokens are those that the quantizer would choose.
    """
    # Keeps the quantizer's weights in the graph: processes that train together expect a gradient of
    # every weight, here 0.
    zero = sum((0.0 * weight.sum() for weight in quantizer.parameters()), z.new_zeros(()))
    return Quantized(z, quantizer.tokens(z), zero, zero.detach())


@dataclass(frozen=True)
class GradientCodes:
    """Codes learned by gradient descent, through the codebook loss."""

    wide: bool = False
    """Start the codes from N(0, 1), as an embedding table does; otherwise close to the origin."""

    def build(self, num_codes: int, code_dim: int) -> Quantizer:
        """A new quantizer of this kind."""
        return VectorQuantizer(num_codes, code_dim, wide=self.wide)


def narrow_codes(num_codes: int, code_dim: int) -> Float[Tensor, "K D"]:
    """Codes to start from: uniform in [−1/K, 1/K], as in the reference code.

    All start near the origin, and the codebook loss spreads them to where the latents are.
    """
    return torch.empty(num_codes, code_dim).uniform_(-1 / num_codes, 1 / num_codes)


def wide_codes(num_codes: int, code_dim: int) -> Float[Tensor, "K D"]:
    """Codes to start from: N(0, 1), PyTorch's default for a table of embeddings."""
    return torch.randn(num_codes, code_dim)


def nearest_tokens(
    z: Float[Tensor, "B D h w"], codebook: Float[Tensor, "K D"]
) -> Int[Tensor, "B h w"]:
    """`nearest_code` at each position of a grid of latents."""
    B, D, h, w = z.shape
    flat = z.permute(0, 2, 3, 1).reshape(B * h * w, D)  # one row per position
    return nearest_code(flat, codebook).view(B, h, w)


def squared_distances(
    z: Float[Tensor, "B D h w"], z_q: Float[Tensor, "B D h w"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Codebook loss and commitment loss: the same number in float32, with two gradients."""
    with torch.autocast(z.device.type, enabled=False):
        z, z_q = z.float(), z_q.float()
        return F.mse_loss(z_q, z.detach()), F.mse_loss(z, z_q.detach())


def check_tokens(tokens: Int[Tensor, "..."], num_codes: int) -> None:
    """Raise `ValueError` unless every token is in [0, num_codes)."""
    # On a GPU reading the range would stall the queue; there the embedding itself asserts it.
    if tokens.is_cuda or tokens.numel() == 0:
        return
    low, high = int(tokens.min()), int(tokens.max())
    if low < 0 or high >= num_codes:
        raise ValueError(
            f"tokens range over [{low}, {high}], but this codebook has codes 0 to {num_codes - 1}; "
            "were they made by another model?"
        )


def code_counts(tokens: Int[Tensor, "..."], num_codes: int) -> Int[Tensor, " K"]:
    """How often each code occurs among the tokens (int64, K entries)."""
    return torch.bincount(tokens.flatten(), minlength=num_codes)


def codebook_usage(counts: Int[Tensor, " K"]) -> float:
    """Share of the codes that occur at all, in [0, 1]."""
    return (counts > 0).float().mean().item()


def perplexity(counts: Int[Tensor, " K"]) -> float:
    """exp of the entropy of the code frequencies: 1 when one code does all, K when all are equal.

    The VQVAE authors' released code reports this number; raises `ValueError` on no tokens.
    """
    total = counts.sum()
    if total == 0:
        raise ValueError("perplexity needs at least one token, the counts are all zero")
    p = counts.double() / total
    return torch.special.entr(p).sum().exp().item()
