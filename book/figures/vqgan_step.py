"""One training step of VQGAN: first the codec moves, then the critic."""

from canvas import BLUE, GREEN, GREY, INK, LIGHT, ORANGE, Canvas

WORDS = {
    "en": {
        "encoder": "encoder",
        "codebook": "codebook",
        "decoder": "decoder",
        "perceptual": ("x − x̂ and", "features"),
        "critic": "critic",
        "steps": ("1 · the codec moves", "2 · the critic moves"),
        "last": "last layer",
        "weigh": "× λ",
    },
    "zh": {
        "encoder": "编码器",
        "codebook": "码本",
        "decoder": "解码器",
        "perceptual": ("像素差", "与特征差"),
        "critic": "判别器",
        "steps": ("1 · 编解码器动", "2 · 判别器动"),
        "last": "最后一层",
        "weigh": "× λ",
    },
}
MIDDLE = 120  # of the codec in the upper half
JUDGE = 408  # left edge of the two judges
SECOND = 262  # top of the lower half


def draw(words) -> Canvas:
    """Filled boxes move, empty ones stay; coloured arrows are gradients."""
    c = Canvas(625, 404)
    _codec_step(c, words)
    c.line(14, SECOND - 14, 611, SECOND - 14, dashed=True)
    _critic_step(c, words)
    return c


def _codec_step(c: Canvas, words) -> None:
    c.text(14, 28, words["steps"][0], size=17, weight="bold", anchor="start")
    y = MIDDLE
    c.text(24, y + 6, "x", size=18)
    c.arrow(36, y, 52, y)
    _box(c, 54, y, 82, words["encoder"], BLUE)
    c.arrow(138, y, 152, y)
    _box(c, 154, y, 82, words["codebook"], BLUE)
    c.arrow(238, y, 252, y)
    _box(c, 254, y, 96, words["decoder"], BLUE)
    c.box(336, y - 30, 14, 60, fill=INK, stroke=INK, radius=0)
    c.arrow(352, y, 364, y)
    c.text(376, y + 6, "x̂", size=18)

    for middle, colour, symbol in ((y - 44, GREEN, "L_rec"), (y + 62, ORANGE, "L_GAN")):
        lower = colour == ORANGE
        c.box(JUDGE, middle - 26, 104, 52, fill="#ffffff", stroke=GREY)
        if lower:
            c.text(JUDGE + 52, middle + 6, words["critic"], size=16, fill=GREY)
        else:
            for line, part in enumerate(words["perceptual"]):
                c.text(JUDGE + 52, middle - 4 + 20 * line, part, size=15, fill=GREY)
        c.arrow(388, y + (12 if lower else -12), JUDGE - 3, middle - (12 if lower else -12))
        c.arrow(514, middle, 544, middle)
        c.text(579, middle + 6, symbol, size=17, fill=colour)
    _back(c, words)


def _back(c: Canvas, words) -> None:
    """The two gradients, which meet at the decoder's last layer."""
    y = MIDDLE
    top, bottom = y - 86, y + 104
    c.path(f"M579 {y - 58} V{top + 10} Q579 {top} 569 {top} H353 Q343 {top} 343 {top + 10} "
           f"V{y - 34}", stroke=GREEN, head=True, line=2.2)  # fmt: skip
    c.path(f"M579 {y + 76} V{bottom - 10} Q579 {bottom} 569 {bottom} H353 Q343 {bottom} 343 "
           f"{bottom - 10} V{y + 34}", stroke=ORANGE, head=True, line=2.2, dashed=True)  # fmt: skip
    c.circle(343, y + 78, 21, fill="#ffffff", stroke=ORANGE, line=1.8)
    c.text(343, y + 84, words["weigh"], size=15, fill=ORANGE)
    c.text(330, y - 44, words["last"], size=14, anchor="end")
    c.path(f"M300 {y + 32} V{y + 42} Q300 {y + 52} 290 {y + 52} H105 Q95 {y + 52} 95 {y + 42} "
           f"V{y + 34}", stroke=BLUE, head=True, line=2.2)  # fmt: skip


def _critic_step(c: Canvas, words) -> None:
    c.text(14, SECOND + 22, words["steps"][1], size=17, weight="bold", anchor="start")
    x_y, fake_y, y = SECOND + 52, SECOND + 112, SECOND + 82
    _box(c, 54, fake_y, 82, words["encoder"], None)
    _box(c, 154, fake_y, 82, words["codebook"], None)
    _box(c, 254, fake_y, 96, words["decoder"], None)
    c.text(24, fake_y + 6, "x", size=18)
    for left in (36, 138, 238, 352):
        c.arrow(left, fake_y, left + 13, fake_y)
    c.text(376, fake_y + 6, "x̂", size=18)
    c.line(394, fake_y - 18, 394, fake_y + 18, stroke=INK, line=5)
    c.text(394, fake_y - 26, "sg", size=15)
    c.text(376, x_y + 6, "x", size=18)
    _box(c, JUDGE + 22, y, 88, words["critic"], ORANGE)
    c.arrow(388, x_y, JUDGE + 19, y - 8)
    c.arrow(400, fake_y, JUDGE + 19, y + 10)
    c.arrow(JUDGE + 112, y - 8, 552, y - 8)
    c.text(579, y + 6, "L_D", size=17, fill=ORANGE)
    c.arrow(556, y + 12, JUDGE + 113, y + 12, stroke=ORANGE, line=2.2, dashed=True)


def _box(c: Canvas, left, middle, width, words, colour) -> None:
    """Filled where its weights move in this step."""
    fill, stroke, ink = ("#ffffff", GREY, GREY) if colour is None else (colour, colour, LIGHT)
    c.box(left, middle - 28 if colour else middle - 22, width, 56 if colour else 44,
          fill=fill, stroke=stroke)  # fmt: skip
    c.text(left + width / 2 - (7 if words in ("decoder", "解码器") and colour else 0), middle + 6,
           words, size=16, fill=ink)  # fmt: skip
