"""Losses of stage 1 as pure functions; the weights between their terms live here."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.compress.processes import mean_over_processes
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
    return with_codebook_terms(
        reconstruction_loss(x_hat, x), quantized, codebook_weight, commitment_weight
    )


def label_map_loss(
    labels: Int[Tensor, "B H W"],
    logits: Float[Tensor, "B L H W"],
    quantized: Quantized,
    *,
    codebook_weight: float = 1.0,
    commitment_weight: float = 0.25,
) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
    """`vqvae_loss` for label maps: the reconstruction term is the cross-entropy per pixel, in nats.

    Args:
        labels: int64 in [0, L).
        logits: what a `LabelMapVQVAE` gave for them.
        quantized: what the quantizer returned on the way.
        codebook_weight: weight of the codebook loss.
        commitment_weight: β, weight of the commitment loss.

    Returns:
        The loss to minimise and its unweighted terms, detached, for the log.
    """
    reconstruction = F.cross_entropy(logits.float(), labels)
    return with_codebook_terms(reconstruction, quantized, codebook_weight, commitment_weight)


def with_codebook_terms(
    reconstruction: Float[Tensor, ""],
    quantized: Quantized,
    codebook_weight: float,
    commitment_weight: float,
) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
    """The reconstruction loss plus the weighted losses of the codebook, and each for the log."""
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


def hinge_discriminator_loss(
    real: Float[Tensor, "B 1 h w"], fake: Float[Tensor, "B 1 h w"]
) -> Float[Tensor, ""]:
    """½·mean[relu(1 − D(x)) + relu(1 + D(x̂))]: no reward for being surer than ±1.

    Args:
        real: the discriminator's logits of images.
        fake: its logits of *detached* reconstructions.
    """
    return 0.5 * (F.relu(1 - real.float()).mean() + F.relu(1 + fake.float()).mean())


def hinge_generator_loss(fake: Float[Tensor, "B 1 h w"]) -> Float[Tensor, ""]:
    """−mean D(x̂): the reconstruction should look more real, however real it looks already."""
    return -fake.float().mean()


def nonsaturating_discriminator_loss(
    real: Float[Tensor, "B 1 h w"], fake: Float[Tensor, "B 1 h w"]
) -> Float[Tensor, ""]:
    """½·mean[softplus(−D(x)) + softplus(D(x̂))], the cross-entropy of Goodfellow et al. 2014.

    Args:
        real: the discriminator's logits of images.
        fake: its logits of *detached* reconstructions.
    """
    return 0.5 * (F.softplus(-real.float()).mean() + F.softplus(fake.float()).mean())


def nonsaturating_generator_loss(fake: Float[Tensor, "B 1 h w"]) -> Float[Tensor, ""]:
    """mean softplus(−D(x̂)), which still pulls where the discriminator is sure."""
    return F.softplus(-fake.float()).mean()


def adaptive_weight(
    reconstruction: Float[Tensor, ""],
    adversarial: Float[Tensor, ""],
    last_layer: Tensor,
    *,
    delta: float = 1e-4,
    limit: float = 1e4,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""], Float[Tensor, ""]]:
    """λ = ‖∇ reconstruction‖ / (‖∇ adversarial‖ + δ) at the last layer (Taming, eq. 7).

    With it both losses pull the decoder's last layer equally hard. Under torchrun the gradients
    are averaged over the processes before their norms are taken, so that λ is that of the whole
    batch.

    Args:
        reconstruction: the reconstruction loss, perceptual part included.
        adversarial: the generator's loss.
        last_layer: weight of the decoder's last convolution.
        delta: δ, against division by zero.
        limit: λ is clipped to [0, limit].

    Returns:
        λ, ‖∇ reconstruction‖ and ‖∇ adversarial‖, all detached, float32.
    """
    norms = []
    for loss in (reconstruction, adversarial):
        (gradient,) = torch.autograd.grad(loss, last_layer, retain_graph=True)
        norms.append(mean_over_processes(gradient.float()).norm())
    weight = (norms[0] / (norms[1] + delta)).clamp(0, limit)
    return weight.detach(), norms[0].detach(), norms[1].detach()
