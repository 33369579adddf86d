"""The recipe of stage 1 without a critic: train a VQVAE on images, or on label maps."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from vqlib.compress.losses import label_map_loss, vqvae_loss
from vqlib.compress.vqvae import VQVAE, LabelMapVQVAE, VQVAEConfig
from vqlib.data.images import Images
from vqlib.saved.model import Part
from vqlib.train.loop import clip_gradients, mean_logs
from vqlib.train.recipe import Trained
from vqlib.train.runtime import Runtime, start
from vqlib.train.stage1 import (
    CodebookCare,
    Stage1Recipe,
    as_images,
    material_of,
    prepare,
    repeat,
)


@dataclass(frozen=True)
class VQVAERecipe(Stage1Recipe):
    """How a VQVAE is trained."""


def train_vqvae(
    images: Images | Float[Tensor, "N C H W"],
    model: VQVAEConfig | VQVAE,
    recipe: VQVAERecipe,
    *,
    start_from: str | Path | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    device: str | None = None,
    progress: bool = True,
) -> Trained[VQVAE]:
    """Train a VQVAE, or a `LabelMapVQVAE` on label maps.

    Args:
        images: training images in [-1, 1], as a data set or a tensor in main memory. For label
            maps, a data set of the same contract that gives int64 labels (H, W).
        model: the shape of a new model, or a model to go on with, which is changed.
        recipe: how to train it.
        start_from: a run whose optimiser's moments are taken over where they fit, as the model is;
            stderr says so.
        folder: where log, checkpoints and sample pictures go; None saves nothing.
        resume: go on from the folder's latest checkpoint.
        device: such as "cuda:0"; by default the best there is.
        progress: show a bar.

    Returns:
        The model in eval mode and its history (loss, reconstruction, codebook, commitment, usage,
        perplexity).
    """
    images = as_images(images)
    with start(device) as place:
        codec = prepare(model, images, recipe, place, folder)
        train_step = VQVAEStep(codec, images, recipe, place)
        options = {"folder": folder, "resume": resume, "progress": progress}
        return repeat(train_step, images, start_from, material=material_of(images), **options)


class VQVAEStep:
    """One step of a codec alone.

    Args:
        codec: on its device, in train mode.
        images: training images, from which its codes are cared for.
        recipe: the weights.
        place: this process.
    """

    def __init__(self, codec: VQVAE, images: Images, recipe: VQVAERecipe, place: Runtime):
        self.codec, self.recipe, self.place = codec, recipe, place
        self.parallel = place.wrap(codec)
        self.care = place.put(CodebookCare(images, codec.config.num_codes, recipe, place))
        self.optimizer = torch.optim.AdamW(
            codec.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.99), weight_decay=0.0
        )
        self.loss_of = label_map_loss if isinstance(codec, LabelMapVQVAE) else vqvae_loss
        self.weights = {
            "codebook_weight": recipe.codebook_weight,
            "commitment_weight": recipe.commitment_weight,
        }

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint must hold besides the codec."""
        return {"optimizer": self.optimizer, "care": self.care}

    def __call__(self, step: int, batch: Tensor) -> dict[str, Tensor]:
        """Move the codec by one step; the losses, detached."""
        recipe, logs, tokens = self.recipe, [], []
        self.care.before_step(self.codec, batch, step)
        self.optimizer.zero_grad()
        for x in self.place.parts(batch, recipe.accumulate, self.parallel):
            with self.place.autocast(recipe.precision):
                x_hat, quantized = self.parallel(x, quantize=recipe.quantizes(step))
            loss, terms = self.loss_of(x, x_hat, quantized, **self.weights)
            (loss / recipe.accumulate).backward()
            logs.append(terms)
            tokens.append(quantized.tokens)
        clip_gradients(self.codec, recipe)
        self.optimizer.step()
        self.care.after_step(torch.cat(tokens), step)
        return mean_logs(logs)
