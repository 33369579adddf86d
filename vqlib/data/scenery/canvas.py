"""A canvas that is painted back to front and keeps labels and depth beside the color.

Lengths are fractions of the picture's height, so that a wider picture shows more and stretches
nothing. Random draws depend on the aspect ratio alone: a larger picture is the same one, sharper.
All arithmetic is that of `vqlib.data.exact`, the same on every processor.
"""

import numpy as np

from vqlib.data.exact import mix

LABELS = ("sky", "sun", "cloud", "mountain", "forest", "water", "meadow", "tree")
SKY, SUN, CLOUD, MOUNTAIN, FOREST, WATER, MEADOW, TREE = range(len(LABELS))

Window = tuple[slice, slice]
WHOLE: Window = (slice(None), slice(None))
FLAT = np.zeros(1, np.float32)  # rows of noise that varies along the width only
OVERSAMPLING = 2  # painted at this multiple of the final size


class Canvas:
    """A picture in the making.

    Attributes:
        color: float32 (3, h, w), red, green and blue from 0 to 1, at times a little more.
        labels: int8 (h, w), index into `LABELS`.
        depth: float32 (h, w), −1 (farthest) to 1 (nearest).
        y: float32 (h, 1), places of the rows, from 0 (top) to 1 (bottom).
        x: float32 (1, w), places of the columns, from 0 (left) to `aspect` (right).
        pixel: size of a pixel.
    """

    def __init__(self, height: int, width: int):
        h, w = OVERSAMPLING * height, OVERSAMPLING * width
        self.aspect, self.pixel = width / height, 1 / h
        self.y = ((np.arange(h, dtype=np.float32) + 0.5) / h)[:, None]
        self.x = ((np.arange(w, dtype=np.float32) + 0.5) / h)[None]
        self.color = np.zeros((3, h, w), np.float32)
        self.labels = np.zeros((h, w), np.int8)
        self.depth = np.full((h, w), -1, np.float32)

    def window(self, top=0.0, bottom=1.0, left=0.0, right=np.inf) -> Window:
        """The pixels of a rectangle, cut off at the frame."""
        h, w = self.labels.shape
        return slice(*self._range(top, bottom, h)), slice(*self._range(left, right, w))

    def _range(self, low, high, size):
        return [int(min(max(v / self.pixel, 0), size)) for v in (low, high + self.pixel)]

    def column(self, x):
        """Index of the column at a place; places outside count as the first or the last one."""
        return np.clip(np.asarray(x) / self.pixel, 0, self.x.shape[1] - 1).astype(np.int32)

    def paint(self, alpha, color, label=None, depth=None, *, at: Window = WHOLE) -> None:
        """Lay a color over a window; where it is more than half opaque, set label and depth."""
        target = self.color[(..., *at)]
        target += alpha * (color - target)
        if label is not None:
            solid = alpha > 0.5
            np.copyto(self.labels[at], np.int8(label), where=solid)
            np.copyto(self.depth[at], depth, where=solid)

    def cover(self, distance):
        """Opacity of a shape with smooth edges, whose inside is where `distance` is positive."""
        return np.clip(distance * (1 / self.pixel) + 0.5, 0, 1)

    def noise(self, rng, rows, columns, *, octaves=1, at: Window = WHOLE, y=None):
        """Cloudy noise in [0, 1] around 0.5, float32 (h, w).

        Args:
            rng: where the values come from.
            rows: cells per unit of length from top to bottom.
            columns: cells per unit of length from left to right.
            octaves: how many noises are added, each twice as fine and half as strong.
            at: the pixels wanted.
            y: places of the rows in [0, 1], if not those of the window, (h,).
        """
        y = self.y[at[0], 0] if y is None else y
        total = 0.0
        for scale in (2**k for k in range(octaves)):
            total = total + self.cells(rng, rows * scale, columns * scale, y, at[1]) * (1 / scale)
        return total * _share(octaves)

    def ridges(self, rng, rows, columns, *, octaves, y):
        """Noise in [0, 1] with sharp crests, which are rougher the higher they are.

        Source: the ridged multifractal of F. K. Musgrave, "Procedural Fractal Terrains", in
        Ebert et al., *Texturing and Modeling*.
        """
        total, rough = 0.0, 1.0
        for scale in (2**k for k in range(octaves)):
            crest = 1 - np.abs(2 * self.cells(rng, rows * scale, columns * scale, y) - 1)
            crest = crest * crest
            total = total + crest * rough * (1 / scale)
            rough = np.minimum(1.6 * crest, 1)
        return total * _share(octaves)

    def cells(self, rng, rows, columns, y, x=slice(None)):
        """Random values on a lattice, joined smoothly, at the places `y` (h,) and columns `x`."""
        shape = int(rows) + 3, int(columns * self.aspect) + 3
        lattice = rng.random(shape, np.float32)
        i, down = _between(y * np.float32(rows))
        j, across = _between(self.x[0, x] * np.float32(columns))
        lattice = mix(lattice.take(j, axis=1), lattice.take(j + 1, axis=1), across)
        return mix(lattice.take(i, axis=0), lattice.take(i + 1, axis=0), down[:, None])


def _between(places):
    """The lattice point before each place, and how much the next one counts there."""
    i = places.astype(np.intp)
    t = places - i.astype(np.float32)
    return i, t * t * (3 - 2 * t)


def _share(octaves):
    """What brings 1 + ½ + ¼ + … of so many noises back to 1."""
    return 1 / (2 - 2 / 2**octaves)


def smooth(low, high, t):
    """An S from 0 at `low` to 1 at `high`; it falls where low > high."""
    t = np.clip((t - low) * (1 / (high - low)), 0, 1)
    return t * t * (3 - 2 * t)


def rgb(code: str) -> np.ndarray:
    """The color of six hexadecimal digits, float32 (3, 1, 1) in [0, 1]."""
    return np.array(list(bytes.fromhex(code)), np.float32)[:, None, None] / 255
