"""What one verdict sees: from its one cell down through five convolutions to 70 pixels."""

from canvas import BLUE, GREY, INK, LIGHT, ORANGE, Canvas

WORDS = {
    "en": {
        "verdict": "one verdict D(x)",
        "conv": "4 × 4, stride {}",
        "cells": "{} positions",
        "pixels": "image x: 70 pixels in a row, and 70 rows",
    },
    "zh": {
        "verdict": "一个判断 D(x)",
        "conv": "4 × 4，步长 {}",
        "cells": "{} 个位置",
        "pixels": "图像 x：一行 70 个像素，一共 70 行",
    },
}
# From the verdict down: cells seen in this row, pixels between two of its cells, and the stride
# of the convolution that makes the row above out of this one.
ROWS = ((1, 8, None), (4, 8, 1), (7, 8, 1), (16, 4, 2), (34, 2, 2), (70, 1, 2))
PIXEL, TOP, STEP, HEIGHT = 8, 34, 74, 26
MIDDLE = 312


def draw(words) -> Canvas:
    """A row of cells for each layer; cells get narrower as rows get finer."""
    c = Canvas(625, TOP + 5 * STEP + HEIGHT + 34)
    _cone(c)
    for number, (cells, spacing, stride) in enumerate(ROWS):
        y = TOP + number * STEP
        _row(c, cells, spacing, y, first=number == 0, last=number == len(ROWS) - 1)
        if stride is not None:
            c.text(MIDDLE, y - 20, words["conv"].format(stride), size=14, fill=BLUE)
        if 0 < number < len(ROWS) - 1:
            _label(c, y, words["cells"].format(cells))
    c.text(MIDDLE, TOP - 12, words["verdict"], size=16, weight="bold", fill=ORANGE)
    c.text(MIDDLE, TOP + 5 * STEP + HEIGHT + 24, words["pixels"], size=16, weight="bold")
    return c


def _width(cells: int, spacing: int) -> float:
    return cells * spacing * PIXEL


def _cone(c: Canvas) -> None:
    """The shaded outline behind the rows."""
    left, right = [], []
    for number, (cells, spacing, _) in enumerate(ROWS):
        half, y = _width(cells, spacing) / 2, TOP + number * STEP
        for edge in (y, y + HEIGHT):
            left.append(f"{MIDDLE - half:g} {edge:g}")
            right.append(f"{MIDDLE + half:g} {edge:g}")
    corners = " L ".join(left + right[::-1])
    c.path(f"M {corners} Z", stroke="none", fill="#fbeee3", line=0)


def _row(c: Canvas, cells: int, spacing: int, y: float, *, first: bool, last: bool) -> None:
    size, start = spacing * PIXEL, MIDDLE - _width(cells, spacing) / 2
    for k in range(cells):
        fill = ORANGE if first else LIGHT
        if last:  # a little texture, so that these read as pixels
            fill = f"hsl(30 8% {48 + (k * 37 + k * k * 11) % 40}%)"
        stroke = "#ffffff" if last else (INK if first else GREY)
        c.box(start + k * size, y, size, HEIGHT, fill=fill, stroke=stroke, radius=0, line=0.8)


def _label(c: Canvas, y: float, words: str) -> None:
    """The count on a white strip in the middle of its row."""
    c.box(MIDDLE - 56, y + 3, 112, HEIGHT - 6, fill="#ffffff", stroke="none", radius=4, line=0)
    c.text(MIDDLE, y + 18, words, size=14)
