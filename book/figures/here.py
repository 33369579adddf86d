"""The whole system in one strip, with the part lit that a chapter is about."""

from canvas import BLUE, GREEN, GREY, INK, LIGHT, ORANGE, Canvas

WORDS = {
    "en": {
        "image": "image x",
        "encoder": "encoder",
        "codebook": "codebook",
        "tokens": "tokens s",
        "decoder": "decoder",
        "reconstruction": "x̂",
        "perceptual": "perceptual loss",
        "critic": "critic",
        "condition": "condition c",
        "order": "order",
        "prior": "prior p(s | c)",
        "sampling": "sampling",
        "stage_1": "compress",
        "stage_2": "generate",
    },
    "zh": {
        "image": "图像 x",
        "encoder": "编码器",
        "codebook": "码本",
        "tokens": "词元 s",
        "decoder": "解码器",
        "reconstruction": "x̂",
        "perceptual": "感知损失",
        "critic": "判别器",
        "condition": "约束 c",
        "order": "顺序",
        "prior": "先验 p(s | c)",
        "sampling": "采样",
        "stage_1": "压缩",
        "stage_2": "生成",
    },
}
# The parts that each chapter lights.
VARIANTS = {
    "02": ("codebook", "tokens"),
    "03": ("encoder", "codebook"),
    "04": ("encoder", "codebook", "tokens", "decoder"),
    "05": ("codebook",),
    "06": ("prior", "sampling"),
    "07": ("perceptual",),
    "08": ("critic",),
    "09": ("encoder", "codebook", "decoder", "perceptual", "critic"),
    "10": ("order",),
    "11": ("prior",),
    "12": ("sampling",),
    "13": ("condition", "prior"),
    "14": ("codebook", "condition", "prior"),
    "15": ("condition",),
    "16": ("prior", "sampling"),
    "17": ("condition", "prior", "sampling"),
}
# Left edge, top, width and colour of each part; stage 1 above, stage 2 below.
BOXES = {
    "encoder": (104, 66, 84, BLUE),
    "codebook": (208, 66, 88, BLUE),
    "tokens": (316, 66, 84, BLUE),
    "decoder": (420, 66, 84, BLUE),
    "perceptual": (336, 6, 132, GREEN),
    "critic": (484, 6, 76, GREEN),
    "condition": (14, 148, 104, ORANGE),
    "prior": (138, 148, 118, ORANGE),
    "sampling": (276, 148, 84, ORANGE),
    "order": (420, 148, 84, ORANGE),
}
HEIGHT = 30


def draw(words, *lit: str) -> Canvas:
    """Filled boxes are lit, the others wait."""
    c = Canvas(625, 190)
    _flow(c, words)
    for part in BOXES:
        _box(c, part, words[part], part in lit)
    return c


def _flow(c: Canvas, words) -> None:
    """The image's way through stage 1, its judges, and the way of new tokens to the decoder."""
    middle = 66 + HEIGHT / 2
    c.text(46, middle + 5, words["image"], size=14)
    c.arrow(82, middle, 102, middle)
    for left, right in (("encoder", "codebook"), ("codebook", "tokens"), ("tokens", "decoder")):
        c.arrow(BOXES[left][0] + BOXES[left][2] + 2, middle, BOXES[right][0] - 2, middle)
    c.arrow(506, middle, 528, middle)
    c.text(546, middle + 5, words["reconstruction"], size=16)
    c.path(f"M546 {middle - 15} V52 H402 V39", stroke=GREY, line=1.4, head=True)
    c.path("M522 52 V39", stroke=GREY, line=1.4, head=True)
    # The prior learns from tokens of images.
    c.path("M358 98 V132 H197 V146", stroke=GREY, line=1.4, dashed=True, head=True)
    lower = 148 + HEIGHT / 2
    c.arrow(120, lower, 136, lower)
    c.arrow(258, lower, 274, lower)
    c.arrow(362, lower, 418, lower)
    c.arrow(462, 146, 462, 99)
    c.line(14, 116, 611, 116, dashed=True)
    c.text(611, 110, words["stage_1"], size=13, fill=BLUE, anchor="end")
    c.text(611, 132, words["stage_2"], size=13, fill=ORANGE, anchor="end")


def _box(c: Canvas, part: str, name: str, lit: bool) -> None:
    left, top, width, colour = BOXES[part]
    fill, ink = (colour, "#ffffff") if lit else (LIGHT, INK)
    c.box(
        left, top, width, HEIGHT, fill=fill, stroke=colour if lit else GREY, line=2.5 if lit else 1
    )
    weight = "bold" if lit else "normal"
    c.text(left + width / 2, top + 20, name, size=14, fill=ink, weight=weight)
