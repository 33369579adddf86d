"""The digits models: a VQVAE, and over its tokens two priors that draw a digit of a class."""

from functools import partial
from pathlib import Path

import torch

from vqlib.compress import VQVAE, code_counts, codebook_usage, perplexity, vqvae_digits
from vqlib.course.pretrained import load_pretrained
from vqlib.course.training.job import SAVE_EVERY, Job
from vqlib.data import digits
from vqlib.data.augment import shifted_copies
from vqlib.generate import ClassCondition, GatedPixelCNNConfig, GPTConfig, Prior, PriorConfig
from vqlib.measure import psnr
from vqlib.measure.recognition import classifier_accuracy, recognised_digits
from vqlib.saved.pipeline import write_pipeline
from vqlib.tokens import TokenGrids, tokenize
from vqlib.train import PriorRecipe, Trained, VQVAERecipe, train_prior, train_vqvae, validation_nll

VQVAE_RECIPE = VQVAERecipe(
    steps=6000, batch_size=64, learning_rate=2e-3, seed=0, save_every=SAVE_EVERY
)
PRIOR_RECIPE = PriorRecipe(
    steps=3000, batch_size=128, learning_rate=2e-3, weight_decay=0.05, save_every=SAVE_EVERY
)
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


CODEC = "digits_vqvae"


def train_codec(
    *, folder: Path | None = None, resume: bool = False, device: str | None = None
) -> Trained[VQVAE]:
    """Train the codec."""
    images = shifted_copies(digits("train").images, MAX_SHIFT)
    options = {"folder": folder, "resume": resume, "device": device}
    return train_vqvae(images, vqvae_digits(), VQVAE_RECIPE, **options)


def train_one(
    name: str, *, folder: Path | None = None, resume: bool = False, device: str | None = None
) -> Trained[Prior]:
    """Train one prior over the codec's tokens."""
    train = digits("train")
    tokens = tokenize(load_pretrained(CODEC), shifted_copies(train.images, MAX_SHIFT))
    data = TokenGrids(tokens, train.labels.repeat((2 * MAX_SHIFT + 1) ** 2))
    options = {"folder": folder, "resume": resume, "device": device}
    return train_prior(data, PRIORS[name], PRIOR_RECIPE, **options)


def measure_codec(codec: VQVAE) -> dict[str, float]:
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


def measure_prior(prior: Prior, *, seed: int = 0) -> dict[str, float]:
    """NLL on held-out digits, and how many of 500 samples are recognised as the class asked for.

    The 500 are the first drawn: 50 per class at temperature 1 with the given seed, none left out.
    """
    codec, held_out, train = load_pretrained(CODEC), digits("held_out"), digits("train")
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


JOBS = {
    CODEC: Job(DATA, VQVAE_RECIPE, train_codec, measure_codec),
    **{
        name: Job(
            DATA,
            PRIOR_RECIPE,
            partial(train_one, name),
            measure_prior,
            needs=(CODEC,),
            after=lambda folder: write_pipeline(folder, "class", f"../{CODEC}"),
            extra={"config": repr(config)},
        )
        for name, config in PRIORS.items()
    },
}
