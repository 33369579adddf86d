"""The recipe of the offline network: tell pictures apart by a small piece of them.

It needs no labels but "from which picture is this?", and only pictures that come with packages.
Colour and brightness are disturbed at random, so that texture and shape have to decide.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.compress.perceptual import FeatureNet
from vqlib.data.augment import recoloured
from vqlib.data.digits import digits
from vqlib.data.images import Crops, Images, TensorImages
from vqlib.data.photos import photos_and_textures
from vqlib.train.loop import Run, clip_gradients, mean_logs
from vqlib.train.recipe import Recipe, Trained
from vqlib.train.runtime import start

PIECE = 48  # side of a piece in pixels


@dataclass(frozen=True)
class FeatureRecipe(Recipe):
    """How the offline network is trained."""

    steps: int = 2000
    """Optimiser steps in all."""
    learning_rate: float = 2e-3
    """Peak learning rate of AdamW."""


def train_feature_net(
    recipe: FeatureRecipe,
    *,
    folder: str | Path | None = None,
    resume: bool = False,
    device: str | None = None,
    progress: bool = True,
) -> Trained[FeatureNet]:
    """Train a `FeatureNet` on pieces of fifteen bundled pictures and of the ten digits.

    Args:
        recipe: how to train it.
        folder: where log and checkpoints go; None saves nothing.
        resume: go on from the folder's latest checkpoint.
        device: such as "cuda:0"; by default the best there is.
        progress: show a bar.

    Returns:
        The network in eval mode and its history (loss in nats, accuracy).
    """
    sources = piece_sources("train")
    with start(device) as place:
        torch.manual_seed(recipe.seed)
        net = place.put(FeatureNet(len(sources)).train())
        if recipe.compile:
            net.compile()
        parallel = place.wrap(net)
        optimizer = torch.optim.AdamW(net.parameters(), lr=recipe.learning_rate, weight_decay=0.01)

        def train_step(x: Tensor, labels: Tensor) -> dict[str, Tensor]:
            logs, answers = [], iter(labels.chunk(recipe.accumulate))
            optimizer.zero_grad()
            for part in place.parts(x, recipe.accumulate, parallel):
                answer = next(answers)
                with place.autocast(recipe.precision):
                    logits = parallel(part)
                loss = F.cross_entropy(logits.float(), answer)
                (loss / recipe.accumulate).backward()
                accuracy = (logits.argmax(1) == answer).float().mean()
                logs.append({"loss": loss.detach(), "accuracy": accuracy})
            clip_gradients(net, recipe)
            optimizer.step()
            return mean_logs(logs)

        options = {"folder": folder, "resume": resume, "progress": progress}
        with Run(net, {"optimizer": optimizer}, recipe, place, **options) as run:
            for step, batch in run.batches(100 * len(sources)):
                labels = batch % len(sources)
                x = draw_pieces(sources, labels, seed=recipe.seed * 1_000_003 + step)
                logs = train_step(place.put(x), place.put(labels))
                if run.logs_at(step):
                    run.log(step, logs)
        return run.result()


def piece_sources(split: str) -> list[Images]:
    """One data set per class: fifteen pictures, then the digits 0 to 9, all three channels.

    Args:
        split: "train" or "held_out": of the pictures the parts that nothing trains on.
    """
    parts = "train" if split == "train" else "remainder"
    pictures = photos_and_textures(parts, size=PIECE).pictures
    numbers = digits(split, image_size=PIECE)
    coloured = numbers.images.expand(-1, 3, -1, -1)
    return [Crops([picture], PIECE) for picture in pictures] + [
        TensorImages(coloured[numbers.labels == number]) for number in range(10)
    ]


def draw_pieces(
    sources: list[Images], labels: Int[Tensor, " B"], *, seed: int
) -> Float[Tensor, "B 3 H W"]:
    """A random, recoloured piece of each wanted source, in [-1, 1].

    Colour alone decides nothing then, yet the network has to see it, or it would not mind a speck
    of a wrong colour.
    """
    generator = torch.Generator().manual_seed(seed)
    pieces = []
    for label in labels.tolist():
        index = int(torch.randint(len(sources[label]), (), generator=generator))
        pieces.append(recoloured(sources[label].draw(index, generator), generator))
    return torch.stack(pieces)


@torch.no_grad()
def feature_accuracy(net: FeatureNet, *, pieces: int = 1000, seed: int = 0) -> float:
    """Share of pieces of held-out parts that the network assigns to the right picture."""
    sources = piece_sources("held_out")
    labels = torch.arange(pieces) % len(sources)
    logits = [net(x) for x in draw_pieces(sources, labels, seed=seed).split(100)]
    return (torch.cat(logits).argmax(1) == labels).float().mean().item()
