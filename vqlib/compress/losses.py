"""Losses of stage 1 as pure functions; the weights between their terms live here."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from vqlib.compress.quantize import Quantized


def reconstruction_loss(
    x_hat: Float[Tensor, "B C H W"], x: Float[Tensor, "B C H W"]
) -> Float[Tensor, ""]:
    """Mean squared error per pixel and channel, in float32, of images in [-1, 1] (VQVAE, eq. 3)."""
    return F.mse_loss(x_hat.float(), x.float())


def vqvae_loss(
    x: Float[Tensor, "B C H W"],
    x_hat: Float[Tensor, "B C H W"],
    quantized: Quantized,
    *,
    codebook_weight: float = 1.0,
    commitment_weight: float = 0.25,
) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
    """The three terms of VQVAE, eq. 3: ‖x − x̂‖² + ‖sg[z] − z_q‖² + β‖z − sg[z_q]‖².

    β (`commitment_weight`) stands on the commitment term, as in the paper. The reference code of
    *Taming Transformers* by default puts it on the codebook term.

    Args:
        x: images in [-1, 1].
        x_hat: their reconstructions.
        quantized: what the quantizer returned on the way.
        codebook_weight: weight of the codebook loss.
        commitment_weight: β, weight of the commitment loss (0.25 in the VQVAE paper).

    Returns:
        The loss to minimise and its unweighted terms, detached, for the log.
    """
    reconstruction = reconstruction_loss(x_hat, x)
    loss = (
        reconstruction
        + codebook_weight * quantized.codebook_loss
        + commitment_weight * quantized.commitment_loss
    )
    logs = {
        "loss": loss.detach(),
        "reconstruction": reconstruction.detach(),
        "codebook": quantized.codebook_loss.detach(),
        "commitment": quantized.commitment_loss.detach(),
    }
    return loss, logs
