"""Chapter 13: what it costs to embed classes as if they were codes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import product

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vqlib.course.experiments.experiment import Experiment, Found, Scale, of_seeds, spread
from vqlib.course.pretrained import load_pretrained
from vqlib.data import digits
from vqlib.generate import GPT, ClassCondition, GPTConfig
from vqlib.generate.prior import Prior
from vqlib.tokens import TokenGrids, tokenize
from vqlib.train import PriorRecipe

SEEDS = (0, 1, 2)
CONFIG = GPTConfig(
    64, grid=(4, 4), condition=ClassCondition(10), num_layers=1, num_heads=4, width=48
)
RECIPE = PriorRecipe(
    steps=200, batch_size=64, learning_rate=1e-2, warmup_steps=20, weight_decay=0.05
)
LOOKS = 10  # at held-out pictures, so that overfitting decides nothing


class Rows(nn.Module):
    """Some rows of another embedding, as an embedding of the classes."""

    def __init__(self, embedding: nn.Embedding, rows: Int[Tensor, " V"]):
        super().__init__()
        self.of = (embedding,)  # in a tuple, so that its weights are saved once
        self.register_buffer("rows", rows, persistent=False)

    def forward(self, ids: Int[Tensor, "*B"]) -> Float[Tensor, "*B C"]:
        """What the codes of these rows are embedded as."""
        return self.of[0](self.rows[ids])


@dataclass(frozen=True)
class OneTable(GPTConfig):
    """A GPT that reads each class as if it were some code."""

    rows: tuple[int, ...] = tuple(range(10))
    """The code of each class."""

    def build(self) -> GPT:
        """A new model of this shape."""
        gpt = GPT(self)
        gpt.condition_embedding = Rows(gpt.token_embedding, torch.tensor(self.rows))
        return gpt


TABLES = ("separate", "first codes", "rarest codes")
STEPS = (200, 1000, 3000)


@cache
def grids(split: str) -> TokenGrids:
    """Tokens of the digits, with their classes."""
    pictures = digits(split)
    return TokenGrids(tokenize(load_pretrained("digits_vqvae"), pictures.images), pictures.labels)


@torch.no_grad()
def nats(prior: Prior) -> float:
    """What a held-out picture costs, given its class."""
    held_out = grids("held_out")
    return -prior.log_prob(held_out.tokens.flatten(1), held_out.values).sum(1).mean().item()


def config_of(table: str) -> GPTConfig:
    """The model that reads its classes from this table."""
    if table == "separate":
        return CONFIG
    used = torch.bincount(grids("train").tokens.flatten(), minlength=CONFIG.num_codes)
    rows = range(10) if table == "first codes" else used.argsort()[:10].tolist()
    return OneTable(**vars(CONFIG), rows=tuple(rows))


def shared_ids(scale: Scale, *, table: str, steps: int, seed: int) -> Found:
    """Train with classes in this table; what a held-out picture costs, in nats."""
    recipe = replace(RECIPE, steps=steps, seed=seed, validate_every=steps // LOOKS)
    prior = scale.prior(grids("train"), config_of(table), recipe, grids("held_out")).model
    return {"nats": nats(prior)}


def summary(parts: Mapping[str, Found]) -> Found:
    """How much dearer it is to share: mean, smallest and largest of the seeds."""
    found = {}
    for steps in STEPS:
        costs = {table: of_seeds(parts, f"{table}, {steps} steps", "nats") for table in TABLES}
        found |= spread(f"separate_{steps}", costs["separate"])
        for table in TABLES[1:]:
            dearer = [b - a for a, b in zip(costs["separate"], costs[table], strict=True)]
            found |= spread(f"{table.split()[0]}_{steps}", dearer)
    return found


EXPERIMENTS = {
    "shared_ids": Experiment(
        "What does it cost to embed classes as codes, and do more steps make up for it?",
        {
            f"{table}, {steps} steps, seed {seed}": partial(
                shared_ids, table=table, steps=steps, seed=seed
            )
            for steps, table, seed in product(STEPS, TABLES, SEEDS)
        },
        summary,
        needs=("digits_vqvae",),
        common={"config": CONFIG, "recipe": RECIPE, "looks": LOOKS},
    ),
}
