"""Three priors on the same tokens: `python benchmarks/priors.py`.

A GPT, a gated PixelCNN and a PixelSNAIL of about the same number of parameters learn the tokens of
digits (with the class) and of textures: once with equal steps, once for the seconds that the GPT
needs for its steps. What counts is the negative log-likelihood of held-out pictures.
"""

import argparse
from dataclasses import dataclass, replace

from record import table, write

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


def run(task: Task, name: str, steps: int) -> tuple[float, Likelihood, int]:
    """Seconds, likelihood of the held-out pictures, and parameters of one prior."""
    config = task.configs[name]
    trained = train_prior(task.data["train"], config, replace(task.recipe, steps=steps))
    model = trained.model.cpu()
    nats = validation_nll(model, task.data["held_out"])
    parameters = sum(p.numel() for p in model.parameters())
    return trained.seconds, Likelihood(nats, config.num_tokens, task.image_shape), parameters


def rows_of(label: str, task: Task) -> list[list[str]]:
    """Both comparisons of a task."""
    rows, seconds = [], {}
    for name in task.configs:
        steps = task.recipe.steps
        seconds[name], found, parameters = run(task, name, steps)
        rows.append(_row(f"{label}, equal steps, {name}", parameters, steps, seconds[name], found))
    for name in list(task.configs)[1:]:
        steps = round(task.recipe.steps * seconds["GPT"] / seconds[name])
        took, found, parameters = run(task, name, steps)
        rows.append(_row(f"{label}, the GPT's seconds, {name}", parameters, steps, took, found))
    return rows


def _row(name: str, parameters: int, steps: int, seconds: float, found: Likelihood) -> list[str]:
    return [
        name,
        f"{parameters:,}",
        f"{steps:,}",
        f"{seconds:.0f}",
        f"{found.nats_per_token:.3f}",
        f"{found.bits_per_token:.3f}",
        f"{found.bits_per_dimension:.4f}",
    ]


def main() -> None:
    """Train all of them, measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--digits-steps", type=int, default=1000)
    parser.add_argument("--textures-steps", type=int, default=300)
    arguments = parser.parse_args()
    rows = rows_of("digits", digits_task(arguments.digits_steps))
    rows += rows_of("textures", textures_task(arguments.textures_steps))
    columns = ["parameters", "steps", "seconds", "nats/token", "bits/token", "bits/dimension"]
    lines = [
        "Held-out pictures; lower is better. Bits per dimension: what the tokens of a picture cost "
        "over its C·H·W values, a rate alone; what the codec loses is not in it. One seed.",
        "",
        *table(["", *columns], rows),
    ]
    write("priors", lines)


if __name__ == "__main__":
    main()
