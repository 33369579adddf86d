"""A GPT from left to right, and below it one of its blocks, enlarged."""

from canvas import BLUE, GREEN, GREY, INK, LIGHT, ORANGE, Canvas

WORDS = {
    "en": {
        "embed": ("embedding", "+ position"),
        "block": "block",
        "norm": "norm",
        "head": "linear",
        "logits": ("logits", "(B, S, K)"),
        "attention": "attention",
        "mlp": "MLP",
        "between": ("the only step", "between positions"),
        "alone": ("each position", "by itself"),
    },
    "zh": {
        "embed": ("嵌入", "+ 位置"),
        "block": "块",
        "norm": "归一化",
        "head": "线性层",
        "logits": ("logits", "(B, S, K)"),
        "attention": "注意力",
        "mlp": "MLP",
        "between": ("只有这一步", "跨越位置"),
        "alone": ("每个位置", "各算各的"),
    },
}


def draw(words) -> Canvas:
    """Circles with a plus are the residual connections."""
    c = Canvas(625, 296)
    _model(c, words)
    c.line(196, 78, 24, 128, dashed=True)
    c.line(250, 78, 601, 128, dashed=True)
    _block(c, words)
    return c


def _model(c: Canvas, words) -> None:
    y = 54
    c.text(36, y - 4, "c, s₀, …", size=15)
    c.text(36, y + 16, "(B, S)", size=13, fill=GREY)
    c.arrow(68, y, 80, y)
    _part(c, 82, 94, words["embed"], y)
    c.arrow(176, y, 193, y)
    for shift in (16, 8, 0):
        c.box(196 + shift, y - 24 - shift / 2, 54, 48, fill=LIGHT)
    c.text(223, y + 5, words["block"], size=15)
    c.text(284, y - 22, "× L", size=15)
    c.arrow(266, y, 304, y)
    _part(c, 306, 70, (words["norm"],), y)
    c.arrow(376, y, 394, y)
    _part(c, 396, 76, (words["head"],), y)
    c.arrow(472, y, 492, y)
    c.text(542, y - 4, words["logits"][0], size=15)
    c.text(542, y + 16, words["logits"][1], size=13, fill=GREY)


def _block(c: Canvas, words) -> None:
    y = 212
    c.box(24, 128, 577, 156, fill="#ffffff", stroke=GREY)
    c.text(60, y - 4, "x", size=16)
    c.text(60, y + 16, "(B, S, C)", size=13, fill=GREY)
    c.line(92, y, 106, y, stroke=INK, line=1.8)
    for left, name, notes, colour in (
        (104, words["attention"], words["between"], ORANGE),
        (336, words["mlp"], words["alone"], GREEN),
    ):
        c.path(
            f"M{left - 4} {y} V168 Q{left - 4} 158 {left + 6} 158 H{left + 186} "
            f"Q{left + 196} 158 {left + 196} 168 V{y - 14}",
            stroke=BLUE,
            head=True,
        )
        c.arrow(left - 4, y, left + 10, y)
        _part(c, left + 12, 62, (words["norm"],), y)
        c.arrow(left + 74, y, left + 88, y)
        _part(c, left + 90, 82, (name,), y, colour)
        c.arrow(left + 172, y, left + 183, y)
        c.circle(left + 196, y, 12, fill="#ffffff", stroke=BLUE, line=2)
        c.text(left + 196, y + 6, "+", size=18, fill=BLUE, weight="bold")
        for row, note in enumerate(notes):
            c.text(left + 131, y + 44 + 17 * row, note, size=13, fill=colour)
    c.line(312, y, 332, y, stroke=INK, line=1.8)
    c.arrow(544, y, 574, y)
    c.text(586, y + 5, "x", size=16)


def _part(c: Canvas, left, width, lines, y, colour=INK) -> None:
    c.box(left, y - 24, width, 48, fill=LIGHT, stroke=colour)
    for row, line in enumerate(lines):
        c.text(left + width / 2, y + 5 + 18 * row - 9 * (len(lines) - 1), line, size=15)
