"""The perceptual distance of two pictures, stage by stage: features, unit length, mean, sum."""

from canvas import BLUE, GREEN, GREY, INK, LIGHT, ORANGE, Canvas

WORDS = {
    "en": {
        "net": "one frozen network, both pictures",
        "stage": "stage",
        "position": "one position",
        "unit": "length 1",
        "square": "squared",
        "difference": "difference",
        "mean": "mean over positions",
        "sum": "sum over stages",
    },
    "zh": {
        "net": "同一个冻结的网络，两张图像都送进去",
        "stage": "第",
        "position": "一个位置",
        "unit": "长度变为 1",
        "square": "差的",
        "difference": "平方",
        "mean": "对位置取平均",
        "sum": "对各层求和",
    },
}
SIZES = (84, 62, 46, 34)  # side of the grid of each stage, as it is drawn
LEFTS = (76, 216, 338, 444)
TOPS = {"x": 72, "x̂": 194}
COLOURS = {"x": BLUE, "x̂": ORANGE}


def draw(words) -> Canvas:
    """Two rows of shrinking grids; below, what happens at one position of the second stage."""
    c = Canvas(625, 500)
    c.text(300, 24, words["net"], size=15, fill=GREY)
    for name, top in TOPS.items():
        middle = top + 42
        c.text(34, middle + 6, name, size=22, fill=COLOURS[name], weight="bold")
        c.arrow(52, middle, LEFTS[0] - 4, middle)
        for left, size, following in zip(LEFTS, SIZES, (*LEFTS[1:], 0), strict=True):
            _stack(c, left, middle - size / 2, size, COLOURS[name])
            if following:
                c.arrow(left + size + 14, middle, following - 4, middle)
    for number, (left, size) in enumerate(zip(LEFTS, SIZES, strict=True), start=1):
        c.text(left + size / 2 + 5, 50, f"f{'₁₂₃₄'[number - 1]}", size=17)
    _position(c, words)
    return c


def _stack(c: Canvas, left, top, size, colour) -> None:
    """Channels behind each other, the first as a grid."""
    for depth in (2, 1, 0):
        c.box(left + 5 * depth, top - 5 * depth, size, size, fill=LIGHT, stroke=colour, radius=2)
    for k in range(1, 4):
        c.line(left + k * size / 4, top, left + k * size / 4, top + size, line=0.8)
        c.line(left, top + k * size / 4, left + size, top + k * size / 4, line=0.8)


def _position(c: Canvas, words) -> None:
    left, size = LEFTS[1], SIZES[1]
    cell = size / 4
    for name, top in TOPS.items():
        y = top + 42 - size / 2 + 2 * cell
        c.box(left + cell, y, cell, cell, fill=COLOURS[name], stroke=COLOURS[name], radius=0)
    column = left + 1.5 * cell
    c.line(
        column,
        TOPS["x"] + 42 + size / 2 - cell,
        column,
        TOPS["x̂"] + 42 - size / 2 + 2 * cell,
        dashed=True,
        stroke=BLUE,
        line=1.8,
    )
    c.path(f"M{column:g} {TOPS['x̂'] + 42 + size / 2 - cell:g} V296 H98 V316", head=True)
    c.text(column + 8, 290, words["position"], size=14, anchor="start")
    _arrows(c, 98, 410, {"x": (26, -72), "x̂": (58, -30)})
    c.arrow(176, 380, 226, 380)
    c.text(201, 366, words["unit"], size=14)
    _unit_circle(c, 300, 410, words)
    c.arrow(404, 390, 438, 390)
    for line, word in enumerate(("mean", "sum")):
        top = 330 + 62 * line
        c.box(444, top, 170, 40, fill="#ffffff", stroke=GREEN)
        c.text(529, top + 26, words[word], size=15, fill=GREEN)
    c.arrow(529, 370, 529, 390, stroke=GREEN)
    c.arrow(529, 432, 529, 452, stroke=GREEN)
    c.text(529, 476, "d(x, x̂)", size=19, weight="bold")


def _arrows(c: Canvas, x, y, ends) -> None:
    for name, (dx, dy) in ends.items():
        c.arrow(x, y, x + dx, y + dy, stroke=COLOURS[name], line=2.4)
        c.text(x + dx + 12, y + dy + 4, name, size=16, fill=COLOURS[name])
    c.circle(x, y, 3)


def _unit_circle(c: Canvas, x, y, words) -> None:
    radius = 70
    c.path(f"M{x - 12} {y - radius + 1} A{radius} {radius} 0 0 1 {x + radius} {y}", stroke=GREY)
    tips = {}
    for name, (dx, dy) in {"x": (26, -72), "x̂": (58, -30)}.items():
        scale = radius / (dx * dx + dy * dy) ** 0.5
        tips[name] = (dx * scale, dy * scale)
    for name, (dx, dy) in tips.items():
        c.arrow(x, y, x + dx, y + dy, stroke=COLOURS[name], line=2.4)
    c.circle(x, y, 3)
    (ax, ay), (bx, by) = tips.values()
    c.line(x + ax, y + ay, x + bx, y + by, stroke=INK, line=3)
    c.text(x + 62, y - 66, words["square"], size=14, anchor="start")
    c.text(x + 62, y - 49, words["difference"], size=14, anchor="start")
