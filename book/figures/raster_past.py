"""What a token may see: a grid of tokens in raster order, with the one that is drawn now."""

from canvas import BLUE, GREY, INK, ORANGE, Canvas

WORDS = {
    "en": {
        "past": "known: may be seen",
        "now": "drawn now",
        "future": "comes later: must not be seen",
        "factor": "one factor of the product:",
    },
    "zh": {
        "past": "已知：可以看",
        "now": "正在画",
        "future": "还没有：不许看",
        "factor": "乘积里的一个因子：",
    },
}
CELL = 58
LEFT, TOP = 24, 24
NOW = 9
PALE = "#dce8f6"


def draw(words) -> Canvas:
    """Filled cells are known, the thick one is drawn now, the dashed ones come later."""
    c = Canvas(625, 280)
    for i in range(16):
        row, column = divmod(i, 4)
        _cell(c, LEFT + column * CELL, TOP + row * CELL, i)
    x = LEFT + 4 * CELL + 44
    for y, i, key in ((44, 0, "past"), (104, NOW, "now"), (164, 15, "future")):
        _cell(c, x, y - 20, i, size=32, label=False)
        c.text(x + 46, y + 2, words[key], size=16, anchor="start")
    c.text(x, 224, words["factor"], size=15, anchor="start")
    c.text(x, 250, "p( s₉ | s₀, s₁, …, s₈ )", size=18, anchor="start")
    return c


def _cell(c: Canvas, x, y, i, *, size=CELL - 6, label=True) -> None:
    ink = INK
    if i < NOW:
        c.box(x, y, size, size, fill=PALE, stroke=BLUE, radius=4)
    elif i == NOW:
        c.box(x, y, size, size, fill="#ffffff", stroke=ORANGE, radius=4, line=4)
    else:
        ink = GREY
        side = size - 8
        corner = f"M{x + 4} {y} h{side} q4 0 4 4 v{side} q0 4 -4 4 h-{side} q-4 0 -4 -4 v-{side} "
        c.path(corner + "q0 -4 4 -4", stroke=GREY, line=1.4, dashed=True)
    if label:
        digits = "".join("₀₁₂₃₄₅₆₇₈₉"[int(d)] for d in str(i))
        c.text(x + size / 2, y + size / 2 + 6, f"s{digits}", size=18, fill=ink)
