"""The whole system in one line: image → tokens → transformer → new tokens → image."""

from canvas import BLUE, GREEN, GREY, INK, LIGHT, ORANGE, Canvas

WORDS = {
    "en": {
        "stage_1": "Stage 1 · compress",
        "stage_2": "Stage 2 · generate",
        "image": "image x",
        "encoder": "encoder",
        "tokens": "tokens s",
        "decoder": "decoder",
        "reconstruction": "x̂",
        "codebook": "codebook",
        "gpt": "transformer",
        "new": "new tokens",
        "condition": "condition c",
        "sample": "new image",
        "training": "p(s | c), one token at a time",
    },
    "zh": {
        "stage_1": "第一阶段 · 压缩",
        "stage_2": "第二阶段 · 生成",
        "image": "图像 x",
        "encoder": "编码器",
        "tokens": "词元 s",
        "decoder": "解码器",
        "reconstruction": "x̂",
        "codebook": "码本",
        "gpt": "Transformer",
        "new": "新的词元",
        "condition": "约束 c",
        "sample": "新图像",
        "training": "p(s | c)，一次一个词元",
    },
}
REAL = ((3, 17, 42, 8), (3, 51, 29, 8), (12, 7, 29, 60), (3, 33, 58, 8))
NEW = ((3, 44, 42, 8), (21, 51, 8, 8), (12, 7, 35, 19), (3, 33, 58, 3))
# A seven and a two on 8×8 pixels, drawn for this picture.
SEVEN = (
    "........",
    ".#####..",
    ".....#..",
    "....#...",
    "...###..",
    "...#....",
    "..##....",
    "..#.....",
)
TWO = (
    "..###...",
    ".#...#..",
    ".....#..",
    "....#...",
    "...#....",
    "..#.....",
    ".#####..",
    "........",
)


def draw(words) -> Canvas:
    """Stage 1 above, stage 2 below."""
    c = Canvas(625, 330)
    _stage_1(c, words)
    _stage_2(c, words)
    return c


def _stage_1(c: Canvas, words) -> None:
    c.text(15, 28, words["stage_1"], anchor="start", weight="bold", fill=BLUE, size=17)
    _picture(c, 15, 45, SEVEN)
    c.text(55, 148, words["image"], size=16)
    c.arrow(99, 85, 125, 85)
    _module(c, 128, words["encoder"], y=60, colour=BLUE)
    c.arrow(226, 85, 287, 85)
    c.text(255, 74, words["codebook"], size=13, fill=GREY)
    c.grid(291, 45, 20, REAL, colour=_shade, size=13)
    c.text(331, 148, words["tokens"], size=16)
    c.arrow(375, 85, 401, 85)
    _module(c, 404, words["decoder"], y=60, colour=BLUE)
    c.arrow(502, 85, 526, 85)
    _picture(c, 530, 45, SEVEN)
    c.text(570, 148, words["reconstruction"], size=16)


def _stage_2(c: Canvas, words) -> None:
    c.line(15, 168, 610, 168, dashed=True)
    c.text(15, 198, words["stage_2"], anchor="start", weight="bold", fill=ORANGE, size=17)
    c.text(15, 258, words["condition"], anchor="start", fill=GREEN, size=16)
    c.arrow(108, 253, 140, 253)
    _module(c, 143, words["gpt"], y=228, colour=ORANGE, width=110)
    c.text(160, 306, words["training"], size=13, fill=GREY)
    c.arrow(257, 253, 287, 253)
    c.grid(291, 213, 20, NEW, colour=_shade, size=13)
    c.text(331, 316, words["new"], size=16)
    c.arrow(375, 253, 401, 253)
    _module(c, 404, words["decoder"], y=228, colour=BLUE)
    c.arrow(502, 253, 526, 253)
    _picture(c, 530, 213, TWO)
    c.text(570, 316, words["sample"], size=16)


def _module(c: Canvas, x, name, *, y, colour, width=95) -> None:
    c.box(x, y, width, 50, fill=LIGHT, stroke=colour, line=2)
    c.text(x + width / 2, y + 31, name, size=16)


def _picture(c: Canvas, x, y, rows) -> None:
    c.box(x, y, 80, 80, fill=INK, stroke=INK, radius=2)
    for i, row in enumerate(rows):
        for j, mark in enumerate(row):
            if mark == "#":
                c.box(x + 10 * j, y + 10 * i, 10, 10, fill="#ffffff", stroke="none", radius=0)


def _shade(value: int) -> str:
    hue = (value * 47) % 360  # codes have no order: neighbours in number are far in colour
    return f"hsl({hue} 60% 86%)"
