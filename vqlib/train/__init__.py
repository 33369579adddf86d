"""Training: the recipes, and what keeps them safe."""

from vqlib.train.checkpoint import load_model, save_model
from vqlib.train.prior import PriorRecipe, Watch, tokenize, train_prior, validation_nll
from vqlib.train.recipe import Recipe, Trained
from vqlib.train.token_cache import open_token_cache, write_token_cache
from vqlib.train.token_data import EncodedImages, TokenData, TokenGrids
from vqlib.train.vqgan import VQGANRecipe, train_vqgan
from vqlib.train.vqvae import VQVAERecipe, train_vqvae

__all__ = [
    "EncodedImages",
    "PriorRecipe",
    "Recipe",
    "TokenData",
    "TokenGrids",
    "Trained",
    "VQGANRecipe",
    "VQVAERecipe",
    "Watch",
    "load_model",
    "open_token_cache",
    "save_model",
    "tokenize",
    "train_prior",
    "train_vqgan",
    "train_vqvae",
    "validation_nll",
    "write_token_cache",
]
