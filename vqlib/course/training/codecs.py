"""What the codecs of pictures have in common: the offline networks, measuring, saving."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from vqlib.compress import VQVAE, EMACodes, VQVAEConfig
from vqlib.course.pretrained import PERCEPTUAL, load_perceptual, load_pretrained
from vqlib.course.training.job import SAVE_EVERY, Job
from vqlib.course.training.record import rounded
from vqlib.data.images import Images, stack
from vqlib.measure import OfflineFeatures, measure_codec
from vqlib.measure.grid_pattern import grid_energy
from vqlib.train import Trained, VQGANRecipe, VQVAERecipe, train_vqgan, train_vqvae

# What the recipes of all picture codecs share.
CPU_SIZED = {
    "batch_size": 16,
    "learning_rate": 1e-3,
    "kmeans_init": True,
    "restart_every": 50,
    "log_every": 25,
    "save_every": SAVE_EVERY,
}
BATCH = 50  # images decoded at once
CODES = EMACodes(decay=0.98)
# Every codec is measured with all four offline networks.
NETWORKS = ("offline_features", *PERCEPTUAL)


def measured(codec: VQVAE, held_out: Images, name: str, *, progress: bool = True) -> dict[str, Any]:
    """Quality on held-out images, measured with the offline networks.

    Without a Fréchet distance where there are fewer images than features: it would say little.

    Args:
        codec: on the CPU.
        held_out: images that it was not trained on.
        name: what the Fréchet result calls them.
        progress: show a bar.
    """
    extractor = OfflineFeatures(load_pretrained("offline_features"))
    values = measure_codec(
        codec,
        held_out,
        perceptual=load_perceptual(),
        extractor=extractor if len(held_out) > extractor.dim else None,
        reference_name=name,
        progress=progress,
    )
    x = stack(held_out)
    x_hat = torch.cat([codec.decode(codec.encode(part)) for part in x.split(BATCH)])
    period = codec.config.downsampling_factor
    values |= {
        "grid_energy": grid_energy(x_hat, period),
        "grid_energy_of_the_originals": grid_energy(x, period),
    }
    return rounded(values)


def train_codec(
    images: Callable[[], Images],
    config: VQVAEConfig,
    recipe: VQVAERecipe | VQGANRecipe,
    *,
    folder: Path | None = None,
    resume: bool = False,
    device: str | None = None,
) -> Trained[VQVAE]:
    """Train a codec as its recipe says; a VQGAN looks through the offline networks.

    Args:
        images: gives the training images, which may take a while to make.
        config: shape of the codec.
        recipe: of a VQVAE or of a VQGAN.
        folder: of the run; None keeps nothing.
        resume: go on from the folder's latest checkpoint.
        device: such as "cuda:0"; by default the best there is.
    """
    options = {"folder": folder, "resume": resume, "device": device}
    if isinstance(recipe, VQVAERecipe):
        return train_vqvae(images(), config, recipe, **options)
    return train_vqgan(images(), config, recipe, perceptual=load_perceptual(), **options)


def codec_job(
    data: str,
    images: Callable[[str], Images],
    config: VQVAEConfig,
    recipe: VQVAERecipe | VQGANRecipe,
    also: tuple[str, ...] = (),
) -> Job:
    """The job of a codec of pictures.

    Args:
        data: what it is trained on, in words.
        images: gives the images of a split, "train" or "held_out".
        config: shape of the codec.
        recipe: how it is trained.
        also: splits to be measured besides the held-out one; their numbers have the split's name in
            front.
    """

    def measure(codec: VQVAE) -> dict[str, Any]:
        values = measured(codec, images("held_out"), f"{data}, held out")
        for split in also:
            more = measured(codec, images(split), f"{data}, {split}")
            values |= {f"{split}_{name}": value for name, value in more.items()}
        return values

    train = partial(train_codec, partial(images, "train"), config, recipe)
    return Job(data, recipe, train, measure, NETWORKS, extra={"config": repr(config)})
