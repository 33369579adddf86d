"""The gated PixelCNN: what each of its two stacks sees, and one layer of both."""

from canvas import BLUE, GREEN, GREY, INK, LIGHT, ORANGE, Canvas

WORDS = {
    "en": {
        "vertical": "vertical stack",
        "horizontal": "horizontal stack",
        "rows": "all rows above",
        "row": "its own row, to the left",
        "window": "window: rows down to its own",
        "left": "window: to the left",
        "gate": "tanh · σ",
    },
    "zh": {
        "vertical": "竖直栈",
        "horizontal": "水平栈",
        "rows": "上方所有的行",
        "row": "本行左边",
        "window": "窗口：到本行为止",
        "left": "窗口：本行左侧",
        "gate": "tanh · σ",
    },
}
V, H = 158, 452  # the middles of the two columns
ROW, COLUMN = 2, 2
PALE_BLUE, PALE_GREEN = "#bfd6ef", "#cfe6d6"


def draw(words) -> Canvas:
    """Left column: the vertical stack; right column: the horizontal one, which is told."""
    c = Canvas(625, 516)
    c.text(V, 28, words["vertical"], size=17, weight="bold", fill=BLUE)
    c.text(H, 28, words["horizontal"], size=17, weight="bold", fill=GREEN)
    _field(c, V - 60, 42, vertical=True)
    _field(c, H - 60, 42, vertical=False)
    c.text(V, 184, words["rows"], size=14)
    c.text(H, 184, words["row"], size=14)
    _columns(c, words)
    return c


def _field(c: Canvas, x, y, *, vertical) -> None:
    for i in range(5):
        for j in range(5):
            above, left = i < ROW, i == ROW and j < COLUMN
            fill, mark = "#ffffff", ""
            if vertical and above:
                fill, mark = PALE_BLUE, "v"
            if not vertical and left:
                fill, mark = PALE_GREEN, "h"
            here = (i, j) == (ROW, COLUMN)
            stroke, line = (ORANGE, 3.5) if here else (GREY, 0.8)
            c.box(x + 24 * j, y + 24 * i, 23, 23, fill=fill, stroke=stroke, radius=2, line=line)
            c.text(x + 24 * j + 11.5, y + 24 * i + 16, "?" if here else mark, size=13)


def _columns(c: Canvas, words) -> None:
    for x, name, colour in ((V, "v", BLUE), (H, "h", GREEN)):
        c.text(x, 216, name, size=19, weight="bold", fill=colour)
        c.arrow(x, 224, x, 244)
    _part(c, V, 246, words["window"], BLUE, width=232)
    _part(c, H, 246, words["left"], GREEN, width=180)
    c.arrow(V, 278, V, 364)
    c.arrow(H, 278, H, 306)
    c.circle(H, 320, 13, fill="#ffffff", stroke=INK)
    c.text(H, 326, "+", size=18)
    c.line(V, 320, 262, 320, stroke=INK, line=1.8)
    c.box(262, 304, 64, 32, fill="#ffffff")
    c.text(294, 325, "1×1", size=15)
    c.arrow(326, 320, H - 15, 320)
    c.arrow(H, 334, H, 364)
    for x, colour in ((V, BLUE), (H, GREEN)):
        _part(c, x, 366, words["gate"], colour, width=120)
    c.arrow(V, 398, V, 466)
    c.text(V, 486, "v′", size=19, weight="bold", fill=BLUE)
    _residual(c)


def _residual(c: Canvas) -> None:
    """The horizontal stack adds what its gate lets through to what it had."""
    c.arrow(H, 398, H, 416)
    c.box(H - 32, 418, 64, 32, fill="#ffffff")
    c.text(H, 439, "1×1", size=15)
    c.arrow(H, 450, H, 467)
    c.circle(H, 480, 12, fill="#ffffff", stroke=INK)
    c.text(H, 486, "+", size=18)
    c.path(f"M{H + 12} 212 H596 V480 H{H + 15}", stroke=INK, head=True)
    c.arrow(H - 13, 480, H - 42, 480)
    c.text(H - 56, 486, "h′", size=19, weight="bold", fill=GREEN)


def _part(c: Canvas, x, y, words, colour, *, width) -> None:
    c.box(x - width / 2, y, width, 32, fill=LIGHT, stroke=colour)
    c.text(x, y + 21, words, size=14)
