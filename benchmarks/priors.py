"""Three priors on the same tokens: `python benchmarks/priors.py`.

A GPT, a gated PixelCNN and a PixelSNAIL of about the same number of parameters learn the tokens of
digits (with the class) and of textures: once with equal steps, once for the seconds that the GPT
needs for its steps; three seeds. What counts is the negative log-likelihood of held-out pictures.
The rows of a task are written as soon as they are there; a task in `results/priors.json` is not
measured again. Delete that file to start anew.
"""

import argparse
import json
from dataclasses import dataclass, replace

import torch
from record import RESULTS, spread, table, to_the_end, write

from vqlib.course.pretrained import load_pretrained
from vqlib.course.training.priors import pictures
from vqlib.data import digits
from vqlib.data.photos import TEXTURES
from vqlib.generate import (
    ClassCondition,
    GatedPixelCNNConfig,
    GPTConfig,
    PixelSNAILConfig,
    PriorConfig,
)
from vqlib.measure.likelihood import Likelihood
from vqlib.tokens import TokenGrids, tokenize
from vqlib.train import PriorRecipe, train_prior, validation_nll

SEEDS = (0, 1, 2)
FOUND = RESULTS / "priors.json"


@dataclass(frozen=True)
class Task:
    """The same tokens for all priors."""

    data: dict[str, TokenGrids]
    """By split."""
    image_shape: tuple[int, int, int]
    """Of the pictures behind one window."""
    configs: dict[str, PriorConfig]
    """By name."""
    recipe: PriorRecipe
    """How the GPT is trained; the others learn with the same settings."""


def digits_task(steps: int) -> Task:
    """4×4 tokens out of 64, given the class."""
    codec = load_pretrained("digits_vqvae")
    data = {}
    for split in ("train", "held_out"):
        numbers = digits(split)
        data[split] = TokenGrids(tokenize(codec, numbers.images), numbers.labels)
    shared = {"num_codes": 64, "grid": (4, 4), "condition": ClassCondition(10), "dropout": 0.1}
    configs = {
        "GPT": GPTConfig(**shared, num_layers=4, num_heads=4, width=64),
        "gated PixelCNN": GatedPixelCNNConfig(
            **shared, hidden_channels=38, num_layers=5, first_kernel_size=5
        ),
        "PixelSNAIL": PixelSNAILConfig(**shared, hidden_channels=40, num_blocks=3, num_residuals=2),
    }
    recipe = PriorRecipe(steps=steps, batch_size=64, learning_rate=2e-3, weight_decay=0.05)
    return Task(data, (1, 32, 32), configs, recipe)


def textures_task(steps: int) -> Task:
    """Windows of 16×16 tokens out of 512, without a condition."""
    data = {split: pictures(TEXTURES, split) for split in ("train", "held_out")}
    shared = {"num_codes": 512, "grid": (16, 16), "dropout": 0.1}
    configs = {
        "GPT": GPTConfig(**shared, num_layers=4, num_heads=4, width=64),
        "gated PixelCNN": GatedPixelCNNConfig(**shared, hidden_channels=40, num_layers=5),
        "PixelSNAIL": PixelSNAILConfig(**shared, hidden_channels=44, num_blocks=3, num_residuals=2),
    }
    recipe = PriorRecipe(steps=steps, batch_size=16, learning_rate=2e-3, weight_decay=0.05)
    return Task(data, (3, 64, 64), configs, recipe)


@dataclass(frozen=True)
class Found:
    """What one prior needed and reached, one value per seed."""

    parameters: int
    """Of the model."""
    steps: int
    """Of its training."""
    seconds: list[float]
    """In the loop."""
    likelihoods: list[Likelihood]
    """Of the held-out pictures."""

    def cells(self) -> list[str]:
        """For the table."""
        columns = {"nats_per_token": ".3f", "bits_per_token": ".3f", "bits_per_dimension": ".4f"}
        values = [
            spread([getattr(found, name) for found in self.likelihoods], form)
            for name, form in columns.items()
        ]
        took = spread(self.seconds, ".0f")
        return [f"{self.parameters:,}", f"{self.steps:,}", took, *values]


def run(task: Task, name: str, steps: int) -> Found:
    """Train one prior with every seed and measure it."""
    config, seconds, likelihoods = task.configs[name], [], []
    for seed in SEEDS:
        recipe = replace(task.recipe, steps=steps, seed=seed)
        trained = to_the_end(train_prior(task.data["train"], config, recipe, device="cpu"))
        nats = validation_nll(trained.model, task.data["held_out"])
        likelihoods.append(Likelihood(nats, config.num_tokens, task.image_shape))
        seconds.append(trained.seconds)
    parameters = sum(p.numel() for p in trained.model.parameters())
    return Found(parameters, steps, seconds, likelihoods)


def rows_of(label: str, task: Task) -> list[list[str]]:
    """Both comparisons of a task."""
    steps, rows = task.recipe.steps, []
    equal = {name: run(task, name, steps) for name in task.configs}
    rows += [[f"{label}, equal steps, {name}", *found.cells()] for name, found in equal.items()]
    for name in list(task.configs)[1:]:
        ratio = sum(equal["GPT"].seconds) / sum(equal[name].seconds)
        found = run(task, name, round(steps * ratio))
        rows.append([f"{label}, the GPT's seconds, {name}", *found.cells()])
    return rows


def main() -> None:
    """Train all of them, measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--digits-steps", type=int, default=1000)
    parser.add_argument("--textures-steps", type=int, default=300)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tasks = {
        "digits": lambda: digits_task(arguments.digits_steps),
        "textures": lambda: textures_task(arguments.textures_steps),
    }
    found = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.is_file() else {}
    for label, make in tasks.items():
        if label not in found:
            found[label] = rows_of(label, make())
            FOUND.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    rows = [row for label in tasks for row in found[label]]
    columns = ["parameters", "steps", "seconds", "nats/token", "bits/token", "bits/dimension"]
    lines = [
        "Held-out pictures; lower is better. Bits per dimension: what the tokens of a picture cost "
        "over its C·H·W values, a rate alone; what the codec loses is not in it. "
        f"{len(SEEDS)} seeds: the mean, and the smallest and largest in brackets.",
        "",
        *table(["", *columns], rows),
    ]
    write("priors", lines)


if __name__ == "__main__":
    main()
