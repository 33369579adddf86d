"""Codes chosen by logits, as in the released Gumbel VQGAN: a vote instead of a distance."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from vqlib.compress.quantize import Quantized, Quantizer, narrow_codes


class GumbelQuantizer(Quantizer):
    """A 1×1 convolution gives each code a logit; the highest wins (Jang et al. 2017, section 2.2).

    *Categorical Reparameterization with Gumbel-Softmax* trains such codes with noise on the logits
    and a falling temperature. This class is made for trained weights and has neither: it chooses
    the likeliest code, as that method does once trained, and passes the softmax's gradient on.

    Args:
        num_codes: K, the number of codes.
        code_dim: D, the dimension of the latents and of the codes.
    """

    def __init__(self, num_codes: int, code_dim: int):
        super().__init__(num_codes, code_dim)
        self.to_logits = nn.Conv2d(code_dim, num_codes, kernel_size=1)
        self.codebook = nn.Parameter(narrow_codes(num_codes, code_dim))

    def forward(self, z: Float[Tensor, "B D h w"]) -> Quantized:
        """Quantize latents of any floating dtype; raises `ValueError` on a wrong D.

        The value is the chosen code's, the gradient that of the softmax over all codes. Both losses
        are zero: latents and codes live in different spaces, nothing pulls one to the other.
        """
        logits = self._logits(z)
        tokens, p = logits.argmax(1), logits.softmax(1)
        chosen = F.one_hot(tokens, self.num_codes).permute(0, 3, 1, 2)
        weights = chosen + p - p.detach()  # straight-through
        z_q = torch.einsum("bkhw,kd->bdhw", weights, self.codebook.float())
        nothing = logits.new_zeros(())
        return Quantized(z_q.to(z.dtype), tokens, nothing, nothing)

    @torch.no_grad()
    def tokens(self, z: Float[Tensor, "B D h w"]) -> Int[Tensor, "B h w"]:
        """Index of the likeliest code at each position, int64. Changes nothing."""
        return self._logits(z).argmax(1)

    @torch.no_grad()
    def replace_codes(self, codes: Int[Tensor, " M"], latents: Float[Tensor, "M D"]) -> None:
        """Raises `ValueError`: here a code's place does not decide which latents choose it."""
        raise ValueError(
            "GumbelQuantizer chooses codes by logits, not by distance: moving a code to a latent "
            "does not revive it; train without restarts"
        )

    def _logits(self, z: Float[Tensor, "B D h w"]) -> Float[Tensor, "B K h w"]:
        self._check_latents(z)
        weight, bias = self.to_logits.weight.float(), self.to_logits.bias.float()
        with torch.autocast(z.device.type, enabled=False):  # bfloat16 would make ties
            return F.conv2d(z.float(), weight, bias)


@dataclass(frozen=True)
class GumbelCodes:
    """Codes chosen by logits, for the released Gumbel weights."""

    def build(self, num_codes: int, code_dim: int) -> Quantizer:
        """A new quantizer of this kind."""
        return GumbelQuantizer(num_codes, code_dim)
