"""The recipe of stage 1: train a VQVAE on images."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from vqlib.compress.losses import vqvae_loss
from vqlib.compress.vqvae import VQVAE, VQVAEConfig
from vqlib.train.loop import Recipe, Run, Trained
from vqlib.train.runtime import start


@dataclass(frozen=True)
class VQVAERecipe(Recipe):
    """How a VQVAE is trained."""

    codebook_weight: float = 1.0
    """Weight of the codebook loss."""
    commitment_weight: float = 0.25
    """β, weight of the commitment loss (VQVAE, eq. 3)."""


def train_vqvae(
    images: Float[Tensor, "N C H W"],
    config: VQVAEConfig,
    recipe: VQVAERecipe,
    *,
    folder: str | Path | None = None,
    resume: bool = False,
    device: str | None = None,
    progress: bool = True,
) -> Trained[VQVAE]:
    """Train a VQVAE from scratch.

    Args:
        images: training images in [-1, 1], in main memory.
        config: shape of the model.
        recipe: how to train it.
        folder: where log and checkpoints go; None saves nothing.
        resume: go on from the folder's latest checkpoint.
        device: such as "cuda:0"; by default the best there is.
        progress: show a bar.

    Returns:
        The model in eval mode and its history (loss, reconstruction, codebook, commitment).
    """
    with start(device) as place:
        torch.manual_seed(recipe.seed)
        model = VQVAE(config).to(place.device).train()
        parallel = place.wrap(model)
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.99), weight_decay=0.0
        )

        def train_step(x: Tensor) -> dict[str, Tensor]:
            x_hat, quantized = parallel(x)
            loss, logs = vqvae_loss(
                x,
                x_hat,
                quantized,
                codebook_weight=recipe.codebook_weight,
                commitment_weight=recipe.commitment_weight,
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return logs

        options = {"folder": folder, "resume": resume, "progress": progress}
        with Run(model, optimizer, recipe, place, **options) as run:
            for step, batch in run.batches(len(images)):
                x = images[batch].to(place.device, non_blocking=True)
                run.log(step, train_step(x))
        return run.result()
