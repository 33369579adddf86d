"""A caption as a prefix: words, their ids, one that fills up, and the tokens behind them."""

from canvas import BLUE, GREY, INK, ORANGE, Canvas

WORDS = {
    "en": {
        "caption": "caption",
        "read": "read",
        "said": "said",
        "given": "given: nothing to be said",
        "padding": "padding",
        "picture": "the picture",
    },
    "zh": {
        "caption": "标题",
        "read": "读入",
        "said": "要说",
        "given": "给定的，什么都不用说",
        "padding": "填充",
        "picture": "图像",
    },
}
CAPTION = (("a", 1), ("lake", 4), ("at", 2), ("dusk", 3), (None, 0))
TOKENS = (212, 40, 40, 97)
LEFT, STEP, CELL = 76, 60, 50
TOP, MIDDLE, BOTTOM = 24, 84, 168
PALE_BLUE, PALE_ORANGE = "#dbe8f6", "#f8e3d2"


def draw(words) -> Canvas:
    """Above the words, in the middle what is read, below what has to be said."""
    c = Canvas(625, 262)
    for y, name in ((TOP, "caption"), (MIDDLE, "read"), (BOTTOM, "said")):
        c.text(14, y + 31, words[name], size=15, fill=GREY, anchor="start")
    for place, (word, number) in enumerate(CAPTION):
        x = LEFT + place * STEP
        fill = INK if word else GREY
        c.text(x + CELL / 2, TOP + 31, word or words["padding"], size=15, fill=fill)
        c.arrow(x + CELL / 2, TOP + 38, x + CELL / 2, MIDDLE - 3, stroke=ORANGE)
        c.box(x, MIDDLE, CELL, CELL, fill=PALE_ORANGE, stroke=ORANGE, line=1.6)
        c.text(x + CELL / 2, MIDDLE + 31, number, size=17)
    first = len(CAPTION) - 1
    for place, token in enumerate(TOKENS):
        x = LEFT + (first + place) * STEP
        if place:
            _token(c, x, MIDDLE, TOKENS[place - 1])
        _token(c, x, BOTTOM, token)
        c.arrow(x + CELL / 2, MIDDLE + CELL + 2, x + CELL / 2, BOTTOM - 3, stroke=BLUE)
    end = LEFT + (first + len(TOKENS)) * STEP
    for y in (MIDDLE, BOTTOM):
        c.text(end + 4, y + 31, "…", size=20, fill=GREY)
    c.text(LEFT + 2 * STEP - 5, BOTTOM + 31, words["given"], size=14, fill=GREY)
    c.text(LEFT + (first + 2) * STEP - 5, BOTTOM + 78, words["picture"], size=15, fill=BLUE)
    return c


def _token(c: Canvas, x, y, token) -> None:
    c.box(x, y, CELL, CELL, fill=PALE_BLUE, stroke=BLUE, line=1.6)
    c.text(x + CELL / 2, y + 31, token, size=16)
