"""Photos and textures: the same small codec trained as a VQVAE and as a VQGAN, equally long."""

from dataclasses import replace

from vqlib.compress import vqvae_photos
from vqlib.course.training.codecs import CODES, CPU_SIZED, codec_job
from vqlib.data.augment import VariedSquares
from vqlib.data.images import Images
from vqlib.data.photos import photos_and_textures
from vqlib.train import VQGANRecipe, VQVAERecipe

STEPS = 2000
DATA = "photos and textures, squares of 64×64 pixels varied in scale, orientation and colour"
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


CONFIG = replace(vqvae_photos(), codes=CODES)


def images(split: str) -> Images:
    """Squares of a split; those that train are varied."""
    squares = photos_and_textures(split)
    return VariedSquares(squares.pictures, squares.size) if split == "train" else squares


RECIPES = {"photos_vqvae": VQVAE_RECIPE, "photos_vqgan": VQGAN_RECIPE}
JOBS = {
    name: codec_job(DATA, images, CONFIG, recipe, also=("remainder",))
    for name, recipe in RECIPES.items()
}
