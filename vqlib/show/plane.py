"""Drawings in the plane, as SVG: points, codes, arrows, symbols.

A widget carries dozens of pictures. One of these is about a kilobyte and sharp at any size; drawn
by matplotlib, it would be ten times that.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from math import hypot

from vqlib.show.style import GREY, INK

Point = Sequence[float]


class Plane:
    """The square [-reach, reach]² as a white card. Symbols are painted over everything else.

    Args:
        reach: half the side of the square, in the plane's own units.
        size: side of the square in pixels; a page too narrow for it makes the picture smaller.
        footer: height in pixels of a strip below the square, for formulas.
    """

    def __init__(self, reach: float, *, size: int = 400, footer: int = 0):
        self.reach, self.size, self.footer = reach, size, footer
        self.shapes: list[str] = []
        self.texts: list[str] = []

    def area(self, corners: Sequence[Point], *, fill: str) -> None:
        """A polygon with a thin white edge, which parts it from its neighbours."""
        self.shapes.append(f"<path d='M{self._joined(corners)}z' fill='{fill}' stroke='#fff'/>")

    def lines(self, pairs: Iterable[tuple[Point, Point]]) -> None:
        """Thin grey lines, from point to point."""
        d = "".join(f"M{self._joined(pair)}" for pair in pairs)
        self.shapes.append(f"<path d='{d}' stroke='{GREY}'/>")

    def arrow(
        self, start: Point, step: Point, *, colour: str, rim: float = 0.0, gap: float = 0.0
    ) -> None:
        """An arrow from `start` towards `start + step`.

        `rim` pushes it forward by so many pixels, from under its mark; `gap` makes it so much
        shorter. What is then shorter than 2 pixels is not drawn.
        """
        length = hypot(*step) * self._scale  # in pixels
        if length < gap + 2:
            return
        head = min(8.0, length - gap)
        tail, neck, tip = (
            [a + pixels / length * b for a, b in zip(start, step, strict=True)]
            for pixels in (rim, rim + length - gap - head, rim + length - gap)
        )
        side = [-0.5 * head / length * step[1], 0.5 * head / length * step[0]]
        left, right = ([a + sign * b for a, b in zip(neck, side, strict=True)] for sign in (1, -1))
        self.shapes.append(
            f"<path d='M{self._joined([tail, neck])}' stroke='{colour}' stroke-width='2'/>"
            f"<path d='M{self._joined([tip, left, right])}z' fill='{colour}'/>"
        )

    def dot(self, at: Point, *, colour: str) -> None:
        """A disc: a latent vector."""
        x, y = self._pixels(at)
        self.shapes.append(f"<circle cx='{x}' cy='{y}' r='4.5' fill='{colour}'/>")

    def cross(self, at: Point, *, colour: str) -> None:
        """An ×: a code."""
        x, y = self._pixels(at)
        self.shapes.append(
            f"<path d='M{x} {y}m-4-4l8 8m0-8l-8 8' stroke='{colour}' stroke-width='2.5'/>"
        )

    def star(self, at: Point, *, colour: str) -> None:
        """A ★: a goal."""
        x, y = self._pixels(at)
        outline = "m0-7l1.7 4.8h5l-4 3 1.5 4.8-4.2-2.9-4.2 2.9 1.5-4.8-4-3h5z"
        self.shapes.append(f"<path d='M{x} {y}{outline}' fill='{colour}' opacity='.6'/>")

    def symbol(self, at: Point, symbol: str, *, colour: str = INK) -> None:
        """A symbol at the upper right of a point."""
        x, y = self._pixels(at)
        self._write(x + 7, y - 7, symbol, colour)

    def formula(self, x: float, symbols: str, *, colour: str = INK) -> None:
        """A formula in the footer, `x` pixels from the left; an underscore lowers what follows."""
        self._write(x, self.size + self.footer / 2 + 3, symbols, colour)

    def svg(self) -> bytes:
        """The finished picture."""
        width, height = self.size, self.size + self.footer
        halo = "paint-order='stroke' stroke='#fff' stroke-width='3'"  # keeps symbols readable
        return (
            f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
            f"viewBox='0 0 {width} {height}' font-family='serif' font-size='16'>"
            f"<path d='M0 0h{width}v{height}H0z' fill='#fff'/>{''.join(self.shapes)}"
            f"<g {halo}>{''.join(self.texts)}</g></svg>"
        ).encode()

    @property
    def _scale(self) -> float:
        return self.size / (2 * self.reach)

    def _pixels(self, at: Point) -> tuple[float, float]:
        x, y = (at[0] + self.reach) * self._scale, (self.reach - at[1]) * self._scale
        return round(x, 1), round(y, 1)

    def _joined(self, points: Sequence[Point]) -> str:
        return " ".join("{:g} {:g}".format(*self._pixels(point)) for point in points)

    def _write(self, x: float, y: float, symbols: str, colour: str) -> None:
        index = r"<tspan dy='4' font-size='12'>\1</tspan><tspan dy='-4'>\2</tspan>"
        text = re.sub(r"_(\w+)([^_]*)", index, escape(symbols, quote=False))
        self.texts.append(f"<text x='{x:.0f}' y='{y:.0f}' fill='{colour}'>{text}</text>")


def nearest_area(k: int, points: Sequence[Point], reach: float) -> list[Point]:
    """Corners of the part of the square [-reach, reach]² to which point k is the nearest."""
    corners = [(-reach, -reach), (reach, -reach), (reach, reach), (-reach, reach)]
    for other, point in enumerate(points):
        if other != k:
            corners = _nearer(corners, points[k], point)
    return corners


def _nearer(corners: Sequence[Point], p: Point, q: Point) -> list[Point]:
    """A convex polygon without the part that is nearer to q than to p."""
    # |c − p|² − |c − q|² for each corner c: linear in c, so an edge crosses the border where
    # interpolation between its ends gives zero.
    excess = [
        sum((c - a) ** 2 - (c - b) ** 2 for c, a, b in zip(corner, p, q, strict=True))
        for corner in corners
    ]
    kept = []
    for i, (here, f) in enumerate(zip(corners, excess, strict=True)):
        before, g = corners[i - 1], excess[i - 1]
        if (f <= 0) != (g <= 0):
            share = g / (g - f)
            kept.append([a + share * (b - a) for a, b in zip(before, here, strict=True)])
        if f <= 0:
            kept.append(here)
    return kept
