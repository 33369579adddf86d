"""Painted landscapes: a VQGAN of the images, and codecs of their label maps and of their depth."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from vqlib.compress import (
    EMACodes,
    LabelMapVQVAE,
    code_counts,
    codebook_usage,
    label_maps,
    perplexity,
    vqvae_photos,
)
from vqlib.course.pretrained import load_perceptual
from vqlib.course.training.codecs import CPU_SIZED, save_codec
from vqlib.course.training.record import record_of
from vqlib.data.images import TensorImages
from vqlib.data.label_maps import TensorLabelMaps
from vqlib.data.scenes import LABELS, Scenes
from vqlib.train import (
    VQGANRecipe,
    VQVAERecipe,
    load_model,
    save_model,
    train_vqgan,
    train_vqvae,
)

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
LABELS_RECIPE = VQVAERecipe(
    steps=1500,
    **CPU_SIZED,
)


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


def make(root: Path, device: str | None) -> None:
    """Train `scenes_vqgan`, `scenes_labels` and `scenes_depth`; save them with their records."""
    train, held_out = paint("train", NUM_TRAIN), paint("held_out", NUM_HELD_OUT)
    config = replace(vqvae_photos(), codes=EMACodes(decay=0.98))

    trained = train_vqgan(
        TensorImages(train.images, flip=True),
        config,
        RECIPE,
        perceptual=load_perceptual(),
        device=device,
    )
    pictures = TensorImages(held_out.images)
    save_codec(root / "scenes_vqgan", "scenes", DATA, trained, RECIPE, pictures)

    autoencoder = replace(config.autoencoder, hidden_channels=48, code_dim=16)
    maps = label_maps(replace(config, autoencoder=autoencoder, num_codes=128), len(LABELS))
    trained = train_vqvae(
        TensorLabelMaps(train.labels, flip=True), maps, LABELS_RECIPE, device=device
    )
    folder = root / "scenes_labels"
    save_model(trained.model.cpu(), folder, half=True)
    codec = load_model(folder)
    record = record_of("scenes", DATA, trained, LABELS_RECIPE, measured(codec, held_out.labels))
    save_model(codec, folder, record=record, half=True)

    # Depth is smooth: f = 8 is enough, and a short condition is a cheap one.
    autoencoder = replace(autoencoder, image_channels=1, num_downsamplings=3)
    depth = replace(config, autoencoder=autoencoder, num_codes=128)
    trained = train_vqvae(TensorImages(train.depth, flip=True), depth, LABELS_RECIPE, device=device)
    pictures = TensorImages(held_out.depth)
    save_codec(root / "scenes_depth", "scenes", DATA, trained, LABELS_RECIPE, pictures)


def measured(codec: LabelMapVQVAE, labels: Int[Tensor, "N H W"]) -> dict[str, int | float]:
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
