"""Painted landscapes: a VQGAN of the images, and codecs of their label maps and of their depth."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from vqlib.compress import (
    LabelMapVQVAE,
    code_counts,
    codebook_usage,
    label_maps,
    perplexity,
    vqvae_photos,
)
from vqlib.course.training.codecs import CODES, CPU_SIZED, codec_job
from vqlib.course.training.job import Job
from vqlib.data.images import Images, TensorImages
from vqlib.data.label_maps import TensorLabelMaps
from vqlib.data.scenes import LABELS, Scenes
from vqlib.train import Trained, VQGANRecipe, VQVAERecipe, train_vqvae

NUM_TRAIN, NUM_HELD_OUT = 1500, 200
DATA = f"scenes, {NUM_TRAIN} of 64×64 pixels, mirrored at random"
RECIPE = VQGANRecipe(
    steps=2500,
    **CPU_SIZED,
    perceptual_weight=0.3,
    disc_weight=0.3,
    disc_start=1000,
    disc_layers=2,
    disc_channels=16,
)
LABELS_RECIPE = VQVAERecipe(steps=1500, **CPU_SIZED)
CONFIG = replace(vqvae_photos(), codes=CODES)
NARROW = replace(CONFIG.autoencoder, hidden_channels=48, code_dim=16)
LABELS_CONFIG = label_maps(replace(CONFIG, autoencoder=NARROW, num_codes=128), len(LABELS))
# Depth is smooth: f = 8 is enough, and a short condition is a cheap one.
SMOOTH = replace(NARROW, image_channels=1, num_downsamplings=3)
DEPTH_CONFIG = replace(CONFIG, autoencoder=SMOOTH, num_codes=128)


class Painted(NamedTuple):
    """Scenes painted once, as the recipes see them again and again."""

    images: Float[Tensor, "N 3 H W"]
    labels: Int[Tensor, "N H W"]
    depth: Float[Tensor, "N 1 H W"]
    captions: list[dict[str, str]]
    words: list[dict[str, tuple[str, ...]]]


def paint(split: str, count: int) -> Painted:
    """The first scenes of a split."""
    data = Scenes(split, count=count)
    scenes = [data.scene(i) for i in tqdm(range(count), desc=f"painting {split} scenes")]
    return Painted(
        torch.stack([scene.image for scene in scenes]),
        torch.stack([scene.labels for scene in scenes]),
        torch.stack([scene.depth for scene in scenes]),
        [scene.caption for scene in scenes],
        [scene.caption_words for scene in scenes],
    )


@cache
def painted(split: str) -> Painted:
    """The scenes of a split that the codecs see."""
    return paint(split, NUM_TRAIN if split == "train" else NUM_HELD_OUT)


def pictures(split: str) -> Images:
    """The scenes themselves; those that train are mirrored at random."""
    return TensorImages(painted(split).images, flip=split == "train")


def depth(split: str) -> Images:
    """Their depth."""
    return TensorImages(painted(split).depth, flip=split == "train")


def train_labels(
    *, folder: Path | None = None, resume: bool = False, device: str | None = None
) -> Trained[LabelMapVQVAE]:
    """Train the codec of the label maps."""
    maps = TensorLabelMaps(painted("train").labels, flip=True)
    options = {"folder": folder, "resume": resume, "device": device}
    return train_vqvae(maps, LABELS_CONFIG, LABELS_RECIPE, **options)


def measured(codec: LabelMapVQVAE, labels: Int[Tensor, "N H W"]) -> dict[str, Any]:
    """Share of the pixels that come back with their label, and how the codes are used."""
    tokens = codec.encode(labels)
    right = codec.decode(tokens) == labels
    counts = code_counts(tokens, codec.config.num_codes)
    present = [label for label in range(codec.num_labels) if (labels == label).any()]
    return {
        "num_maps": len(labels),
        "pixel_accuracy": round(right.float().mean().item(), 4),
        **{
            f"pixel_accuracy_{LABELS[label]}": round(
                right[labels == label].float().mean().item(), 4
            )
            for label in present
        },
        "codebook_usage": round(codebook_usage(counts), 4),
        "perplexity": round(perplexity(counts), 1),
    }


JOBS = {
    "scenes_vqgan": codec_job(DATA, pictures, CONFIG, RECIPE),
    "scenes_labels": Job(
        DATA,
        LABELS_RECIPE,
        train_labels,
        lambda codec: measured(codec, painted("held_out").labels),
        extra={"config": repr(LABELS_CONFIG)},
    ),
    "scenes_depth": codec_job(DATA, depth, DEPTH_CONFIG, LABELS_RECIPE),
}
