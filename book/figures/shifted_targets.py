"""What a GPT reads and what it has to predict: the same tokens, one place apart."""

from canvas import BLUE, GREEN, GREY, INK, LIGHT, ORANGE, Canvas

WORDS = {
    "en": {"reads": "reads", "predicts": "predicts", "position": "position", "class": "class 1"},
    "zh": {"reads": "读入", "predicts": "预测", "position": "位置", "class": "类别 1"},
}
# The tokens of the first held-out digit.
TOKENS = (29, 12, 51, 26, 52, 59, 51, 26, 9, 31, 54, 63, 9, 53, 21, 53)
SHOWN = (0, 1, 2, 3, None, 14, 15)  # positions; None is a gap
LEFT, STEP, CELL = 110, 72, 48
TARGETS, INPUTS = 34, 196


def draw(words) -> Canvas:
    """Below what is read, above what comes next; dashed lines join a token to itself."""
    c = Canvas(625, 300)
    c.text(14, TARGETS + 30, words["predicts"], size=16, fill=GREEN, anchor="start")
    c.text(14, INPUTS + 30, words["reads"], size=16, fill=BLUE, anchor="start")
    c.text(14, 286, words["position"], size=14, fill=GREY, anchor="start")
    c.box(LEFT - 14, 122, 6 * STEP + CELL + 28, 40, fill=LIGHT)
    c.text(LEFT + 3 * STEP + CELL / 2, 148, "GPT", size=17, weight="bold")
    for column, position in enumerate(SHOWN):
        _column(c, LEFT + column * STEP, position)
    for column in (0, 1, 2, 5):  # the token that is predicted here is read at the next position
        x, y = LEFT + column * STEP + CELL + 2, TARGETS + CELL - 4
        c.line(x, y, x + STEP - CELL - 2, INPUTS, stroke=ORANGE, dashed=True, line=1.6)
    c.text(LEFT + CELL / 2, INPUTS + CELL + 18, words["class"], size=13, fill=INK)
    return c


def _column(c: Canvas, x, position) -> None:
    middle = x + CELL / 2
    if position is None:
        for y in (TARGETS, INPUTS):
            c.text(middle, y + 30, "…", size=20, fill=GREY)
        return
    c.box(x, TARGETS, CELL, CELL, fill="#ffffff", stroke=GREEN, line=2)
    c.text(middle, TARGETS + 21, f"s{_lower(position)}", size=13, fill=GREEN)
    c.text(middle, TARGETS + 40, TOKENS[position], size=16)
    c.arrow(middle, 122, middle, TARGETS + CELL + 3, stroke=GREEN)
    c.box(x, INPUTS, CELL, CELL, fill="#ffffff", stroke=BLUE, line=2)
    name, value = ("c", 1) if position == 0 else (f"s{_lower(position - 1)}", TOKENS[position - 1])
    c.text(middle, INPUTS + 21, name, size=13, fill=BLUE)
    c.text(middle, INPUTS + 40, value, size=16)
    c.arrow(middle, INPUTS - 2, middle, 165, stroke=BLUE)
    c.text(middle, 286, position, size=14, fill=GREY)


def _lower(number) -> str:
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
