"""Causal attention on three tokens: every number can be checked on paper."""

from math import exp

from canvas import BLUE, GREY, INK, LIGHT, ORANGE, Canvas

WORDS = {
    "en": {
        "steps": (
            ("scores", "q · k"),
            ("mask", "the future: −∞"),
            ("weights", "softmax of a row"),
            ("outputs", "means of v"),
        ),
    },
    "zh": {
        "steps": (
            ("分数", "q · k"),
            ("掩码", "未来：−∞"),
            ("权重", "逐行 softmax"),
            ("输出", "v 的加权平均"),
        ),
    },
}
Q = ((1, 0), (0, 1), (2, 1))
K = ((1, 0), (0, 1), (-1, 2))
V = ((10, 0), (0, 10), (10, 10))
CELL, TOP = 40, 118
SCORES, MASKED, WEIGHTS, OUTPUTS = 88, 242, 396, 582  # left edges; the last one a centre
INFINITE = "−∞"


def draw(words) -> Canvas:
    """Row t belongs to the query of token t, column j to key and value of token j."""
    c = Canvas(625, 262)
    scores = [[sum(a * b for a, b in zip(q, k, strict=True)) for k in K] for q in Q]
    masked = [
        [s if j <= t else INFINITE for j, s in enumerate(row)] for t, row in enumerate(scores)
    ]
    weights = [_softmax(row) for row in masked]
    _queries(c)
    _matrix(c, SCORES, [[_number(s) for s in row] for row in scores], K, "k")
    _matrix(c, MASKED, [[_number(s) for s in row] for row in masked])
    _matrix(
        c, WEIGHTS, [[f"{w:.2f}" if w else "0" for w in row] for row in weights], V, "v", weights
    )
    for t, row in enumerate(weights):
        y = [sum(w * v[i] for w, v in zip(row, V, strict=True)) for i in (0, 1)]
        c.text(OUTPUTS, _middle(t), f"({y[0]:.1f}, {y[1]:.1f})", size=15)
    for x, step in zip((148, 302, 456, OUTPUTS), words["steps"], strict=True):
        c.text(x, 24, step[0], size=16, weight="bold")
        c.text(x, 44, step[1], size=13, fill="#51606f")
    for left in (SCORES, MASKED, WEIGHTS):
        c.arrow(left + 3 * CELL + 6, TOP + 1.5 * CELL, left + 3 * CELL + 28, TOP + 1.5 * CELL)
    return c


def _queries(c: Canvas) -> None:
    c.text(50, TOP - 14, "q", size=16, fill=ORANGE, weight="bold")
    for t, (a, b) in enumerate(Q):
        c.text(16, _middle(t), t, size=14, fill=GREY)
        c.text(52, _middle(t), f"({a}, {b})", size=15, fill=ORANGE)


def _matrix(c: Canvas, left, cells, vectors=(), name="", weights=None) -> None:
    """Three rows of three cells; above each column its vector, as a column."""
    for j, vector in enumerate(vectors):
        x = left + (j + 0.5) * CELL
        for i, number in enumerate(vector):
            c.text(x, TOP - 34 + 20 * i, _number(number), size=15, fill=BLUE)
        for side in (-1, 1):
            c.line(x + 16 * side, TOP - 50, x + 16 * side, TOP - 9, stroke=BLUE, line=1.2)
    if name:
        c.text(left - 12, TOP - 24, name, size=16, fill=BLUE, weight="bold")
    for t, row in enumerate(cells):
        for j, cell in enumerate(row):
            hidden = j > t
            fill = _shade(weights[t][j]) if weights and not hidden else LIGHT
            fill = "#ffffff" if hidden and name != "k" else fill
            c.box(left + j * CELL, TOP + t * CELL, CELL, CELL, fill=fill, radius=0, line=1.2)
            ink = GREY if hidden and name != "k" else INK
            ink = "#ffffff" if weights and weights[t][j] > 0.6 else ink
            c.text(left + (j + 0.5) * CELL, _middle(t), cell, size=15, fill=ink)


def _middle(t) -> float:
    """Baseline of row t."""
    return TOP + (t + 0.5) * CELL + 5


def _number(value) -> str:
    return str(value).replace("-", "−")


def _softmax(row) -> list[float]:
    powers = [0.0 if s == INFINITE else exp(s) for s in row]
    return [p / sum(powers) for p in powers]


def _shade(weight) -> str:
    """From nearly white to blue."""
    low, high = (0xEE, 0xF2, 0xF6), (0x2F, 0x6D, 0xB5)
    return "#" + "".join(
        f"{round(a + (b - a) * weight):02x}" for a, b in zip(low, high, strict=True)
    )
