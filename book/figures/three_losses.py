"""The three terms of the VQVAE loss, one lane each: where its gradient starts and what it moves."""

from canvas import BLUE, GREEN, GREY, INK, ORANGE, Canvas

WORDS = {
    "en": {
        "encoder": "encoder",
        "codebook": "codebook",
        "decoder": "decoder",
        "terms": ("reconstruction", "codebook loss", "commitment loss"),
        "copied": "copied",
    },
    "zh": {
        "encoder": "编码器",
        "codebook": "码本",
        "decoder": "解码器",
        "terms": ("重建损失", "码本损失", "承诺损失"),
        "copied": "复制",
    },
}
FORMULAS = ("|x − x̂|²", "|sg[z] − z_q|²", "β|z − sg[z_q]|²")
LANE = 112  # height of a lane
BOXES = {"encoder": 158, "codebook": 348, "decoder": 472}  # left edges
WIDTH = 90
LEFT, GAP, RIGHT = 266, 298, 330  # z, the place where it is compared with z_q, z_q


def draw(words) -> Canvas:
    """Filled boxes move, empty ones stay; a thick bar is a stop-gradient."""
    c = Canvas(625, 3 * LANE)
    for row, colour in enumerate((GREEN, BLUE, ORANGE)):
        c.text(14, row * LANE + 50, words["terms"][row], size=16, fill=colour, anchor="start")
        c.text(14, row * LANE + 78, FORMULAS[row], size=17, anchor="start")
        if row:
            c.line(14, row * LANE, 611, row * LANE, dashed=True)
    _reconstruction(c, words, 0)
    _codebook_loss(c, words, LANE)
    _commitment(c, words, 2 * LANE)
    return c


def _reconstruction(c: Canvas, words, top) -> None:
    _boxes(c, words, top, GREEN, moved=("encoder", "decoder"))
    y = top + 54
    c.text(600, y + 6, "x̂", size=18)
    c.arrow(586, y, 565, y, stroke=GREEN)
    bridge = f"M470 {y} H464 Q454 {y} 454 {y + 10} V{y + 28} Q454 {y + 38} 444 {y + 38} "
    bridge += f"H342 Q332 {y + 38} 332 {y + 28} V{y + 10} Q332 {y} 322 {y} H251"
    c.path(bridge, stroke=GREEN, head=True)
    c.text(298, y + 38, words["copied"], size=14, fill=GREEN)


def _codebook_loss(c: Canvas, words, top) -> None:
    _boxes(c, words, top, BLUE, moved=("codebook",))
    c.circle(GAP, top + 54, 4, fill=BLUE)
    c.arrow(GAP, top + 54, BOXES["codebook"] - 3, top + 54, stroke=BLUE)
    c.line(GAP, top + 54, LEFT, top + 54, stroke=BLUE, dashed=True)
    _stop(c, LEFT, top)


def _commitment(c: Canvas, words, top) -> None:
    _boxes(c, words, top, ORANGE, moved=("encoder",))
    c.circle(GAP, top + 54, 4, fill=ORANGE)
    c.arrow(GAP, top + 54, BOXES["encoder"] + WIDTH + 3, top + 54, stroke=ORANGE)
    c.line(GAP, top + 54, RIGHT, top + 54, stroke=ORANGE, dashed=True)
    _stop(c, RIGHT, top)


def _boxes(c: Canvas, words, top, colour, moved) -> None:
    for part, left in BOXES.items():
        fill, stroke, ink = "#ffffff", GREY, GREY
        if part in moved:
            fill, stroke, ink = colour, colour, "#ffffff"
        c.box(left, top + 30, WIDTH, 48, fill=fill, stroke=stroke, line=1.5)
        c.text(left + WIDTH / 2, top + 60, words[part], size=16, fill=ink)


def _stop(c: Canvas, x, top) -> None:
    c.line(x, top + 36, x, top + 72, stroke=INK, line=5)
    c.text(x, top + 92, "sg", size=15)
