"""The seven orders of `vqlib.generate.order` on a grid of 8 × 8: where the pen goes."""

from itertools import pairwise

from canvas import GREY, INK, ORANGE, Canvas
from vqlib.generate.order import Order

WORDS = {
    "en": {
        "names": (
            "raster",
            "alternate",
            "z-curve",
            "spiral in",
            "spiral out",
            "subsample",
            "random",
        ),
        "first": "first token",
        "last": "last token",
        "early": "dark cells:",
        "written": "written early",
        "jump": "thin line: a jump",
    },
    "zh": {
        "names": ("光栅扫描", "往返", "Z 曲线", "向内螺旋", "向外螺旋", "隔点抽取", "随机"),
        "first": "第一个词元",
        "last": "最后一个词元",
        "early": "深色的格：",
        "written": "写得早",
        "jump": "细线：跳过去",
    },
}
ORDERS = ("raster", "alternate", "z_curve", "spiral_in", "spiral_out", "subsample", "random")
N, CELL = 8, 17
SIDE = N * CELL
EARLY, LATE = (138, 174, 217), (255, 255, 255)


def draw(words) -> Canvas:
    """Seven grids in two rows, numbered; the eighth place explains the marks."""
    c = Canvas(625, 372)
    for number, name in enumerate(ORDERS):
        left, top = 12 + 155 * (number % 4), 34 + 176 * (number // 4)
        c.text(left, top - 10, f"{number + 1}  {words['names'][number]}", size=15, anchor="start")
        _grid(c, left, top, Order(name).permutation(N, N).tolist())
    _legend(c, 12 + 155 * 3, 34 + 176, words)
    return c


def _grid(c: Canvas, left, top, order) -> None:
    for t, cell in enumerate(order):
        share = t / (len(order) - 1)
        x, y = left + cell % N * CELL, top + cell // N * CELL
        c.box(x, y, CELL, CELL, fill=_shade(share), stroke="none", radius=0)
    c.box(left, top, SIDE, SIDE, fill="none", stroke=GREY, radius=0, line=1)
    centres = [(left + (i % N + 0.5) * CELL, top + (i // N + 0.5) * CELL) for i in order]
    for a, b in pairwise(centres):
        jump = abs(a[0] - b[0]) + abs(a[1] - b[1]) > CELL
        if jump:
            c.line(*a, *b, stroke=GREY, line=0.6)
        else:
            c.line(*a, *b, stroke=INK, line=1.6)
    _first(c, *centres[0])
    _last(c, *centres[-1])


def _shade(share) -> str:
    r, g, b = (round(a + share * (z - a)) for a, z in zip(EARLY, LATE, strict=True))
    return f"#{r:02x}{g:02x}{b:02x}"


def _first(c: Canvas, x, y) -> None:
    c.circle(x, y, 5, fill=ORANGE, stroke="#ffffff", line=1)


def _last(c: Canvas, x, y) -> None:
    c.box(x - 5, y - 5, 10, 10, fill=INK, stroke="#ffffff", radius=0, line=1)


def _legend(c: Canvas, left, top, words) -> None:
    _first(c, left + 8, top + 14)
    c.text(left + 24, top + 19, words["first"], size=14, anchor="start")
    _last(c, left + 8, top + 42)
    c.text(left + 24, top + 47, words["last"], size=14, anchor="start")
    c.box(left, top + 64, 16, 16, fill=_shade(0), stroke=GREY, radius=0, line=1)
    c.text(left + 24, top + 77, words["early"], size=14, anchor="start")
    c.text(left + 24, top + 95, words["written"], size=14, anchor="start")
    c.line(left, top + 118, left + 16, top + 118, stroke=GREY, line=0.8)
    c.text(left + 24, top + 123, words["jump"], size=14, anchor="start")
