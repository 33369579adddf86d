"""Chapter 1: what happens when the two stages do not fit together.

Both stages are trained as in the chapter's toy run. Then the same transformer draws through the
codec whose tokens it has learned, through one that another seed has trained, and through its own
codec after 100 more steps; and what three usual mistakes do is measured as well.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vqlib.compress import VQVAE, vqvae_digits
from vqlib.course.experiments.experiment import Experiment, Found, Scale, spread
from vqlib.data import digits
from vqlib.generate import ClassCondition, GPTConfig
from vqlib.generate.prior import Prior
from vqlib.measure.recognition import recognised_digits
from vqlib.saved.pipeline import Pipeline
from vqlib.tokens import TokenGrids, tokenize
from vqlib.train import PriorRecipe, VQVAERecipe
from vqlib.train.prior import validation_nll

SEEDS = (0, 1, 2)
STAGE_1 = VQVAERecipe(steps=300, batch_size=32, learning_rate=2e-3)
STAGE_2 = PriorRecipe(steps=600, batch_size=16, learning_rate=4e-3)
TUNED = 100  # more steps for the tuned codec
SHORT = 20  # steps of the transformer that has learned too little
CONFIG = GPTConfig(64, (4, 4), ClassCondition(10), num_layers=4, num_heads=4, width=64)
DRAWN = 400


def recognised(images: Float[Tensor, "N 1 H W"]) -> float:
    """Of pictures of all digits in turn, how many per cent are those that were asked for."""
    asked = torch.arange(len(images)) % 10
    return 100 * (recognised_digits(images) == asked).float().mean().item()


def looked_at(images: Float[Tensor, "N 1 H W"]) -> Found:
    """How many are recognised, as they are and with rows and columns exchanged."""
    return {"share": recognised(images), "turned": recognised(images.transpose(2, 3))}


def two_stages(scale: Scale, *, seed: int) -> Found:
    """Train both stages, and take them apart."""
    train, held_out = digits("train"), digits("held_out")
    codec = scale.within("codec").codec(train.images, vqvae_digits(), replace(STAGE_1, seed=seed))
    other_recipe = replace(STAGE_1, seed=seed + 10)
    other = scale.within("other").codec(train.images, vqvae_digits(), other_recipe)
    s, s_held = (tokenize(codec.model, part.images) for part in (train, held_out))
    c = torch.arange(scale.count(DRAWN)) % 10

    def prior(name: str, labels: Int[Tensor, " N"], steps: int) -> Prior:
        recipe = replace(STAGE_2, steps=steps, seed=seed)
        return scale.within(name).prior(TokenGrids(s, labels), CONFIG, recipe).model

    shuffled = train.labels[torch.randperm(len(s), generator=torch.Generator().manual_seed(seed))]
    healthy = prior("healthy", train.labels, STAGE_2.steps)
    programs: dict[str, tuple[Prior, VQVAE]] = {
        "healthy": (healthy, codec.model),
        "other_codec": (healthy, other.model),
        "labels_shuffled": (prior("shuffled", shuffled, STAGE_2.steps), codec.model),
        "too_short": (prior("short", train.labels, SHORT), codec.model),
    }
    found = {}
    for name, (writer, reader) in programs.items():
        images = Pipeline(writer, reader, "class").sample(c, seed=seed)
        drawn = looked_at(images) | {
            "nats": validation_nll(writer, TokenGrids(s_held, held_out.labels))
        }
        found |= {f"{name}_{key}": value for key, value in drawn.items()}
        if name == "healthy":
            turned = looked_at(images.transpose(2, 3)) | {"nats": drawn["nats"]}
            found |= {f"columns_first_{key}": value for key, value in turned.items()}
    recipe = replace(STAGE_1, steps=TUNED, seed=seed + 20)
    tuned = scale.within("tuned").codec(train.images, codec.model, recipe).model
    drawn = looked_at(Pipeline(healthy, tuned, "class").sample(c, seed=seed))
    return found | {f"tuned_{key}": value for key, value in drawn.items()}


def summary(parts: Mapping[str, Found]) -> Found:
    """Each number with its seeds' extremes."""
    found = {}
    for name in parts[f"seed {SEEDS[0]}"]:
        found |= spread(name, [part[name] for part in parts.values()])
    return found


EXPERIMENTS = {
    "two_stages": Experiment(
        "What do two stages draw that do not fit together?",
        {f"seed {seed}": partial(two_stages, seed=seed) for seed in SEEDS},
        summary,
        common={
            "stage 1": STAGE_1,
            "stage 2": STAGE_2,
            "codec": vqvae_digits(),
            "transformer": CONFIG,
            "more steps": TUNED,
            "too few steps": SHORT,
            "drawn": DRAWN,
        },
    ),
}
