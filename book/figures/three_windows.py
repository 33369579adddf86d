"""Where the window of a token stands: at the first border, in the middle, at the last border."""

from canvas import BLUE, GREY, INK, ORANGE, Canvas
from vqlib.generate.sliding_window import window_start

WORDS = {
    "en": {
        "cases": ("near the beginning", "in the middle", "near the end"),
        "stands": ("the window stands still", "both move together", "it stands still again"),
        "local": "local index",
    },
    "zh": {
        "cases": ("靠近起点", "在中间", "靠近终点"),
        "stands": ("窗口不动", "两者一起移动", "窗口又不动了"),
        "local": "局部下标",
    },
}
SIZE, N, CELL = (7, 9), 4, 20
PLACES = ((1, 1), (3, 5), (6, 8))
UNSEEN, READ = "#e6ebf1", "#b5d0ee"


def draw(words) -> Canvas:
    """Three copies of one grid, each with another token to be drawn."""
    c = Canvas(625, 262)
    for number, place in enumerate(PLACES):
        left = 20 + 202 * number
        middle = left + SIZE[1] * CELL / 2
        c.text(middle, 26, words["cases"][number], size=15, weight="bold")
        top, start = _grid(c, left, 42, place)
        local = f"({place[0] - top}, {place[1] - start})"
        c.text(middle, 214, f"{words['local']} {local}", size=15, fill=ORANGE)
        c.text(middle, 240, words["stands"][number], size=14, fill=GREY)
    return c


def _grid(c: Canvas, x, y, place) -> tuple[int, int]:
    """The grid: what is read, what is written and not seen, what is to come; the window's frame."""
    (i, j), (h, w) = place, SIZE
    top, left = window_start(i, h, N), window_start(j, w, N)
    for number in range(h * w):
        a, b = divmod(number, w)
        written, inside = number < i * w + j, top <= a and left <= b < left + N
        fill = (READ if inside else UNSEEN) if written else "#ffffff"
        fill = ORANGE if (a, b) == place else fill
        c.box(x + b * CELL, y + a * CELL, CELL, CELL, fill=fill, stroke="#c9d2dc", radius=0, line=1)
    c.box(x, y, w * CELL, h * CELL, fill="none", stroke=INK, radius=0, line=1.2)
    side = N * CELL
    c.box(x + left * CELL, y + top * CELL, side, side, fill="none", stroke=BLUE, radius=3, line=3)
    return top, left
