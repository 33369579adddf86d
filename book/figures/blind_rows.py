"""A row of eight striped pixels, three changed copies of it, and the squared error of each."""

from canvas import BLUE, GREY, INK, ORANGE, Canvas

WORDS = {
    "en": {
        "rows": ("the row", "moved by one pixel", "right half blank", "all grey"),
        "verdict": "squared error",
        "nearest": "nearest",
        "farthest": "farthest",
    },
    "zh": {
        "rows": ("原来的一行", "平移一个像素", "右半边抹掉", "全部变灰"),
        "verdict": "平方误差",
        "nearest": "最近",
        "farthest": "最远",
    },
}
ROWS = ((1, -1) * 4, (-1, 1) * 4, (1, -1, 1, -1, 0, 0, 0, 0), (0,) * 8)
ERRORS = (None, 4.0, 0.5, 1.0)
SHADES = {1: "#ffffff", 0: "#9aa4b0", -1: "#1f2d3d"}
LEFT, CELL, TOP, STEP = 168, 32, 44, 52  # of the pixels, and from row to row
SCALE = 28  # pixels of a bar for an error of 1
BARS = LEFT + 8 * CELL + 18


def draw(words) -> Canvas:
    """Pixels in the middle, the error of each row as a bar at the right."""
    c = Canvas(625, TOP + 4 * STEP)
    c.text(BARS, 28, words["verdict"], anchor="start", fill=GREY)
    for number, (row, error) in enumerate(zip(ROWS, ERRORS, strict=True)):
        y = TOP + number * STEP
        c.text(LEFT - 12, y + 22, words["rows"][number], anchor="end")
        _pixels(c, y, row)
        if error is not None:
            _bar(c, y, error, words)
    return c


def _pixels(c: Canvas, y, row) -> None:
    for column, value in enumerate(row):
        x = LEFT + column * CELL
        c.box(x, y, CELL, CELL, fill=SHADES[value], stroke=GREY, radius=0, line=1)
        ink = "#ffffff" if value < 0 else INK
        sign = "−1" if value < 0 else str(value)
        c.text(x + CELL / 2, y + 21, sign, size=13, fill=ink)


def _bar(c: Canvas, y, error, words) -> None:
    extreme = {max(ERRORS[1:]): ("farthest", ORANGE), min(ERRORS[1:]): ("nearest", BLUE)}
    word, colour = extreme.get(error, ("", GREY))
    c.box(BARS, y + 8, error * SCALE, 16, fill=colour, stroke=colour, radius=2, line=1)
    c.text(BARS + error * SCALE + 6, y + 21, f"{error:g}", anchor="start", weight="bold")
    if word:
        x = BARS + (error * SCALE + 34 if error < 2 else 0)
        c.text(x, y + (21 if error < 2 else 42), words[word], size=14, fill=colour, anchor="start")
