"""A window cut out of a larger grid: are its tokens written in the order of a small grid?"""

from canvas import BLUE, GREY, INK, ORANGE, Canvas
from vqlib.generate.order import Order

WORDS = {
    "en": {
        "names": ("raster", "alternate", "spiral in"),
        "learned": "learned on\n3 × 3",
        "cut": "cut out of\n6 × 6",
        "same": "the same",
        "other": "another",
    },
    "zh": {
        "names": ("光栅扫描", "往返", "向内螺旋"),
        "learned": "在 3 × 3 上\n学到的",
        "cut": "从 6 × 6 里\n截取的",
        "same": "一样",
        "other": "不一样",
    },
}
ORDERS = ("raster", "alternate", "spiral_in")
N, WINDOW, TOP, LEFT = 6, 3, 1, 2  # the window's upper left corner is in row 1, column 2
CELL = 29


def draw(words) -> Canvas:
    """Above: what the model learned. Below: large grids; in the window, who comes first there."""
    c = Canvas(625, 350)
    for top, key in ((66, "learned"), (210, "cut")):
        for line, text in enumerate(words[key].split("\n")):
            c.text(14, top + 20 * line, text, size=14, anchor="start")
    for number, name in enumerate(ORDERS):
        left = 104 + 176 * number
        own = _ranks(Order(name).permutation(WINDOW, WINDOW).tolist())
        large = Order(name).inverse(N, N).view(N, N)[TOP:][:WINDOW, LEFT : LEFT + WINDOW]
        seen = large.flatten().argsort().tolist()
        c.text(left + 1.5 * CELL, 22, words["names"][number], size=15, weight="bold")
        _numbers(c, left, 32, own, BLUE)
        x, y = left, 140
        for i in range(N * N):
            at = x + i % N * 26, y + i // N * 26
            c.box(*at, 26, 26, fill="#ffffff", stroke="#c9d2dc", radius=0, line=1)
        same = _ranks(seen) == own
        colour = BLUE if same else ORANGE
        _numbers(c, x + LEFT * 26, y + TOP * 26, _ranks(seen), colour, cell=26)
        word = ("= " + words["same"]) if same else ("≠ " + words["other"])
        c.text(left + 78, 324, word, size=15, fill=colour, weight="bold")
    return c


def _ranks(order) -> list[int]:
    """For each cell in raster order: as which it is written, from 1."""
    return [order.index(cell) + 1 for cell in range(len(order))]


def _numbers(c: Canvas, left, top, ranks, colour, cell=CELL) -> None:
    for i, rank in enumerate(ranks):
        x, y = left + i % WINDOW * cell, top + i // WINDOW * cell
        c.box(x, y, cell, cell, fill="#ffffff", stroke=GREY, radius=0, line=1)
        c.text(x + cell / 2, y + cell / 2 + 5, rank, size=15, fill=INK)
    side = WINDOW * cell
    c.box(left, top, side, side, fill="none", stroke=colour, radius=3, line=3)
