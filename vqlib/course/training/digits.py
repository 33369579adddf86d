"""The digits models: a VQVAE, and over its tokens two priors that draw a digit of a class."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from vqlib.compress import code_counts, codebook_usage, perplexity, vqvae_digits
from vqlib.course.training.record import record_of
from vqlib.data import digits
from vqlib.data.augment import shifted_copies
from vqlib.generate import ClassCondition, GatedPixelCNNConfig, GPTConfig, Prior, PriorConfig
from vqlib.measure import psnr
from vqlib.measure.recognition import classifier_accuracy, recognised_digits
from vqlib.train import (
    PriorRecipe,
    Recipe,
    TokenGrids,
    Trained,
    VQVAERecipe,
    load_model,
    save_model,
    tokenize,
    train_prior,
    train_vqvae,
    validation_nll,
)
from vqlib.train.checkpoint import Model
from vqlib.train.pipeline import write_pipeline

VQVAE_RECIPE = VQVAERecipe(steps=6000, batch_size=64, learning_rate=2e-3, seed=0)
PRIOR_RECIPE = PriorRecipe(steps=3000, batch_size=128, learning_rate=2e-3, weight_decay=0.05)
# Every digit also moved by one and two pixels each way: 25 times as many pictures.
MAX_SHIFT = 2
DATA = f"digits, training split, copies shifted by up to {MAX_SHIFT} pixels"
SAMPLES_PER_CLASS = 50
SHARED = {"num_codes": 64, "grid": (4, 4), "condition": ClassCondition(10), "dropout": 0.1}
# As many parameters in one as in the other.
PRIORS: dict[str, PriorConfig] = {
    "digits_gpt": GPTConfig(**SHARED, num_layers=4, num_heads=4, width=64),
    "digits_pixelcnn": GatedPixelCNNConfig(
        **SHARED, hidden_channels=38, num_layers=5, first_kernel_size=5
    ),
}


def make(root: Path, device: str | None) -> None:
    """Train `digits_vqvae` and both priors over its tokens; save them with their records."""
    images = shifted_copies(digits("train").images, MAX_SHIFT)
    trained = train_vqvae(images, vqvae_digits(), VQVAE_RECIPE, device=device)
    _saved(root / "digits_vqvae", trained, VQVAE_RECIPE, measure_codec)
    for name in PRIORS:
        make_prior(name, root, device)


def make_prior(name: str, root: Path, device: str | None) -> None:
    """Train one prior over the tokens of the `digits_vqvae` of the same folder."""
    train, codec = digits("train"), load_model(root / "digits_vqvae")
    tokens = tokenize(codec, shifted_copies(train.images, MAX_SHIFT))
    data = TokenGrids(tokens, train.labels.repeat((2 * MAX_SHIFT + 1) ** 2))
    trained = train_prior(data, PRIORS[name], PRIOR_RECIPE, device=device)
    _saved(root / name, trained, PRIOR_RECIPE, partial(measure_prior, codec))
    write_pipeline(root / name, "class", "../digits_vqvae")


def _saved(folder: Path, trained: Trained, recipe: Recipe, measure: Callable) -> Model:
    """Save at half precision, and measure what was saved."""
    save_model(trained.model.cpu(), folder, half=True)
    model = load_model(folder)
    save_model(
        model, folder, record=record_of("digits", DATA, trained, recipe, measure(model)), half=True
    )
    return model


def measure_codec(codec) -> dict[str, float]:
    """PSNR, codebook usage and perplexity on the 297 held-out digits."""
    held_out = digits("held_out")
    tokens = codec.encode(held_out.images)
    counts = code_counts(tokens, codec.config.num_codes)
    x_hat = codec.decode(tokens)
    recognised = recognised_digits(x_hat) == held_out.labels
    return {
        "psnr_db": round(psnr(x_hat, held_out.images).mean().item(), 2),
        "codebook_usage": round(codebook_usage(counts), 3),
        "perplexity": round(perplexity(counts), 1),
        "reconstructions_recognised": round(recognised.float().mean().item(), 3),
    }


def measure_prior(codec, prior: Prior, *, seed: int = 0) -> dict[str, float]:
    """NLL on held-out digits, and how many of 500 samples are recognised as the class asked for.

    The 500 are the first drawn: 50 per class at temperature 1 with the given seed, none left out.
    """
    held_out, train = digits("held_out"), digits("train")
    asked = torch.arange(10).repeat_interleave(SAMPLES_PER_CLASS)
    tokens = prior.sample(asked, seed=seed)
    side = codec.config.grid_size
    recognised = recognised_digits(codec.decode(tokens.view(-1, side, side))) == asked
    return {
        "nll_nats_per_token": round(
            validation_nll(prior, TokenGrids(tokenize(codec, held_out.images), held_out.labels)), 3
        ),
        "nll_nats_per_token_train": round(
            validation_nll(prior, TokenGrids(tokenize(codec, train.images), train.labels)), 3
        ),
        "samples": len(asked),
        "samples_recognised": round(recognised.float().mean().item(), 3),
        "classifier_accuracy_on_real": round(classifier_accuracy(), 3),
    }
