"""Landscapes without a network: any number, any size, each with labels, depth, edges and a caption.

Their statistics differ by height on purpose: sky and sun above, mountains and forest at the
horizon, water, meadow and trees below.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from vqlib.data import scenery
from vqlib.data.images import maybe_mirrored
from vqlib.data.scenery import LABELS, SIDES, Canvas, Facts, Light

SMALLEST = 8  # pixels each way


@dataclass(frozen=True)
class Scene:
    """A landscape, and what is known about it."""

    image: Float[Tensor, "3 H W"]
    """In [-1, 1], of 256 levels, so that saving it in 8 bits loses nothing."""
    labels: Int[Tensor, "H W"]
    """int64, index into `LABELS`; the moon counts as "sun"."""
    depth: Float[Tensor, "1 H W"]
    """Nearness, from −1 (the sky, farthest) to 1 (nearest)."""
    edges: Float[Tensor, "1 H W"]
    """1 where the label is not that of the pixel to the right or of the one below, else −1."""
    facts: Facts
    """What can be seen: each thing here has a pixel at least."""
    caption: dict[str, str]
    """The facts in words, in "en" and "zh"."""
    caption_words: dict[str, tuple[str, ...]]
    """The captions cut into words and commas, since Chinese is written without spaces."""


def scene(seed: int, *, facts: Facts | None = None, height: int = 64, width: int = 64) -> Scene:
    """Paint a landscape, a pure function of its arguments: the same bits on every processor.

    At another size the same seed gives the same kind of landscape: time, light, what is in it.
    At the same aspect ratio it is the same landscape, finer or coarser.

    Args:
        seed: 0 or more.
        facts: what there is to be; by default what the seed draws. Horizon and light are the
            seed's own in any case, so that two scenes of one seed differ by their facts.
        height: in pixels, 8 or more; the size of everything in the picture goes with it.
        width: in pixels, 8 or more; a wider picture shows more.

    Raises:
        ValueError: seed, height or width out of range.
    """
    _check_size(height, width)
    if seed < 0:
        raise ValueError(f"seed is {seed}; use 0 or more")
    rng = np.random.Generator(np.random.PCG64(seed))
    planned = scenery.random_facts(rng)
    planned = facts or planned
    canvas = _paint(planned, rng, height, width)
    image = torch.from_numpy(_rounded(canvas.color))
    labels, depth = _shrink(canvas.labels, canvas.depth)
    facts = planned.seen({LABELS[k] for k in np.bincount(labels.ravel()).nonzero()[0]})
    labels, depth = torch.from_numpy(labels), torch.from_numpy(depth)
    words = {"en": scenery.english(facts), "zh": scenery.chinese(facts)}
    caption = {"en": " ".join(words["en"]).replace(" ,", ","), "zh": "".join(words["zh"])}
    return Scene(image, labels, depth[None], label_edges(labels)[None], facts, caption, words)


def label_edges(labels: Int[Tensor, "*B H W"]) -> Float[Tensor, "*B H W"]:
    """1 where the label is not that of the pixel to the right or of the one below, else −1."""
    edges = torch.zeros_like(labels, dtype=torch.bool)
    edges[..., :, :-1] |= labels[..., :, :-1] != labels[..., :, 1:]
    edges[..., :-1, :] |= labels[..., :-1, :] != labels[..., 1:, :]
    return edges.float().mul(2).sub(1)


class Scenes:
    """A data set of landscapes, painted when asked for. Keeps the contract `Images`.

    Args:
        split: "train" has the even seeds, "held_out" the odd ones.
        count: number of scenes.
        height: in pixels, 8 or more.
        width: in pixels, 8 or more.

    Raises:
        ValueError: unknown split, or a number out of range.
    """

    def __init__(self, split: str = "train", *, count: int, height: int = 64, width: int = 64):
        if split not in ("train", "held_out"):
            raise ValueError(f"split is {split!r}; use 'train' or 'held_out'")
        if count < 1:
            raise ValueError(f"count is {count}; use 1 or more scenes")
        _check_size(height, width)
        self.split, self.height, self.width = split, height, width
        self.seeds = range(int(split == "held_out"), 2 * count, 2)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(3, height, width)."""
        return 3, self.height, self.width

    def __len__(self) -> int:
        return len(self.seeds)

    def scene(self, index: int) -> Scene:
        """A landscape with all that is known about it; negative indices as in lists."""
        return scene(self.seeds[index], height=self.height, width=self.width)

    def __getitem__(self, index: int) -> Float[Tensor, "3 H W"]:
        return self.scene(index).image

    def draw(self, index: int, generator: torch.Generator) -> Float[Tensor, "3 H W"]:
        """The image, or half of the time its mirror image."""
        return maybe_mirrored(self[index], generator)

    def __repr__(self) -> str:
        return f"Scenes({self.split!r}, {len(self)} scenes, {self.height}×{self.width})"


def _check_size(height: int, width: int) -> None:
    for name, size in (("height", height), ("width", width)):
        if size < SMALLEST:
            raise ValueError(f"{name} is {size}; a scene needs {SMALLEST} pixels or more each way")


def _paint(facts: Facts, rng: np.random.Generator, height: int, width: int) -> Canvas:
    canvas = Canvas(height, width)
    horizon = 0.38 + 0.2 * rng.random()
    across, up, radius, ranges, right = rng.random(5).tolist()
    right = {"left": 0, "right": 1}.get(facts.sun, right)
    light = Light.of(facts.time, 1 if right > 0.5 else -1, rng)
    scenery.sky(canvas, rng, light, horizon, stars=facts.time == "night")
    if facts.sun:
        x = (0.14 + 0.28 * SIDES.index(facts.sun) + 0.16 * across) * canvas.aspect
        y, r = horizon * (0.14 + 0.5 * up), 0.04 + 0.03 * radius
        scenery.sun(canvas, light, horizon, x=x, y=y, radius=r, crescent=facts.crescent)
    if facts.clouds:
        scenery.clouds(canvas, rng, light, horizon)
    scenery.mountains(canvas, rng, light, horizon, ranges=1 + int(3 * ranges), snow=facts.snow)
    if facts.forest:
        scenery.forest(canvas, rng, light, horizon)
    if facts.lake:
        scenery.water(canvas, rng, light, horizon)
    shore = scenery.shoreline(canvas, rng, horizon, lake=facts.lake, side=facts.side)
    scenery.meadow(canvas, rng, light, horizon, shore, kind=facts.meadow)
    scenery.grass(canvas, rng, light, horizon, shore, kind=facts.meadow)
    if facts.trees:
        kind = f"snowy {facts.trees}" if facts.meadow == "snowy" else facts.trees
        scenery.trees(canvas, rng, light, horizon, shore, kind=kind, side=facts.side)
    return canvas


def _blocks(painted: np.ndarray) -> np.ndarray:
    """The painted pixels that make up each pixel: (…, 2H, 2W) → (4, …, H, W)."""
    s = scenery.OVERSAMPLING
    return np.stack([painted[..., i::s, j::s] for i in range(s) for j in range(s)])


def _rounded(color: np.ndarray) -> np.ndarray:
    """Painted colors from 0 to 1 as 8 bits see them in the final size, in [-1, 1]."""
    levels = sum(_blocks(color)) * (255 / scenery.OVERSAMPLING**2)
    return np.rint(levels.clip(0, 255)) / 127.5 - 1


def _shrink(labels: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The label most painted pixels have (of two such labels the nearer), and its mean depth."""
    labels, depth = _blocks(labels), _blocks(depth)
    votes = np.stack([(labels == k).sum(0, dtype=np.int8) for k in range(len(LABELS))])
    winner = len(LABELS) - 1 - votes[::-1].argmax(0)
    agree = labels == winner
    return winner, sum(depth * agree) / agree.sum(0, dtype=np.float32)
