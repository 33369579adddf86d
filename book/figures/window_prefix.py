"""Coordinates of a window: a step for each row and each column, and both in front of its tokens."""

from canvas import BLUE, GREY, INK, ORANGE, Canvas
from vqlib.generate.sliding_window import window_start

WORDS = {
    "en": {
        "rows": "steps of the rows",
        "columns": "steps of the columns, from 8 on",
        "prefix": "prefix",
        "tokens": "the window's tokens",
    },
    "zh": {
        "rows": "行的级号",
        "columns": "列的级号，从 8 数起",
        "prefix": "前缀",
        "tokens": "窗口的词元",
    },
}
SIZE, N, BINS, PLACE = (12, 20), 4, 8, (9, 13)
CELL, LEFT, TOP = 19, 150, 44
UNSEEN, READ = "#e6ebf1", "#b5d0ee"


def draw(words) -> Canvas:
    """The picture with its window; below it what is read."""
    c = Canvas(625, 378)
    (h, w), (i, j) = SIZE, PLACE
    top, left = window_start(i, h, N), window_start(j, w, N)
    for number in range(h * w):
        a, b = divmod(number, w)
        written = number < i * w + j
        inside = top <= a < top + N and left <= b < left + N
        fill = (READ if inside else UNSEEN) if written else "#ffffff"
        fill = ORANGE if (a, b) == PLACE else fill
        x, y = LEFT + b * CELL, TOP + a * CELL
        c.box(x, y, CELL, CELL, fill=fill, stroke="#c9d2dc", radius=0, line=1)
    c.box(LEFT, TOP, w * CELL, h * CELL, fill="none", stroke=INK, radius=0, line=1.2)
    x, y, side = LEFT + left * CELL, TOP + top * CELL, N * CELL
    c.box(x, y, side, side, fill="none", stroke=BLUE, radius=3, line=3)
    rows = [(top + k) * BINS // h for k in range(N)]
    columns = [BINS + (left + k) * BINS // w for k in range(N)]
    for k, step in enumerate(rows):
        c.text(LEFT - 14, y + k * CELL + 14, str(step), size=13, fill=ORANGE)
    for k, step in enumerate(columns):
        c.text(x + k * CELL + CELL / 2, TOP - 7, str(step), size=13, fill=ORANGE)
    c.text(LEFT - 28, y + side / 2 + 5, words["rows"], size=13, fill=GREY, anchor="end")
    c.text(x + side / 2, TOP - 26, words["columns"], size=13, fill=GREY)
    _sequence(c, words, rows + columns)
    return c


def _sequence(c: Canvas, words, ids) -> None:
    """Eight ids, then the tokens before the one that is asked for."""
    y, width = 300, 34
    for k, step in enumerate(ids):
        c.box(40 + k * width, y, width - 4, 28, fill=ORANGE, stroke=ORANGE, line=1)
        c.text(40 + k * width + 15, y + 19, str(step), size=14, fill="#ffffff", weight="bold")
    start = 40 + len(ids) * width + 12
    for k in range(8):
        c.box(start + k * 30, y, 26, 28, fill=READ, stroke="#c9d2dc", line=1)
    c.text(start + 8 * 30 + 14, y + 19, "…", size=14, fill=GREY)
    c.text(40 + len(ids) * width / 2, y + 52, words["prefix"], size=14, fill=ORANGE)
    c.text(start + 120, y + 52, words["tokens"], size=14, fill=GREY)
