"""The same four tokens asked of an encoder with a decoder, and of a single stack."""

from canvas import BLUE, GREY, INK, LIGHT, ORANGE, Canvas

WORDS = {
    "en": {
        "two": "Encoder and decoder",
        "one": "Decoder-only",
        "encoder": "encoder",
        "decoder": "decoder",
        "gpt": "one stack",
        "both": "sees to both sides",
        "causal": "causal",
        "cross": ("cross-", "attention"),
        "read": "read",
        "predicted": "predicted",
        "start": "start",
    },
    "zh": {
        "two": "编码器加解码器",
        "one": "仅解码器",
        "encoder": "编码器",
        "decoder": "解码器",
        "gpt": "一摞块",
        "both": "两边都看",
        "causal": "因果",
        "cross": ("交叉", "注意力"),
        "read": "读入",
        "predicted": "预测",
        "start": "起始",
    },
}
TOKENS = ("5", "1", "7", "2")
CELL = 44
FIRST = 360  # left edge of the first token of the upper half


def draw(words) -> Canvas:
    """Above two networks, below one; orange is the condition, blue the picture."""
    c = Canvas(625, 408)
    _two(c, words)
    c.line(16, 206, 609, 206, dashed=True)
    _one(c, words)
    return c


def _two(c: Canvas, words) -> None:
    c.text(16, 28, words["two"], size=16, anchor="start", weight="bold")
    _stack(c, 100, 84, 120, words["encoder"], words["both"], ORANGE)
    _cell(c, 138, 156, "7", ORANGE)
    c.arrow(160, 154, 160, 130)
    c.arrow(222, 106, FIRST - 18, 106, stroke=ORANGE)
    for row, line in enumerate(words["cross"]):
        c.text(281, 80 + 17 * row, line, size=14, fill=ORANGE)
    _stack(c, FIRST - 16, 84, 4 * CELL + 32, words["decoder"], words["causal"], BLUE)
    _rows(c, words, FIRST, (words["start"], *TOKENS[:3]), 156, first=GREY)


def _one(c: Canvas, words) -> None:
    c.text(16, 236, words["one"], size=16, anchor="start", weight="bold")
    _stack(c, FIRST - 16, 292, 4 * CELL + 32, words["gpt"], words["causal"], INK)
    _rows(c, words, FIRST, ("7", *TOKENS[:3]), 364, first=ORANGE)


def _rows(c: Canvas, words, left, read, top, *, first) -> None:
    """What is read below the stack, what is predicted above it."""
    for i, (below, above) in enumerate(zip(read, TOKENS, strict=True)):
        x = left + i * CELL
        _cell(c, x, top, below, first if i == 0 else BLUE)
        _cell(c, x, top - 124, above, BLUE)
        c.arrow(x + CELL / 2, top - 2, x + CELL / 2, top - 26)
        c.arrow(x + CELL / 2, top - 73, x + CELL / 2, top - 94)
    c.text(left + 4 * CELL + 12, top + 20, words["read"], size=13, fill=GREY, anchor="start")
    c.text(left + 4 * CELL + 12, top - 104, words["predicted"], size=13, fill=GREY, anchor="start")


def _stack(c: Canvas, left, top, width, name, note, colour) -> None:
    c.box(left, top, width, 44, fill=LIGHT, stroke=colour, line=2)
    c.text(left + width / 2, top + 19, name, size=15)
    c.text(left + width / 2, top + 36, note, size=13, fill=GREY)


def _cell(c: Canvas, left, top, symbol, colour) -> None:
    c.box(left + 3, top, CELL - 6, 28, fill="#ffffff", stroke=colour, radius=4, line=2)
    size = 15 if len(symbol) < 3 else 13
    c.text(left + CELL / 2, top + 19, symbol, size=size, fill=colour, weight="bold")
