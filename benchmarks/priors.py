"""Three priors on the same tokens: `python benchmarks/priors.py`.

A GPT, a gated PixelCNN and a PixelSNAIL of about the same number of parameters learn the tokens of
digits (with the class) and of textures: once with equal steps, once for the seconds that the GPT
needs for its steps; three seeds. What counts is the negative log-likelihood of held-out pictures.
Each row is kept as soon as it is there; one in `results/priors.json` is not measured again. Delete
that file to start anew.
"""

import argparse
import json
from dataclasses import dataclass, replace

import torch
from record import RESULTS, keep, spread, table, to_the_end, write

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
TIMED = 20  # steps, five times


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


def row(task: Task, name: str, steps: int) -> list[str]:
    """Train one prior with every seed and measure it: the cells of a row."""
    config, likelihoods = task.configs[name], []
    for seed in SEEDS:
        recipe = replace(task.recipe, steps=steps, seed=seed)
        trained = to_the_end(train_prior(task.data["train"], config, recipe, device="cpu"))
        nats = validation_nll(trained.model, task.data["held_out"])
        likelihoods.append(Likelihood(nats, config.num_tokens, task.image_shape))
    columns = {"nats_per_token": ".3f", "bits_per_token": ".3f", "bits_per_dimension": ".4f"}
    values = [
        spread([getattr(found, name) for found in likelihoods], form)
        for name, form in columns.items()
    ]
    parameters = sum(p.numel() for p in trained.model.parameters())
    return [f"{parameters:,}", f"{steps:,}", *values]


def relative_times(task: Task) -> dict[str, float]:
    """The time of a step of each prior, the GPT's being 1.

    Timed in turns within one process, so that other work on the machine meets all alike.
    """
    seconds = dict.fromkeys(task.configs, 0.0)
    for _ in range(5):
        for name, config in task.configs.items():
            recipe = replace(task.recipe, steps=TIMED)
            options = {"device": "cpu", "progress": False}
            trained = train_prior(task.data["train"], config, recipe, **options)
            seconds[name] += to_the_end(trained).seconds
    return {name: seconds[name] / seconds["GPT"] for name in seconds}


def measure(label: str, task: Task, found: dict) -> None:
    """Put both comparisons of a task into what was found, and keep it, row by row."""
    if label not in found["times"]:
        found["times"][label] = relative_times(task)
        keep(FOUND, found)
    steps, times = task.recipe.steps, found["times"][label]
    rows = {f"{label}, equal steps, {name}": (name, steps) for name in task.configs}
    for name in list(task.configs)[1:]:
        rows[f"{label}, the GPT's seconds, {name}"] = (name, round(steps / times[name]))
    for words, (name, count) in rows.items():
        if words not in found["rows"]:
            found["rows"][words] = [f"{times[name]:.2f}", *row(task, name, count)]
            keep(FOUND, found)


def order(words: str) -> tuple[str, str]:
    """Rows by task, then equal steps before equal seconds."""
    task, comparison, _ = words.split(", ")
    return task, comparison


def main() -> None:
    """Train all of them, measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--digits-steps", type=int, default=1000)
    parser.add_argument("--textures-steps", type=int, default=300)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = {"times": {}, "rows": {}}
    if FOUND.is_file():
        found = json.loads(FOUND.read_text(encoding="utf-8"))
    measure("digits", digits_task(arguments.digits_steps), found)
    measure("textures", textures_task(arguments.textures_steps), found)
    rows = [[words, *found["rows"][words]] for words in sorted(found["rows"], key=order)]
    columns = ["time of a step", "parameters", "steps"]
    columns += ["nats/token", "bits/token", "bits/dimension"]
    lines = [
        "Held-out pictures; lower is better. The time of a step is in units of the GPT's, measured "
        "in turns. Bits per dimension: what the tokens of a picture cost over its C·H·W values, a "
        f"rate alone; what the codec loses is not in it. {len(SEEDS)} seeds: the mean, and the "
        "smallest and largest in brackets.",
        "",
        *table(["", *columns], rows),
    ]
    write("priors", lines)


if __name__ == "__main__":
    main()
