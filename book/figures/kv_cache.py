"""One step of sampling: without a cache everything again, with a cache one row."""

from canvas import BLUE, INK, LIGHT, ORANGE, Canvas

WORDS = {
    "en": {
        "without": "without a cache",
        "with": "with a cache",
        "now": "computed in this step",
        "kept": "kept from earlier steps",
    },
    "zh": {
        "without": "没有缓存",
        "with": "有缓存",
        "now": "这一步现算",
        "kept": "以前算好，留着",
    },
}
T = 5
CELL = 38
TOP = 112
LOWER = "₀₁₂₃₄"


def draw(words) -> Canvas:
    """Rows are queries, columns are keys and values; a cell is one dot product q · k."""
    c = Canvas(625, 374)
    _panel(c, 72, words["without"], cached=False)
    _panel(c, 388, words["with"], cached=True)
    c.line(312, 20, 312, 318, dashed=True)
    c.box(72, 338, 22, 22, fill=ORANGE, stroke=ORANGE, radius=3)
    c.text(102, 355, words["now"], size=15, anchor="start")
    c.box(388, 338, 22, 22, fill="#ffffff", stroke=BLUE, radius=3, line=2)
    c.text(418, 355, words["kept"], size=15, anchor="start")
    return c


def _panel(c: Canvas, left, title, cached) -> None:
    c.text(left + T * CELL / 2, 28, title, size=17, weight="bold")
    for j in range(T):
        now = not cached or j == T - 1
        for row, name in enumerate("kv"):
            _cell(c, left + j * CELL, TOP - 74 + row * 33, name + LOWER[j], now, height=29)
    for t in range(T):
        now = not cached or t == T - 1
        if now:
            _cell(c, left - 46, TOP + t * CELL, "q" + LOWER[t], now, height=CELL - 4)
        for j in range(t + 1):
            x, y = left + j * CELL, TOP + t * CELL
            if now:
                c.box(x, y, CELL - 4, CELL - 4, fill="#f9e3d3", stroke=ORANGE, radius=0)
                c.circle(x + CELL / 2 - 2, y + CELL / 2 - 2, 4, fill=ORANGE)
            else:
                c.box(x, y, CELL - 4, CELL - 4, fill=LIGHT, stroke=LIGHT, radius=0)
    pairs = T if cached else T * (T + 1) // 2
    c.text(left + T * CELL / 2, TOP + T * CELL + 19, f"{pairs} × q · k", size=15, fill=INK)


def _cell(c: Canvas, x, y, label, now, height) -> None:
    fill, stroke, ink = (ORANGE, ORANGE, "#ffffff") if now else ("#ffffff", BLUE, BLUE)
    c.box(x, y, CELL - 4, height, fill=fill, stroke=stroke, radius=3, line=1.8)
    c.text(x + CELL / 2 - 2, y + height / 2 + 5, label, size=15, fill=ink)
