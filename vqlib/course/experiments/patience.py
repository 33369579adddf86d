"""Chapter 17: what more steps bring to small windows, and what they do not.

The chapter's small priors learn windows of 6×6 tokens for 150 steps. Here they learn for longer,
with coordinates and without. Where is the sky, and how much are tokens alike that stand 1, 3 and 8
columns apart? A window of 6 columns begins 3 to the left of the token that is drawn, so it shows
the one 3 columns to the left, and none that are 8 apart.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import product

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from vqlib.course.experiments.experiment import Experiment, Found, Scale, of_seeds, spread
from vqlib.course.experiments.horizon import SIZE, sky, windows
from vqlib.course.experiments.painting import PICTURES, references
from vqlib.course.pretrained import load_pretrained
from vqlib.course.training.priors import NUM_SCENES
from vqlib.generate import CoordinateCondition, GPTConfig, NoCondition, sample_large
from vqlib.train import PriorRecipe

SEEDS = (0, 1, 2)
STEPS = (150, 600, 2400)
WINDOW = (6, 6)
CONFIG = GPTConfig(512, WINDOW, num_layers=1, num_heads=4, width=48)
RECIPE = PriorRecipe(
    steps=150, batch_size=16, learning_rate=1e-2, warmup_steps=20, weight_decay=0.05
)
KINDS = {"without": NoCondition(), "with": CoordinateCondition(WINDOW, bins=16)}
APART = {"near": 1, "mid": 3, "far": 8}


def alike(images: Float[Tensor, "N C H W"], columns: int) -> float:
    """Correlation of the colours of tokens so many columns apart, each from the mean of its place.

    The images are 4 times as large as their grids of tokens.
    """
    colours = F.avg_pool2d(images, 4)
    colours = colours - colours.mean(0)
    one, other = colours[..., :-columns].flatten(), colours[..., columns:].flatten()
    return F.cosine_similarity(one, other, dim=0).item()


def looked_at(images: Float[Tensor, "N 3 H W"]) -> Found:
    """Sky where it belongs and where it does not, and what is alike."""
    return sky(images) | {name: alike(images, columns) for name, columns in APART.items()}


def reference(scale: Scale, *, kind: str) -> Found:
    """Of the real scenes, or of their reconstructions."""
    return looked_at(references(scale, kind))


def drawn(scale: Scale, *, coordinates: str, steps: int, seed: int) -> Found:
    """Train for so many steps, and draw whole scenes."""
    config = replace(CONFIG, condition=KINDS[coordinates])
    data = windows(scale.count(NUM_SCENES["train"]))
    prior = scale.prior(data, config, replace(RECIPE, steps=steps, seed=seed)).model
    tokens = sample_large(prior, SIZE, count=scale.count(PICTURES), seed=0)
    return looked_at(load_pretrained("scenes_vqgan").decode(tokens))


def summary(parts: Mapping[str, Found]) -> Found:
    """The references, and each kind of prior after so many steps, with its seeds' extremes."""
    found = {}
    for kind in ("real", "reconstructions"):
        found |= {f"{kind}_{name}": value for name, value in parts[kind].items()}
    for kind, steps, name in product(KINDS, STEPS, parts["real"]):
        values = of_seeds(parts, f"{kind}, {steps} steps", name)
        found |= spread(f"{kind}_{steps}_{name}", values)
    return found


EXPERIMENTS = {
    "patience": Experiment(
        "Small windows: what do more steps bring, with coordinates and without?",
        {
            "real": partial(reference, kind="real"),
            "reconstructions": partial(reference, kind="reconstructions"),
            **{
                f"{kind}, {steps} steps, seed {seed}": partial(
                    drawn, coordinates=kind, steps=steps, seed=seed
                )
                for steps, kind, seed in product(STEPS, KINDS, SEEDS)
            },
        },
        summary,
        needs=("scenes_vqgan",),
        common={
            "config": CONFIG,
            "recipe": RECIPE,
            "size": SIZE,
            "pictures": PICTURES,
            "conditions": KINDS,
        },
    ),
}
