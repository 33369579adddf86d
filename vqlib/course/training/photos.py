"""Photos and textures: the same small codec trained as a VQVAE and as a VQGAN, equally long."""

from dataclasses import replace
from pathlib import Path

from vqlib.compress import VQVAE, EMACodes, vqvae_photos
from vqlib.course.pretrained import load_perceptual
from vqlib.course.training.codecs import CPU_SIZED, save_codec
from vqlib.data.photos import photos_and_textures
from vqlib.train import Trained, VQGANRecipe, VQVAERecipe, train_vqgan, train_vqvae

STEPS = 2000
DATA = "photos and textures, squares of 64×64 pixels"
VQVAE_RECIPE = VQVAERecipe(steps=STEPS, **CPU_SIZED)
VQGAN_RECIPE = VQGANRecipe(
    steps=STEPS,
    **CPU_SIZED,
    perceptual_weight=0.3,
    disc_weight=0.1,
    disc_start=800,
    disc_layers=2,
    disc_channels=16,
)


RECIPES = {"photos_vqvae": VQVAE_RECIPE, "photos_vqgan": VQGAN_RECIPE}
CONFIG = replace(vqvae_photos(), codes=EMACodes(decay=0.98))


def make(root: Path, device: str | None) -> None:
    """Train `photos_vqvae` and `photos_vqgan` and save them with their records."""
    for name, recipe in RECIPES.items():
        trained = train(name, device=device)
        save_codec(root / name, "photos", DATA, trained, recipe, photos_and_textures("held_out"))


def train(
    name: str, *, seed: int = 0, folder: Path | None = None, device: str | None = None
) -> Trained[VQVAE]:
    """One of the two models with a seed; what is in the folder already is gone on with."""
    images, recipe = photos_and_textures("train"), replace(RECIPES[name], seed=seed)
    options = {"folder": folder, "resume": folder is not None, "device": device}
    if isinstance(recipe, VQVAERecipe):
        return train_vqvae(images, CONFIG, recipe, **options)
    perceptual = load_perceptual()
    return train_vqgan(images, CONFIG, recipe, perceptual=perceptual, **options)
