"""Where windows say that they lie: logs of four programs that draw landscapes by coordinates.

`python -m vqlib.course.checks.places` trains, draws and prints again what places.json keeps, in
about half a minute.
"""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.course.pretrained import load_pretrained
from vqlib.data.scenes import LABELS, Scenes
from vqlib.generate import CoordinateCondition, GPTConfig, Prior, Sampling, Sequential
from vqlib.generate.condition import Place
from vqlib.generate.sliding_window import Canvas
from vqlib.tokens import TokenGrids, tokenize
from vqlib.train import PriorRecipe, train_prior

N, SIDE, BINS = 6, 16, 16
"""Of a window, of a picture, both in tokens, and steps of the coordinates."""
NUM_SCENES, COUNT = 300, 60
"""Scenes that the prior learns from, and pictures that each program draws."""
SKY = [LABELS.index(name) for name in ("sky", "cloud", "sun")]
Told = Callable[[int, int, int, int], Place]


def draw(prior: Prior, told: Told, *, count: int, seed: int) -> Int[Tensor, "B h w"]:
    """Draw pictures whose windows are told `told(i, j, top, left)`, true or not.

    (i, j) is the token at which the window's prefix is read.
    """
    canvas = Canvas(prior, (SIDE, SIDE), None, Sampling(), count=count, seed=seed, known=None)
    now, corner = [(0, 0)], canvas.corner

    def remembered(i: int, j: int, *, stride: int = 1) -> tuple[int, int]:
        now[0] = i, j
        return corner(i, j, stride=stride)

    def prefix(top: int, left: int) -> Int[Tensor, "B P"]:
        return prior.config.condition.ids(None, count, told(*now[0], top, left))

    canvas.corner, canvas.prefix = remembered, prefix  # type: ignore[method-assign]
    with torch.inference_mode():
        for _ in Sequential().run(canvas):
            pass
    return canvas.tokens


PROGRAMS: dict[str, Told] = {
    "A": lambda i, j, top, left: Place(i, j, SIDE, SIDE),
    "B": lambda i, j, top, left: Place(left, top, SIDE, SIDE),
    "C": lambda i, j, top, left: Place(0, 0, SIDE, SIDE),
    "D": lambda i, j, top, left: Place(top, left, SIDE, SIDE),
}
TRUTH = {"A": "token_place", "B": "swapped", "C": "stale", "D": "healthy"}


def sky_of_codes(
    tokens: Int[Tensor, "N h w"], labels: Int[Tensor, "N H W"], num_codes: int
) -> Float[Tensor, " K"]:
    """Share of sky (clouds and sun count) among the pixels that lie under each code."""
    is_sky = torch.isin(labels, torch.tensor(SKY)).float()
    share = F.adaptive_avg_pool2d(is_sky[:, None], tokens.shape[1:]).flatten()
    s = tokens.flatten()
    times = torch.bincount(s, minlength=num_codes)
    return torch.bincount(s, share, minlength=num_codes) / times.clamp(min=1)


def trained(*, steps: int = 600) -> tuple[Prior, Float[Tensor, " K"]]:
    """A prior that has learned windows of the scenes with their places; the sky of each code."""
    codec, data = load_pretrained("scenes_vqgan"), Scenes("train", count=NUM_SCENES)
    scenes = [data.scene(k) for k in range(NUM_SCENES)]
    images = torch.stack([scene.image for scene in scenes])
    labels = torch.stack([scene.labels for scene in scenes])
    tokens, mirrored = tokenize(codec, images), tokenize(codec, images.flip(-1))
    config = GPTConfig(
        num_codes=codec.config.num_codes,
        grid=(N, N),
        condition=CoordinateCondition((N, N), bins=BINS),
        num_layers=1,
        num_heads=4,
        width=48,
    )
    recipe = PriorRecipe(
        steps=steps, batch_size=16, learning_rate=1e-2, warmup_steps=20, weight_decay=0.05
    )
    grids = TokenGrids(torch.cat([tokens, mirrored]))
    prior = train_prior(grids, config, recipe, device="cpu", progress=False).model
    return prior, sky_of_codes(tokens, labels, codec.config.num_codes)


def logs() -> dict[str, dict[str, list[float]]]:
    """What `record` gave: for each program the share of sky by row, "i", and by column, "j"."""
    return json.loads((Path(__file__).parent / "places.json").read_text(encoding="utf-8"))


def record(*, steps: int = 600) -> dict[str, dict[str, list[float]]]:
    """The logs: each program draws the same number of pictures from the same seeds."""
    prior, sky = trained(steps=steps)
    logs = {}
    for name, told in PROGRAMS.items():
        share = sky[draw(prior, told, count=COUNT, seed=100)]
        by = {"i": share.mean((0, 2)), "j": share.mean((0, 1))}
        logs[name] = {key: [round(x, 3) for x in values.tolist()] for key, values in by.items()}
    return logs


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(record(), separators=(",", ":")))
