"""The shapes along a VQVAE: encoder above, codebook in the middle, decoder below."""

from canvas import BLUE, GREEN, GREY, INK, LIGHT, ORANGE, Canvas
from pipeline import REAL, SEVEN

WORDS = {
    "en": {
        "image": "image x",
        "raw": "1,024 × 8 bits = 8,192 bits",
        "encoder": "encoder: f = 8",
        "latents": "z",
        "vector": ("one position:", "16 numbers"),
        "codebook": "codebook: K = 64 codes, D = 16 numbers each",
        "nearest": "nearest",
        "tokens": "tokens s",
        "bits": "16 × 6 bits = 96 bits",
        "lookup": "look up",
        "decoder": "decoder",
        "reconstruction": "reconstruction x̂",
    },
    "zh": {
        "image": "图像 x",
        "raw": "1,024 × 8 比特 = 8,192 比特",
        "encoder": "编码器：f = 8",
        "latents": "z",
        "vector": ("一个位置：", "16 个数"),
        "codebook": "码本：K = 64 个嵌入向量，每个 D = 16 个数",
        "nearest": "最近邻",
        "tokens": "词元 s",
        "bits": "16 × 6 比特 = 96 比特",
        "lookup": "查表",
        "decoder": "解码器",
        "reconstruction": "重建 x̂",
    },
}
STAGES = (("48×16×16", 58), ("48×8×8", 42), ("48×4×4", 32))  # shape, pixels drawn
FOLLOWED = (0, 2)  # row and column of the position that the picture follows
ROWS = (("0", 0), ("1", 24), ("42", 60), ("63", 96))  # code, pixels below the first


def draw(words) -> Canvas:
    """An S: left to right, back through the codebook, left to right again."""
    c = Canvas(625, 480)
    _encoder(c, words)
    _codebook(c, words)
    _decoder(c, words)
    return c


def _encoder(c: Canvas, words) -> None:
    c.text(345, 24, words["encoder"], size=16, weight="bold", fill=BLUE)
    _digit(c, 20, 38)
    c.text(62, 142, "1×32×32", size=14)
    c.text(20, 24, words["image"], size=16, anchor="start")
    c.text(20, 162, words["raw"], size=13, fill=GREY, anchor="start")
    left = 165
    c.arrow(112, 80, left - 12, 80, stroke=BLUE)
    for shape, size in STAGES:
        _stack(c, left, 80, size)
        c.text(left + size / 2 + 4, 142, shape, size=14)
        c.arrow(left + size + 20, 80, left + size + 66, 80, stroke=BLUE)
        left += size + 78
    _latents(c, 540, 80, 48)
    c.text(564, 142, "16×4×4", size=14)
    c.text(564, 40, words["latents"], size=16)


def _codebook(c: Canvas, words) -> None:
    row, column = FOLLOWED
    c.path("M 570 150 L 570 196", stroke=ORANGE, head=True)
    for i in range(16):
        fill = _tint(42, i, off=7 * (i % 3) - 7)  # near the code, not equal to it
        c.box(564, 200 + 6 * i, 12, 6, fill=fill, stroke=ORANGE, radius=0, line=0.6)
    for i, line in enumerate(words["vector"]):
        c.text(570, 314 + 17 * i, line, size=13)
    c.arrow(556, 262, 482, 262, stroke=ORANGE)
    c.text(519, 253, words["nearest"], size=13, fill=ORANGE)
    c.text(345, 190, words["codebook"], size=14)
    for code, below in ROWS:
        top, chosen = 202 + below, code == "42"
        c.text(278, top + 13, code, size=14, anchor="end", weight="bold" if chosen else "normal")
        for i in range(16):
            fill = _tint(int(code), i)
            c.box(288 + 11.5 * i, top, 11.5, 16, fill=fill, stroke="#ffffff", radius=0, line=1)
        if chosen:
            c.box(286, top - 2, 188, 20, fill="none", stroke=ORANGE, radius=3, line=2)
    for y in (253, 289):
        c.text(380, y, "⋮", size=14)
    c.arrow(250, 262, 152, 262, stroke=ORANGE)
    c.grid(30, 208, 28, REAL, colour=lambda value: LIGHT, size=13)
    left, top = 30 + 28 * column, 208 + 28 * row
    c.box(left, top, 28, 28, fill="none", stroke=ORANGE, radius=3, line=2)
    c.text(86, 196, words["tokens"], size=16)
    c.text(162, 344, words["bits"], size=14, weight="bold", fill=GREEN, anchor="start")


def _decoder(c: Canvas, words) -> None:
    c.arrow(86, 324, 86, 374, stroke=ORANGE)
    c.text(96, 354, words["lookup"], size=13, anchor="start", fill=ORANGE)
    c.text(300, 372, words["decoder"], size=16, weight="bold", fill=BLUE)
    _latents(c, 62, 416, 48)
    c.text(86, 472, "16×4×4", size=14)
    c.text(40, 420, "z", size=16, anchor="end")
    c.text(41, 425, "q", size=13, anchor="start")
    left = 180
    c.arrow(128, 416, left - 12, 416, stroke=BLUE)
    for shape, size in reversed(STAGES):
        _stack(c, left, 416, size)
        c.text(left + size / 2 + 4, 472, shape, size=14)
        c.arrow(left + size + 20, 416, left + size + 50, 416, stroke=BLUE)
        left += size + 62
    _digit(c, 520, 372)
    c.text(562, 472, "1×32×32", size=14)
    c.text(610, 362, words["reconstruction"], size=16, anchor="end")


def _digit(c: Canvas, x, y) -> None:
    c.box(x, y, 84, 84, fill=INK, stroke=INK, radius=2)
    for i, row in enumerate(SEVEN):
        for j, mark in enumerate(row):
            if mark == "#":
                left, top = x + 10.5 * j, y + 10.5 * i
                c.box(left, top, 10.5, 10.5, fill="#ffffff", stroke="none", radius=0)


def _stack(c: Canvas, x, middle, size) -> None:
    for offset in (8, 4, 0):
        top = middle - size / 2 - offset
        c.box(x + offset, top, size, size, fill="#dce8f5", stroke=BLUE, radius=2, line=1.2)


def _latents(c: Canvas, x, middle, size) -> None:
    _stack(c, x, middle, size)
    cell, top = size / 4, middle - size / 2
    for k in (1, 2, 3):
        c.line(x + cell * k, top, x + cell * k, top + size, stroke=BLUE, line=0.8)
        c.line(x, top + cell * k, x + size, top + cell * k, stroke=BLUE, line=0.8)
    row, column = FOLLOWED
    c.box(x + cell * column, top + cell * row, cell, cell, fill=ORANGE, stroke=ORANGE, radius=0)


def _tint(code: int, i: int, off: int = 0) -> str:
    """A shade for number i of a code: a fixed pattern, another one for each code."""
    lightness = 45 + (code * 31 + i * i * (17 + code % 5) + i * 29) % 50 + off
    return f"hsl(215 25% {lightness}%)"
