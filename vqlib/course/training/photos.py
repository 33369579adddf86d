"""Photos and textures: the same small codec trained as a VQVAE and as a VQGAN, equally long."""

from dataclasses import replace
from pathlib import Path

from vqlib.compress import FeatureDistance, VQVAEConfig, vqvae_photos
from vqlib.compress.ema import EMACodes
from vqlib.course.training.codecs import offline_network, save_codec
from vqlib.data.photos import photos_and_textures
from vqlib.train import VQGANRecipe, VQVAERecipe, train_vqgan, train_vqvae

STEPS = 2000
DATA = "photos and textures, squares of 64×64 pixels"
VQVAE_RECIPE = VQVAERecipe(
    steps=STEPS,
    batch_size=16,
    learning_rate=1e-3,
    kmeans_init=True,
    restart_every=50,
    log_every=25,
)
VQGAN_RECIPE = VQGANRecipe(
    steps=STEPS,
    batch_size=16,
    learning_rate=1e-3,
    kmeans_init=True,
    restart_every=50,
    log_every=25,
    perceptual_weight=1.0,
    disc_weight=0.3,
    disc_start=800,
    disc_layers=2,
    disc_channels=16,
)


def config() -> VQVAEConfig:
    """Codes that follow the mean of their latents: the one cure that costs nothing."""
    return replace(vqvae_photos(), codes=EMACodes(decay=0.98))


def make(root: Path, device: str | None) -> None:
    """Train `photos_vqvae` and `photos_vqgan` and save them with their records."""
    for name, (trained, recipe) in train_both(seed=0, device=device).items():
        save_codec(root / name, "photos", DATA, trained, recipe, photos_and_textures("held_out"))


def train_both(*, seed: int, device: str | None) -> dict:
    """Both models of a seed, by name, each with its recipe."""
    images = photos_and_textures("train")
    plain, sharp = (replace(recipe, seed=seed) for recipe in (VQVAE_RECIPE, VQGAN_RECIPE))
    perceptual = FeatureDistance(offline_network())
    return {
        "photos_vqvae": (train_vqvae(images, config(), plain, device=device), plain),
        "photos_vqgan": (
            train_vqgan(images, config(), sharp, perceptual=perceptual, device=device),
            sharp,
        ),
    }
