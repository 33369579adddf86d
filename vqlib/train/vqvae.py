"""The recipe of stage 1 without a critic: train a VQVAE on images, or on label maps."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from vqlib.compress.losses import label_map_loss, vqvae_loss
from vqlib.compress.vqvae import VQVAE, LabelMapVQVAE, VQVAEConfig
from vqlib.data.images import Images
from vqlib.saved.run_folder import has_begun
from vqlib.train.loop import Run, clip_gradients, mean_logs
from vqlib.train.recipe import Trained
from vqlib.train.runtime import start
from vqlib.train.stage1 import (
    CodebookCare,
    Stage1Recipe,
    as_images,
    material_of,
    prepare,
    preview_of,
)
from vqlib.train.takeover import take_over


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
        parallel = place.wrap(codec)
        care = place.put(CodebookCare(images, codec.config.num_codes, recipe, place))
        optimizer = torch.optim.AdamW(
            codec.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.99), weight_decay=0.0
        )
        loss_of = label_map_loss if isinstance(codec, LabelMapVQVAE) else vqvae_loss
        weights = {
            "codebook_weight": recipe.codebook_weight,
            "commitment_weight": recipe.commitment_weight,
        }

        def train_step(step: int, batch: Tensor) -> dict[str, Tensor]:
            logs, tokens = [], []
            care.before_step(codec, batch, step)
            optimizer.zero_grad()
            for x in place.parts(batch, recipe.accumulate, parallel):
                with place.autocast(recipe.precision):
                    x_hat, quantized = parallel(x, quantize=recipe.quantizes(step))
                loss, terms = loss_of(x, x_hat, quantized, **weights)
                (loss / recipe.accumulate).backward()
                logs.append(terms)
                tokens.append(quantized.tokens)
            clip_gradients(codec, recipe)
            optimizer.step()
            care.after_step(torch.cat(tokens), step)
            return mean_logs(logs)

        parts = {"optimizer": optimizer, "care": care}
        if not has_begun(folder):
            take_over(start_from, parts, quiet=not place.is_main)
        options = {"folder": folder, "resume": resume, "progress": progress}
        options["material"] = material_of(images)
        with Run(codec, parts, recipe, place, **options) as run:
            run.preview(recipe.sample_every, preview_of(images))
            for step, _, batch in run.image_batches(images, workers=recipe.workers):
                logs = train_step(step, place.put(batch, channels_last=recipe.channels_last))
                if run.logs_at(step):
                    run.log(step, logs | care.logs())
        return run.result()
