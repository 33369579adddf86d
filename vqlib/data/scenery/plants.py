"""Forest, grass, flowers and trees."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from vqlib.data.exact import mix, turn
from vqlib.data.scenery.canvas import FLAT, FOREST, MEADOW, TREE, Canvas, rgb, smooth
from vqlib.data.scenery.land import GROUND
from vqlib.data.scenery.light import Light

WOODS = ("1b4038", "5f8c52")
BARK = "5a4636"
FLOWERS = ("f6d53c", "f0563e", "fff6ff", "c886ec", "f590b8")
LEAVES = {
    "pines": ("123a33", "5c9455"),
    "snowy pines": ("24504e", "eef5ff"),
    "leafy": ("2a6234", "b4cf5c"),
    "autumn": ("9c3a22", "ffb848"),
}


def forest(canvas: Canvas, rng: Generator, light: Light, horizon: float) -> None:
    """Wooded hills along the horizon, in two rows."""
    for near in (0, 1):
        hills = smooth(0.25, 0.75, canvas.noise(rng, 0, 2, octaves=2, y=FLAT))
        tips = 1 - np.abs(2 * canvas.noise(rng, 0, 26 - 6 * near, y=FLAT) - 1)
        height = mix(0.09, 0.045, near) * hills + mix(0.025, 0.03, near) * tips
        at = canvas.window(horizon - 0.13, horizon)
        below = height - (horizon - canvas.y[at[0]])
        lit = 0.6 * canvas.noise(rng, 40, 40, at=at) + 0.35 * smooth(0.04, 0, below)
        color = light.on(mix(*map(rgb, WOODS), lit), lit)
        color = mix(color, light.haze, 0.34 - 0.24 * near)
        canvas.paint(canvas.cover(below), color, FOREST, -0.55 + 0.04 * near, at=at)


def grass(
    canvas: Canvas, rng: Generator, light: Light, horizon: float, shore: np.ndarray, *, kind: str
) -> None:
    """Blades on the meadow, short and dense far away, long in front; some of them in flower."""
    n = int(600 * canvas.aspect) + 20
    u = rng.random((5, n), np.float32)
    x = u[0] * canvas.aspect
    y = mix(shore[0, canvas.column(x)], 1.04, np.sort(u[1]))
    t = np.clip((y - horizon) / (1 - horizon), 0, 1.1)
    length = 0.008 + 0.055 * t * u[2]
    tip_x, tip_y = x + length * (u[3] - 0.5), y - length
    color = light.on(mix(*map(rgb, GROUND[kind]), u[4]), 0.3 + 0.7 * u[4])[:, 0]  # (3, n)
    along = np.linspace(0, 1, max(3, int(0.06 / canvas.pixel)), dtype=np.float32)[:, None]
    strokes = mix(x, tip_x, along * along), mix(y, tip_y, along)
    _dots(canvas, *strokes, 0.008, color, 0.25 if kind == "snowy" else 0.55)
    if kind == "flowery":
        petals = light.on(rgb(FLOWERS[int(5 * rng.random())]), 0.9)[:, 0]
        some = slice(None, None, 3)
        _dots(canvas, tip_x[some], tip_y[some], 0.016, petals, 0.85)


def _dots(canvas, x, y, size, color, opacity):
    """Dots of some size at places x and y (…, n), on the meadow only, in colors (3, n or 1)."""
    h, w = canvas.labels.shape
    step = _disc(size / canvas.pixel).reshape(2, -1, *[1] * np.ndim(x))
    r, c = ((v / canvas.pixel + s).astype(np.intp) for v, s in zip((y, x), step, strict=True))
    place = r.clip(0, h - 1) * w + c.clip(0, w - 1)
    inside = (place == r * w + c) & (canvas.labels.take(place) == MEADOW)
    dot = inside.ravel().nonzero()[0]
    place = place.take(dot)
    pixels = canvas.color.reshape(3, -1)
    color = color.take(dot % color.shape[1], axis=1)
    pixels[:, place] = mix(pixels.take(place, axis=1), color, np.float32(opacity))


def _disc(size):
    """Rows and columns of the pixels of a dot, (2, n)."""
    step = np.arange(max(1, round(size)), dtype=np.float32)
    r, c = np.meshgrid(step, step)
    middle = (len(step) - 1) / 2
    dr, dc, reach = r - middle, c - middle, middle + 0.3
    return np.stack([r, c])[:, dr * dr + dc * dc <= reach * reach]


@dataclass(frozen=True)
class Tree:
    """Where a tree stands and how it looks."""

    x: float
    foot: float
    size: float
    near: float
    """0 at the horizon, 1 at the bottom of the picture."""
    tone: float
    """In [0, 1]; varies shape and color."""


def trees(
    canvas: Canvas,
    rng: Generator,
    light: Light,
    horizon: float,
    shore: np.ndarray,
    *,
    kind: str,
    side: str,
) -> None:
    """Trees on one side ("left", "right") or on "both", the nearest last and largest."""
    n = max(3, round((9 if side == "both" else 6) * canvas.aspect))
    foliage = canvas.noise(rng, 32, 32, octaves=2) - 0.5
    colors = [rgb(code) for code in LEAVES[kind]]
    draw = _pine if kind.endswith("pines") else _broadleaf
    u = rng.random((n, 4))
    for k, (forward, across, tall, tone) in enumerate(u[u[:, 0].argsort(kind="stable")].tolist()):
        right = k % 2 if side == "both" else side == "right"
        x = abs(right - 0.38 * across) * canvas.aspect
        foot = mix(float(shore[0, canvas.column(x)]) + 0.01, 1.02, forward * forward)
        near = min(max((foot - horizon) / (1 - horizon), 0.0), 1.0)
        tree = Tree(x, foot, (0.09 + 0.55 * near) * (0.7 + 0.6 * tall), near, tone)
        _shade(canvas, light, tree)
        draw(canvas, light, tree, foliage, colors)


def _shade(canvas, light, tree):
    """The soft shadow on the ground, away from the light."""
    wide, flat, x = 0.32 * tree.size, 0.055 * tree.size, tree.x - 0.12 * tree.size * light.side
    at = canvas.window(tree.foot - flat, tree.foot + flat, x - wide, x + wide)
    u, v = (canvas.x[:, at[1]] - x) / wide, (canvas.y[at[0]] - tree.foot) / flat
    alpha = 0.4 * (canvas.labels[at] == MEADOW) * smooth(1, 0, u * u + v * v)
    canvas.paint(alpha.astype(np.float32), light.shadow * 0.25, at=at)


def _pine(canvas, light, tree, foliage, colors):
    """A pointed tree in tiers."""
    half = 0.23 * tree.size
    at, u, v = _around(canvas, tree, half)
    u = u * (tree.size / half)
    tier = v * (5 + 2 * tree.tone) + tree.tone + 0.15 * u * u
    tier = tier - np.floor(tier)
    wide = (1 - v) * (1 - 0.4 * tier) * (v > 0.09) * (1 + 0.8 * foliage[at])
    inside = np.maximum(wide, 0.08 * (v < 0.11)) - np.abs(u)
    lit = 0.5 + 0.5 * light.side * u / (1.1 - v) + foliage[at] - 0.35 * tier
    _leaves(canvas, light, tree, inside * half, lit, colors, at)


def _broadleaf(canvas, light, tree, foliage, colors):
    """A trunk under a crown of six overlapping balls, each lit on its own."""
    at, u, v = _around(canvas, tree, 0.4 * tree.size)
    nearest, lit = np.float32(np.inf), np.float32(0)
    for k in range(6):
        across, up = turn(2.4 * k + 6 * tree.tone)
        du, dv, r = u - 0.17 * across, v - (0.52 + 0.15 * up), 0.19 - 0.013 * k
        distance = (du * du + dv * dv) * (1 / (r * r))  # squared, in radii
        ball = (0.45 + dv / (2.8 * r)) + du * (light.side / (2.8 * r))
        lit = np.where(distance < nearest, ball, lit)
        nearest = np.minimum(nearest, distance)
    trunk = 0.027 - np.abs(u) - (v > 0.45)
    _leaves(canvas, light, tree, trunk * tree.size, np.float32(0.3), [rgb(BARK)] * 2, at)
    crown = (0.16 * (1 - np.sqrt(nearest)) + 0.1 * foliage[at]) * tree.size
    _leaves(canvas, light, tree, crown, lit + 0.9 * foliage[at], colors, at)


def _around(canvas, tree, half):
    at = canvas.window(tree.foot - tree.size, tree.foot, tree.x - half, tree.x + half)
    u = (canvas.x[:, at[1]] - tree.x) / tree.size
    return at, u, (tree.foot - canvas.y[at[0]]) / tree.size


def _leaves(canvas, light, tree, inside, lit, colors, at):
    lit = np.clip(lit, 0, 1)
    color = light.on(mix(*colors, lit * (0.6 + 0.5 * tree.tone)), 0.15 + 0.85 * lit)
    far = 1 - tree.near
    color = mix(color, light.haze, 0.35 * far * far)
    canvas.paint(canvas.cover(inside), color, TREE, 1.5 * tree.near - 0.5, at=at)
