"""Chapter 17: does a window put the sky where it belongs, without coordinates and with them?

Two priors learn windows of half a scene's height, one of them with coordinates. Both draw whole
scenes, twice as high, with a sliding window. A classifier that goes by colour alone says where it
sees sky.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

from vqlib.course.experiments.experiment import Experiment, Found, Scale, of_seeds, spread
from vqlib.course.experiments.painting import PICTURES, references
from vqlib.course.pretrained import load_pretrained
from vqlib.course.training.priors import NUM_SCENES
from vqlib.course.training.scenes import paint
from vqlib.generate import CoordinateCondition, GPTConfig, NoCondition, Sampling, sample_large
from vqlib.generate.prior import Prior
from vqlib.measure.segmenting import estimated_labels, sky_share
from vqlib.tokens import TokenGrids, tokenize
from vqlib.train import PriorRecipe

SEEDS = (0, 1, 2)
WINDOW, SIZE = (8, 16), (16, 16)
CONFIG = GPTConfig(512, WINDOW, num_layers=4, num_heads=4, width=64, dropout=0.1)
RECIPE = PriorRecipe(steps=2400, batch_size=16, learning_rate=2e-3, weight_decay=0.05, log_every=25)
PRIORS = {"without": NoCondition(), "with": CoordinateCondition(WINDOW, bins=16)}
COOLER = Sampling(temperature=0.8)


@cache
def windows(count: int) -> TokenGrids:
    """So many scenes, also mirrored; the windows are cut from them."""
    images = paint("train", count).images
    return TokenGrids(
        tokenize(load_pretrained("scenes_vqgan"), torch.cat([images, images.flip(-1)]))
    )


def trained(scale: Scale, coordinates: str, seed: int) -> Prior:
    """The prior of one kind and seed."""
    config = replace(CONFIG, condition=PRIORS[coordinates])
    data = windows(scale.count(NUM_SCENES["train"]))
    return scale.prior(data, config, replace(RECIPE, seed=seed)).model


def sky(images: Float[Tensor, "N 3 H W"], suffix: str = "") -> Found:
    """Per cent of sky in the highest fifth, where it belongs, and in the lowest 30 %."""
    labels = estimated_labels(images, by_height=False)
    return {
        f"highest{suffix}": 100 * sky_share(labels, bottom=0.2),
        f"lowest{suffix}": 100 * sky_share(labels, top=0.7),
    }


def reference(scale: Scale, *, kind: str) -> Found:
    """Of the real scenes, or of their reconstructions."""
    return sky(references(scale, kind))


def drawn(scale: Scale, *, coordinates: str, seed: int) -> Found:
    """Train a prior, and draw whole scenes with it, also at a lower temperature."""
    prior, codec = trained(scale, coordinates, seed), load_pretrained("scenes_vqgan")
    count, found = scale.count(PICTURES), {}
    for suffix, sampling in (("", Sampling()), ("_cooler", COOLER)):
        tokens = sample_large(prior, SIZE, sampling=sampling, count=count, seed=0)
        found |= sky(codec.decode(tokens), suffix)
    return found


def summary(parts: Mapping[str, Found]) -> Found:
    """The references, and each kind of prior with the extremes of its seeds."""
    found = {}
    for kind in ("real", "reconstructions"):
        found |= {f"{kind}_{name}": value for name, value in parts[kind].items()}
    for kind, name in product(PRIORS, parts["with, seed 0"]):
        found |= spread(f"{kind}_{name}", of_seeds(parts, kind, name))
    return found


EXPERIMENTS = {
    "horizon": Experiment(
        "Do coordinates put the sky where it belongs, when a window is lower than a scene?",
        {
            "real": partial(reference, kind="real"),
            "reconstructions": partial(reference, kind="reconstructions"),
            **{
                f"{kind}, seed {seed}": partial(drawn, coordinates=kind, seed=seed)
                for seed, kind in product(SEEDS, PRIORS)
            },
        },
        summary,
        needs=("scenes_vqgan",),
        common={
            "config": CONFIG,
            "recipe": RECIPE,
            "size": SIZE,
            "pictures": PICTURES,
            "cooler": COOLER,
            "conditions": PRIORS,
        },
    ),
}
