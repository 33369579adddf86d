"""Low-dimensional codes on the unit sphere: the direction decides, never the length."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from vqlib.compress.quantize import (
    Quantized,
    Quantizer,
    check_tokens,
    nearest_tokens,
    squared_distances,
    straight_through,
)


class NormalizedVectorQuantizer(Quantizer):
    """Factorised, l2-normalised codes (Yu et al. 2022, ViT-VQGAN, section 3.2).

    The latents are projected to a few dimensions and compared there as unit vectors, so that
    nearest means most similar in direction. What leaves is projected back to D.

    Args:
        num_codes: K, the number of codes.
        code_dim: D, the dimension of the latents.
        low_dim: d, the dimension in which latents and codes are compared (32 in the paper).
    """

    def __init__(self, num_codes: int, code_dim: int, *, low_dim: int = 8):
        super().__init__(num_codes, code_dim)
        self.project_in = nn.Conv2d(code_dim, low_dim, kernel_size=1)
        self.project_out = nn.Conv2d(low_dim, code_dim, kernel_size=1)
        self.codebook = nn.Parameter(F.normalize(torch.randn(num_codes, low_dim), dim=1))

    def forward(self, z: Float[Tensor, "B D h w"]) -> Quantized:
        """Quantize latents of any floating dtype; raises `ValueError` on a wrong D.

        The two losses are taken among the unit vectors.
        """
        directions, codes = self._directions(z), F.normalize(self.codebook, dim=1)
        tokens = nearest_tokens(directions, codes)
        chosen = F.embedding(tokens, codes).permute(0, 3, 1, 2)
        codebook_loss, commitment_loss = squared_distances(directions, chosen)
        z_q = self._back(straight_through(directions, chosen))
        return Quantized(z_q.to(z.dtype), tokens, codebook_loss, commitment_loss)

    @torch.no_grad()
    def tokens(self, z: Float[Tensor, "B D h w"]) -> Int[Tensor, "B h w"]:
        """Index of the code nearest in direction to each latent, int64. Changes nothing."""
        return nearest_tokens(self._directions(z), F.normalize(self.codebook, dim=1))

    def _directions(self, z: Float[Tensor, "B D h w"]) -> Float[Tensor, "B d h w"]:
        self._check_latents(z)
        with torch.autocast(z.device.type, enabled=False):  # what is compared stays float32
            low = self.project_in(z.to(self.project_in.weight.dtype))
        return F.normalize(low.float(), dim=1)

    def _back(self, directions: Float[Tensor, "B d h w"]) -> Float[Tensor, "B D h w"]:
        with torch.autocast(directions.device.type, enabled=False):
            return self.project_out(directions.to(self.project_out.weight.dtype))

    def lookup(self, tokens: Int[Tensor, "B h w"]) -> Float[Tensor, "B D h w"]:
        """The way back: the code of each token; raises `ValueError` on tokens out of range."""
        check_tokens(tokens, self.num_codes)
        codes = F.normalize(self.codebook, dim=1)
        return self._back(F.embedding(tokens, codes).permute(0, 3, 1, 2))

    @torch.no_grad()
    def replace_codes(self, codes: Int[Tensor, " M"], latents: Float[Tensor, "M D"]) -> None:
        """Point the given codes in the directions of the given latents."""
        super().replace_codes(codes, self._directions(latents[:, :, None, None])[:, :, 0, 0])


@dataclass(frozen=True)
class NormalizedCodes:
    """Codes of few dimensions, compared as unit vectors."""

    low_dim: int = 8
    """d, the dimension in which latents and codes are compared."""

    def __post_init__(self):
        if self.low_dim < 2:
            raise ValueError(f"low_dim is {self.low_dim}; a sphere needs at least 2 dimensions")

    def build(self, num_codes: int, code_dim: int) -> Quantizer:
        """A new quantizer of this kind."""
        return NormalizedVectorQuantizer(num_codes, code_dim, low_dim=self.low_dim)
