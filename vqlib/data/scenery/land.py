"""Sky, sun, clouds, mountains, water and meadow."""

import numpy as np
from numpy.random import Generator

from vqlib.data.exact import decay, mix
from vqlib.data.scenery.canvas import (
    CLOUD,
    FLAT,
    MEADOW,
    MOUNTAIN,
    SUN,
    WATER,
    Canvas,
    rgb,
    smooth,
)
from vqlib.data.scenery.light import Light

ROCK, SNOW = ("4e5a76", "ccb69c"), ("9fb2da", "ffffff")
LAKE = "3f8398"
GROUND = {
    "green": ("3a6e34", "abc95a"),
    "flowery": ("3f7440", "a2cc66"),
    "golden": ("a88440", "fae08c"),
    "snowy": ("b4c2dc", "fbfdff"),
}


def sky(canvas: Canvas, rng: Generator, light: Light, horizon: float, *, stars: bool) -> None:
    """A gradient in broad strokes, with stars if wanted; it ends at the horizon."""
    at = canvas.window(0, horizon)
    t = canvas.y[at[0]] / horizon
    color = mix(light.top, light.middle, smooth(0, 0.6, t))
    color = mix(color, light.low, smooth(0.35, 1, t))
    color = color * (0.94 + 0.12 * canvas.noise(rng, 14, 3, octaves=3, at=at))
    if stars:
        color += smooth(0.955, 0.995, canvas.noise(rng, 84, 84, at=at)) * (1 - t)
    canvas.paint(np.float32(1), color, at=at)


def sun(
    canvas: Canvas,
    light: Light,
    horizon: float,
    *,
    x: float,
    y: float,
    radius: float,
    crescent: bool,
) -> None:
    """The sun or the moon, with a glow around it that ends at the horizon."""
    at = canvas.window(0, horizon)
    dx, dy = canvas.x - x, canvas.y[at[0]] - y
    r = np.sqrt(dx * dx + dy * dy)
    glow = 0.3 * decay(r * (0.13 / radius)) + 0.6 * decay(r * (0.5 / radius))
    canvas.paint(glow, mix(light.low, light.sun, glow), at=at)
    disc = canvas.cover(radius - r)
    if crescent:
        dx, dy = dx - 0.5 * radius, dy + 0.25 * radius
        disc = disc * canvas.cover(np.sqrt(dx * dx + dy * dy) - 0.95 * radius)
    core = mix(light.sun, light.low, 0.5 * smooth(1, 0.2, r / radius))
    canvas.paint(disc, np.maximum(core, light.sun), SUN, -1, at=at)  # never darker than its rim


def clouds(canvas: Canvas, rng: Generator, light: Light, horizon: float) -> None:
    """Flat clouds, lit from above."""
    at = canvas.window(0, horizon)
    n = canvas.noise(rng, 5, 2, octaves=4, at=at)
    up = max(1, round(0.025 / canvas.pixel))
    above = np.concatenate([n[:1].repeat(up, 0), n[:-up]])[: len(n)]
    alpha = smooth(0.47, 0.64, n - 0.3 * np.abs(canvas.y[at[0]] / horizon - 0.4))
    lit = np.clip(0.6 + 5 * (n - above), 0, 1)
    dark, pale = mix(light.middle, light.shadow, 0.3), mix(light.low, light.bright, 0.6)
    canvas.paint(alpha * 0.95, mix(dark, pale, lit), CLOUD, -0.95, at=at)


def mountains(
    canvas: Canvas, rng: Generator, light: Light, horizon: float, *, ranges: int, snow: bool
) -> None:
    """Mountain ranges, farthest first, each nearer one lower and less hazy."""
    for k in range(ranges):
        near = (k + 1) / ranges if ranges > 1 else 0.6
        _mountain_range(canvas, rng, light, horizon, near, snow)


def _mountain_range(canvas, rng, light, horizon, near, snow):
    """A terrain seen from the front; `near` is 0 for the farthest range, 1 for the nearest."""
    K = max(10, int(0.2 / canvas.pixel))
    z = np.linspace(0, 1, K, dtype=np.float32)
    envelope = canvas.noise(rng, 0, 1.3, y=FLAT) * 0.8 + 0.45
    crests = canvas.ridges(rng, 2.2, 2.2, octaves=5, y=z) * 0.88 + 0.12
    rise = 0.2 * z + 0.8 * np.sqrt(z) * np.sqrt(np.sqrt(z))  # nearly z to the power of 0.8
    terrain = crests * envelope * (rise[:, None] * horizon * mix(1.25, 0.62, near))
    reach = np.maximum.accumulate(terrain, axis=0)  # the skyline of all that is not farther
    highest = float(reach[-1].max())
    at = canvas.window(horizon - highest, horizon)
    up = horizon - canvas.y[at[0]]

    along, across = np.gradient(terrain, 1 / K, canvas.pixel)
    steep = np.sqrt(1 + across * across + along * along)
    lit = smooth(-0.15, 0.75, (0.55 - 0.7 * light.side * across - 0.15 * along) / steep)
    albedo = mix(*map(rgb, ROCK), lit)
    if snow:
        white = smooth(0.30, 0.42, terrain / highest + 0.25 / steep - 0.12)
        albedo = mix(albedo, mix(*map(rgb, SNOW), lit), white)
    shown = _first_hit((horizon - reach) / canvas.pixel - at[0].start, len(up))
    color = light.on(albedo, lit).reshape(3, -1).take(shown, axis=1)
    haze = mix(0.58, 0.06, near) + 0.4 * smooth(0.28, 0, up / horizon)
    color = mix(color, light.haze, haze)
    depth = -0.9 + 0.3 * near - 0.09 * z.take(shown // canvas.x.shape[1])
    canvas.paint(canvas.cover(reach[-1] - up), color, MOUNTAIN, depth, at=at)


def _first_hit(tops, h):
    """For each of h × w pixels, the nearest point of a terrain that hides what is behind it.

    Args:
        tops: up to which row each point of the terrain hides, (K, w), falling with distance.
        h: number of rows.

    Returns:
        Flat indices into (K, w), int (h, w).
    """
    K, w = tops.shape
    columns = np.arange(w)
    first = np.ceil(tops - 0.5).astype(np.intp).clip(0, h)
    # A pixel sees past all points that do not reach up to it: count those that do.
    reaching = np.bincount((first * w + columns).ravel(), minlength=(h + 1) * w)
    reaching = reaching.reshape(h + 1, w)[:h].cumsum(0)
    return np.minimum(K - reaching, K - 1) * w + columns


def water(canvas: Canvas, rng: Generator, light: Light, horizon: float) -> None:
    """A lake from the horizon to the bottom, which mirrors all that is painted above it."""
    at = canvas.window(horizon, 1)
    h, w = canvas.labels.shape
    first = max(1, at[0].start)
    t = np.maximum((canvas.y[at[0]] - horizon) / (1 - horizon), 0)
    # Waves flatten with distance: nearly log(1 + 6t) / log(7).
    dense = (t * (3.1 + 0.8 * t) / (1 + 2.9 * t))[:, 0]
    ripple = canvas.noise(rng, 28, 6, octaves=2, at=at, y=dense) - 0.5
    r = 2 * first - 1 - np.arange(at[0].start, h, dtype=np.float32)[:, None]
    r = np.abs(r + ripple * t * (0.2 / canvas.pixel)).clip(0, first - 1).astype(np.int32)
    c = np.arange(w, dtype=np.float32) + ripple * t * (0.12 / canvas.pixel)
    c = c.clip(0, w - 1).astype(np.int32)
    mirror = canvas.color.reshape(3, -1).take(r * w + c, axis=1)
    color = mix(mirror * 0.95, light.on(rgb(LAKE), 0.6), 0.1 + 0.25 * t)
    color = color * (1 + 0.4 * ripple * smooth(0, 0.3, t))
    color = mix(color, light.low, 0.4 * smooth(0.2, 0.32, ripple))
    canvas.paint(np.float32(1), color, at=at)
    canvas.labels[at], canvas.depth[at] = WATER, 1.5 * t - 0.5


def shoreline(
    canvas: Canvas, rng: Generator, horizon: float, *, lake: bool, side: str | None
) -> np.ndarray:
    """Where the meadow begins, (1, w): at the horizon, or at the near shore of the lake.

    The shore comes forward on the side ("left", "right", "both" or None) where trees will stand.
    """
    n = canvas.noise(rng, 0, 1.5, octaves=3, y=FLAT) - 0.5
    if not lake:
        return horizon - 0.03 + 0.05 * n
    across = canvas.x / canvas.aspect
    bank = {"left": 1 - across, "right": across, "both": 2 * np.abs(across - 0.5)}.get(side, 0.3)
    middle = 0.62 - 0.38 * smooth(0.3, 1, bank) + 0.1 * rng.random(dtype=np.float32)
    return horizon + (1 - horizon) * (middle + 0.35 * n)


def meadow(
    canvas: Canvas, rng: Generator, light: Light, horizon: float, shore: np.ndarray, *, kind: str
) -> None:
    """Rolling ground below the shore line, one hill in front of the other."""
    at = canvas.window(float(shore.min()) - 0.02, 1)
    y = canvas.y[at[0]]
    t = np.clip((y - horizon) / (1 - horizon), 0, 1)
    line, lit = shore, 0.0
    for k in range(3):
        below = y - line
        hill = 0.8 * smooth(0.22 + 0.25 * k, 0, below)
        lit = mix(lit, hill, canvas.cover(below))
        rolling = canvas.noise(rng, 0, 1.2, octaves=2, y=FLAT) - 0.5
        line = line + (1 - line) * (0.28 + 0.45 * rolling)
    texture = canvas.noise(rng, 16, 5, octaves=3, at=at)
    lit = np.clip(lit + 0.9 * texture - 0.4, 0, 1)
    color = light.on(mix(*map(rgb, GROUND[kind]), lit), 0.3 + 0.7 * lit)
    color = mix(color, light.haze, 0.45 * ((1 - t) * (1 - t) * (1 - t)))
    canvas.paint(canvas.cover(y - shore), color, MEADOW, 1.5 * t - 0.5, at=at)
