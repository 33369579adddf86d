"""Training: the two recipes, and what keeps them safe."""

from vqlib.train.checkpoint import load_model, save_model
from vqlib.train.loop import Recipe, Trained
from vqlib.train.prior import PriorRecipe, tokenize, train_prior, validation_nll
from vqlib.train.vqvae import VQVAERecipe, train_vqvae

__all__ = [
    "PriorRecipe",
    "Recipe",
    "Trained",
    "VQVAERecipe",
    "load_model",
    "save_model",
    "tokenize",
    "train_prior",
    "train_vqvae",
    "validation_nll",
]
