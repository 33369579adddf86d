"""The chain rule on a grid of 2 × 2 tokens: two orders, other fractions, the same product."""

from canvas import BLUE, GREY, INK, LIGHT, ORANGE, Canvas

WORDS = {
    "en": {
        "all": "All pictures that occur, and how often",
        "raster": "raster order",
        "backwards": "backwards",
        "arrow": "above an arrow: the probability of the next token, given those already written",
        "below": "below a grid: the probability of everything written so far",
    },
    "zh": {
        "all": "会出现的全部图像，以及各自的概率",
        "raster": "光栅扫描顺序",
        "backwards": "倒着写",
        "arrow": "箭头上方：已知前面写下的词元，下一个词元的概率",
        "below": "网格下方：到此为止写下的全部词元，一起出现的概率",
    },
}
PICTURES = (("10", "10", "3/8"), ("01", "01", "2/8"), ("11", "00", "2/8"), ("11", "11", "1/8"))
ROADS = {  # states, p(next | before) and p(so far)
    "raster": (
        ("????", "1???", "10??", "101?", "1010"),
        ("6/8", "3/6", "3/3", "3/3"),
        ("8/8", "6/8", "3/8", "3/8", "3/8"),
    ),
    "backwards": (
        ("????", "???0", "??10", "?010", "1010"),
        ("5/8", "3/5", "3/3", "3/3"),
        ("8/8", "5/8", "3/8", "3/8", "3/8"),
    ),
}
CELL = 27
STEP = 126  # from one state to the next


def draw(words) -> Canvas:
    """Four pictures in a row, then one lane for each order."""
    c = Canvas(625, 470)
    c.text(16, 28, words["all"], size=16, anchor="start", weight="bold")
    for number, (upper, lower, share) in enumerate(PICTURES):
        left = 34 + 150 * number
        _grid(c, left, 44, upper + lower)
        c.text(left + 72, 44 + CELL + 6, share, size=17, anchor="start")
    for road, top, colour in (("raster", 130, BLUE), ("backwards", 270, ORANGE)):
        c.line(16, top - 10, 609, top - 10, dashed=True)
        c.text(16, top + 14, words[road], size=16, fill=colour, anchor="start", weight="bold")
        _lane(c, top + 34, colour, *ROADS[road])
    c.text(16, 428, words["arrow"], size=14, anchor="start")
    c.text(16, 452, words["below"], size=14, anchor="start")
    return c


def _lane(c: Canvas, top, colour, states, conditionals, so_far) -> None:
    for number, (state, share) in enumerate(zip(states, so_far, strict=True)):
        left = 34 + STEP * number
        new = None if number == 0 else _changed(states[number - 1], state)
        _grid(c, left, top, state, new=new, colour=colour)
        c.text(left + CELL, top + 2 * CELL + 20, share, size=15)
    for number, share in enumerate(conditionals):
        left, middle = 34 + STEP * number + 2 * CELL, top + CELL
        c.arrow(left + 8, middle, left + STEP - 2 * CELL - 8, middle, stroke=colour)
        c.text(left + (STEP - 2 * CELL) / 2, middle - 10, share, size=17, fill=colour)


def _changed(before, after) -> int:
    return next(i for i in range(4) if before[i] != after[i])


def _grid(c: Canvas, left, top, state, *, new=None, colour=INK) -> None:
    looks = {"1": (INK, "#ffffff"), "0": ("#ffffff", INK), "?": (LIGHT, GREY)}
    for i, symbol in enumerate(state):
        fill, ink = looks[symbol]
        x, y = left + i % 2 * CELL, top + i // 2 * CELL
        c.box(x, y, CELL, CELL, fill=fill, stroke=GREY, radius=0, line=1)
        c.text(x + CELL / 2, y + CELL / 2 + 5, symbol, size=15, fill=ink)
    if new is not None:
        x, y = left + new % 2 * CELL, top + new // 2 * CELL
        c.box(x - 1, y - 1, CELL + 2, CELL + 2, fill="none", stroke=colour, radius=2, line=3.5)
