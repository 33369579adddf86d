"""A codebook without gradients: each code follows the mean of the latents that chose it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vqlib.compress.processes import sum_over_processes
from vqlib.compress.quantize import (
    Quantized,
    Quantizer,
    narrow_codes,
    squared_distances,
    straight_through,
)


class EMAVectorQuantizer(Quantizer):
    """Codes as exponential moving averages of their latents (VQVAE, appendix A.1).

    Online k-means: in training mode every `forward` moves the codes, after it has used them. The
    counts are smoothed (Laplace), so that an unused code is not divided by zero, and summed over
    all processes, so that each has the same codebook.

    Args:
        num_codes: K, the number of codes.
        code_dim: D, the dimension of a code.
        decay: γ, the share of the old average that stays (0.99 in the paper).
        epsilon: of the smoothing.
    """

    def __init__(
        self, num_codes: int, code_dim: int, *, decay: float = 0.99, epsilon: float = 1e-5
    ):
        super().__init__(num_codes, code_dim)
        self.decay, self.epsilon = decay, epsilon
        codes = narrow_codes(num_codes, code_dim)
        self.register_buffer("codebook", codes)
        self.register_buffer("cluster_size", torch.ones(num_codes))  # N_i
        self.register_buffer("latent_sum", codes.clone())  # m_i; the code is m_i / N_i

    def forward(self, z: Float[Tensor, "B D h w"]) -> Quantized:
        """Quantize latents of any floating dtype; raises `ValueError` on a wrong D.

        Neither loss has a gradient for the codes; the codebook loss only reports.
        """
        tokens = self.tokens(z)
        z_q = self.lookup(tokens)
        codebook_loss, commitment_loss = squared_distances(z, z_q)
        if self.training:
            self._update(z, tokens)
        return Quantized(
            straight_through(z, z_q.to(z.dtype)), tokens, codebook_loss.detach(), commitment_loss
        )

    @torch.no_grad()
    def replace_codes(self, codes: Int[Tensor, " M"], latents: Float[Tensor, "M D"]) -> None:
        """Put the given codes where the given latents are, as if one latent had chosen each."""
        super().replace_codes(codes, latents)
        self.cluster_size[codes] = 1.0
        self.latent_sum[codes] = latents.to(self.latent_sum.dtype)

    @torch.no_grad()
    def _update(self, z: Float[Tensor, "B D h w"], tokens: Int[Tensor, "B h w"]) -> None:
        B, D, h, w = z.shape
        rows = z.detach().float().permute(0, 2, 3, 1).reshape(B * h * w, D)
        counts = torch.bincount(tokens.flatten(), minlength=self.num_codes).float()
        sums = torch.zeros_like(self.latent_sum).index_add_(0, tokens.flatten(), rows)
        counts, sums = sum_over_processes(counts), sum_over_processes(sums)
        self.cluster_size.lerp_(counts, 1 - self.decay)
        self.latent_sum.lerp_(sums, 1 - self.decay)
        self.codebook.copy_(self.latent_sum / smoothed(self.cluster_size, self.epsilon)[:, None])


def smoothed(counts: Float[Tensor, " K"], epsilon: float) -> Float[Tensor, " K"]:
    """Laplace smoothing: no count is zero, their sum stays."""
    total, K = counts.sum(), len(counts)
    return (counts + epsilon) / (total + K * epsilon) * total


@dataclass(frozen=True)
class EMACodes:
    """Codes that follow the mean of their latents."""

    decay: float = 0.99
    """γ, the share of the old average that stays at each step."""
    epsilon: float = 1e-5
    """Of the Laplace smoothing of the counts."""

    def __post_init__(self):
        if not 0 < self.decay < 1:
            raise ValueError(f"decay is {self.decay}; it must lie between 0 and 1, such as 0.99")
        if self.epsilon <= 0:
            raise ValueError(f"epsilon is {self.epsilon}; it must be positive, such as 1e-5")

    def build(self, num_codes: int, code_dim: int) -> Quantizer:
        """A new quantizer of this kind."""
        return EMAVectorQuantizer(num_codes, code_dim, decay=self.decay, epsilon=self.epsilon)
