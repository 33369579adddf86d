"""Training: the recipes, and what keeps them safe."""

from vqlib.train.checkpoint import load_model, save_model
from vqlib.train.prior import PriorRecipe, tokenize, train_prior, validation_nll
from vqlib.train.recipe import Recipe, Trained
from vqlib.train.vqgan import VQGANRecipe, train_vqgan
from vqlib.train.vqvae import VQVAERecipe, train_vqvae

__all__ = [
    "PriorRecipe",
    "Recipe",
    "Trained",
    "VQGANRecipe",
    "VQVAERecipe",
    "load_model",
    "save_model",
    "tokenize",
    "train_prior",
    "train_vqgan",
    "train_vqvae",
    "validation_nll",
]
