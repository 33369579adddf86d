"""Training: the loops, and what keeps them safe."""

from vqlib.train.prior import PriorRecipe, Watch, train_prior, validation_nll
from vqlib.train.recipe import Recipe, Trained
from vqlib.train.vqgan import VQGANRecipe, train_vqgan
from vqlib.train.vqvae import VQVAERecipe, train_vqvae

__all__ = [
    "PriorRecipe",
    "Recipe",
    "Trained",
    "VQGANRecipe",
    "VQVAERecipe",
    "Watch",
    "train_prior",
    "train_vqgan",
    "train_vqvae",
    "validation_nll",
]
