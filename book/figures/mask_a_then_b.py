"""A row of tokens under three masked layers: mask A first, then mask B, and what one logit sees."""

from canvas import BLUE, GREY, INK, LIGHT, ORANGE, Canvas

WORDS = {
    "en": {
        "tokens": "tokens",
        "first": "layer 1 · mask A",
        "second": "layer 2 · mask B",
        "third": "layer 3 · mask B",
        "logits": "logits for s₃",
        "hides": "hides its own place",
        "shows": "shows it",
    },
    "zh": {
        "tokens": "词元",
        "first": "第 1 层 · 掩码 A",
        "second": "第 2 层 · 掩码 B",
        "third": "第 3 层 · 掩码 B",
        "logits": "s₃ 的 logits",
        "hides": "遮住自己的位置",
        "shows": "露出自己的位置",
    },
}
ROWS = {"third": 60, "second": 150, "first": 240, "tokens": 330}
X, STEP, RADIUS = 184, 60, 17
TARGET = 3
PALE = "#fbe5d6"


def draw(words) -> Canvas:
    """Thick lines lead from the chosen logits down to every token that they see."""
    c = Canvas(625, 372)
    levels = [ROWS[name] for name in ("tokens", "first", "second", "third")]
    seen = {3: {TARGET}, 2: {2, 3}, 1: {1, 2, 3}, 0: {0, 1, 2}}
    for level in (1, 2, 3):
        for j in range(5):
            for k in (j - 1,) if level == 1 else (j - 1, j):
                if k >= 0:
                    bold = j in seen[level] and k in seen[level - 1]
                    _edge(c, (k, levels[level - 1]), (j, levels[level]), bold)
    for level, y in enumerate(levels):
        for j in range(5):
            bold = j in seen[level]
            fill, stroke = (PALE, ORANGE) if bold else (LIGHT, GREY)
            line = 3 if bold else 1.2
            c.circle(X + j * STEP, y, RADIUS, fill=fill, stroke=stroke, line=line)
            if level == 0:
                c.text(X + j * STEP, y + 6, "s" + "₀₁₂₃₄"[j], size=16)
    for name, y in ROWS.items():
        c.text(16, y + 5, words[name], size=15, anchor="start")
    c.text(X + TARGET * STEP, 28, words["logits"], size=15, fill=ORANGE, weight="bold")
    _kernel(c, 484, ROWS["second"] - 12, (1, 1, 0), words["shows"])
    _kernel(c, 484, ROWS["first"] - 12, (1, 0, 0), words["hides"])
    return c


def _edge(c: Canvas, start, end, bold) -> None:
    (k, y1), (j, y2) = start, end
    colour, line = (ORANGE, 3) if bold else ("#c9d2dc", 1.2)
    x1, x2 = X + k * STEP, X + j * STEP
    c.line(x1, y1 - RADIUS, x2, y2 + RADIUS, stroke=colour, line=line)


def _kernel(c: Canvas, x, y, values, words) -> None:
    for n, value in enumerate(values):
        c.box(x + 32 * n, y, 30, 26, fill="#dce8f6" if value else "#ffffff", stroke=BLUE, radius=3)
        c.text(x + 32 * n + 15, y + 18, value, size=15, fill=INK if value else GREY)
    c.text(x + 47, y + 46, words, size=13)
