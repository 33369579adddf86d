"""Three ids of a map and the tokens of a picture: who sees whom, causally and to both sides."""

from canvas import BLUE, GREY, INK, ORANGE, Canvas

WORDS = {
    "en": {
        "causal": "causal",
        "full": "full inside the prefix",
        "map": "map: not counted",
        "picture": "picture: counted in the loss",
    },
    "zh": {
        "causal": "因果",
        "full": "前缀内部互相都看",
        "map": "图：不计入",
        "picture": "画：计入损失",
    },
}
P, T = 3, 4
CELL = 27
NAMES = [f"r{i}" for i in range(P)] + [f"s{i}" for i in range(T - 1)]
SUBSCRIPTS = "₀₁₂₃"


def draw(words) -> Canvas:
    """Two triangles; the second is filled where ids of the map see those behind them."""
    c = Canvas(625, 286)
    _mask(c, 74, words["causal"], full=False)
    _mask(c, 340, words["full"], full=True)
    c.box(74, 258, 14, 14, fill=ORANGE, stroke=ORANGE, radius=2)
    c.text(96, 270, words["map"], size=14, anchor="start")
    c.box(340, 258, 14, 14, fill=BLUE, stroke=BLUE, radius=2)
    c.text(362, 270, words["picture"], size=14, anchor="start")
    return c


def _mask(c: Canvas, left: int, title: str, *, full: bool) -> None:
    top, size = 62, len(NAMES)
    c.text(left + size * CELL / 2, 24, title, size=16, weight="bold")
    for i, name in enumerate(NAMES):
        colour = ORANGE if i < P else BLUE
        symbol = name[0] + SUBSCRIPTS[int(name[1])]
        c.text(left + (i + 0.5) * CELL, top - 9, symbol, size=14, fill=colour, weight="bold")
        c.text(left - 14, top + (i + 0.5) * CELL + 5, symbol, size=14, fill=colour, weight="bold")
        # What is to be said at this place: the next token, or nothing.
        said = f"s{SUBSCRIPTS[i - P + 1]}" if i >= P - 1 else "–"
        right = left + size * CELL
        ink = BLUE if i >= P - 1 else GREY
        c.arrow(right + 6, top + (i + 0.5) * CELL, right + 24, top + (i + 0.5) * CELL, stroke=GREY)
        c.text(right + 38, top + (i + 0.5) * CELL + 5, said, size=14, fill=ink, weight="bold")
    for i in range(size):
        for j in range(size):
            new = full and j > i and i < P and j < P
            sees = j <= i or new
            fill = "#ffffff" if not sees else ("#f0a878" if new else "#c9d8ea")
            c.box(
                left + j * CELL, top + i * CELL, CELL, CELL, fill=fill, stroke=INK, radius=0, line=1
            )
