"""Chapter 13: what a model's own beginnings do to it over 256 tokens, and what pkeep does then."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from itertools import product

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vqlib.course.experiments.experiment import Experiment, Found, Scale, middle, of_seeds
from vqlib.course.pretrained import load_pretrained
from vqlib.course.training.priors import pictures
from vqlib.data.photos import TEXTURES
from vqlib.generate import GPTConfig, Sampling
from vqlib.generate.prior import Prior
from vqlib.measure import OfflineFeatures, frechet
from vqlib.train import PriorRecipe

SEEDS = (0, 1, 2)
PKEEPS = (1.0, 0.95, 0.8)
SIDE = 16  # tokens of a window, each way
CONFIG = GPTConfig(512, (SIDE, SIDE), num_layers=2, num_heads=4, width=64, dropout=0.1)
RECIPE = PriorRecipe(steps=500, batch_size=16, learning_rate=2e-3, weight_decay=0.05)
DRAWN = 96  # pictures
COOLER = 0.9
NAMES = ("gap", "gap_seen", "real", "frechet", "cooler")


@cache
def windows(split: str) -> Int[Tensor, "N T"]:
    """Windows of the textures, upright and in three other orientations, that do not overlap."""
    unique = pictures(TEXTURES, split).tokens[: 4 * len(TEXTURES)]
    cut = unique.unfold(1, SIDE, SIDE).unfold(2, SIDE, SIDE)
    return cut.reshape(-1, SIDE * SIDE)


@torch.no_grad()
def judged(prior: Prior, s: Int[Tensor, "N T"]) -> float:
    """Nats, by `textures_gpt`, of what the model would write next, summed over a picture."""
    judge, prefix = load_pretrained("textures_gpt"), prior.prefix(None, len(s))
    p, log_p = (model(s[:, :-1], prefix).log_softmax(-1) for model in (prior, judge))
    return -(p.exp() * log_p).sum((1, 2)).mean().item()


def decoded(s: Int[Tensor, "N T"]) -> list[Float[Tensor, "B 3 H W"]]:
    """The pictures, in batches."""
    codec = load_pretrained("photos_vqgan")
    batches = s.view(-1, SIDE, SIDE).split(32)
    return [codec.decode(batch).clamp(-1, 1) for batch in batches]


def exposure(scale: Scale, *, pkeep: float, seed: int) -> Found:
    """Train with this pkeep, and measure on held-out windows and on its own pictures.

    gap: how much less probable its next tokens are after its own beginnings than after those of
    held-out windows; gap_seen: than after those of windows that it was trained on; real: what
    held-out windows cost; all in nats per picture. frechet: of its pictures to the training windows
    through the codec, by the offline network; cooler: the same at a lower temperature.
    """
    data = pictures(TEXTURES, "train")
    prior = scale.prior(data, CONFIG, replace(RECIPE, pkeep=pkeep, seed=seed))
    count = scale.count(DRAWN)
    held_out = windows("held_out")[:count]
    with torch.no_grad():
        real = -prior.log_prob(held_out).sum(1).mean().item()
    ways = {"frechet": Sampling(), "cooler": Sampling(temperature=COOLER)}
    drawn = {name: prior.sample(count=count, sampling=way, seed=0) for name, way in ways.items()}
    own = judged(prior, drawn["frechet"])
    gaps = {"gap": own - judged(prior, held_out)}
    gaps["gap_seen"] = own - judged(prior, windows("train")[:count])
    seen, network = decoded(windows("train")), OfflineFeatures(load_pretrained("offline_features"))
    options = {"reference_name": "training windows", "progress": False}
    distances = {
        name: frechet(seen, decoded(s), network, **options).distance for name, s in drawn.items()
    }
    return gaps | {"real": real, **distances}


def summary(parts: Mapping[str, Found]) -> Found:
    """Means of the seeds, and their extremes."""
    found = {}
    for pkeep, name in product(PKEEPS, NAMES):
        values = of_seeds(parts, f"pkeep {pkeep:g}", name)
        key = f"{name}_{pkeep:g}"
        found |= {key: middle(values), f"least_{key}": min(values), f"most_{key}": max(values)}
    return found


EXPERIMENTS = {
    "exposure": Experiment(
        "Over 256 tokens, does pkeep help a model to live with its own mistakes?",
        {
            f"pkeep {pkeep:g}, seed {seed}": partial(exposure, pkeep=pkeep, seed=seed)
            for seed, pkeep in product(SEEDS, PKEEPS)
        },
        summary,
        needs=("photos_vqgan", "textures_gpt", "offline_features"),
        common={"config": CONFIG, "recipe": RECIPE, "pictures": DRAWN, "cooler": COOLER},
    ),
}
