"""The two steps of a GAN: whose loss goes back how far, and what cuts the way."""

from canvas import BLUE, GREY, INK, ORANGE, Canvas

WORDS = {
    "en": {
        "steps": ("1 · the critic's step", "2 · the generator's step"),
        "generator": "generator",
        "critic": "critic",
        "moved": "moves",
        "frozen": "only looks",
        "absent": "does not learn",
        "detach": "detach",
        "losses": ("x up, x̂ down", "x̂ up"),
    },
    "zh": {
        "steps": ("1 · 判别器的一步", "2 · 生成器的一步"),
        "generator": "生成器",
        "critic": "判别器",
        "moved": "更新",
        "frozen": "只看不学",
        "absent": "不学",
        "detach": "detach",
        "losses": ("抬高 x，压低 x̂", "抬高 x̂"),
    },
}
LANE = 178
NOISE, GENERATOR, MADE, CRITIC, VERDICT = 26, 60, 262, 330, 512  # centres or left edges
WIDTH = 112


def draw(words) -> Canvas:
    """Two lanes; filled boxes learn, dashed ones do not."""
    c = Canvas(625, 2 * LANE - 22)
    c.line(14, LANE, 611, LANE, dashed=True)
    _critic_step(c, words)
    _generator_step(c, words)
    return c


def _critic_step(c: Canvas, words) -> None:
    y = 108
    c.text(14, 28, words["steps"][0], size=16, weight="bold", fill=BLUE, anchor="start")
    _forward(c, words, y)
    c.text(MADE, 66, "x", size=18)
    c.path(f"M{MADE + 14} 60 H{CRITIC + 40} V{y - 28}", stroke=INK, head=True)
    _box(c, CRITIC, y, words["critic"], words["moved"], colour=BLUE)
    _box(c, GENERATOR, y, words["generator"], words["absent"], colour=None)
    c.text(VERDICT + 50, y - 24, words["losses"][0], size=15, fill=BLUE)
    _back(c, y, VERDICT + 8, CRITIC + WIDTH + 2, BLUE)
    c.path(f"M{CRITIC - 3} {y + 14} H{MADE + 28}", stroke=BLUE, dashed=True)
    c.line(MADE + 24, y + 2, MADE + 24, y + 30, stroke=INK, line=5)
    c.text(MADE + 24, y + 50, words["detach"], size=14)


def _generator_step(c: Canvas, words) -> None:
    y = LANE + 96
    c.text(14, LANE + 28, words["steps"][1], size=16, weight="bold", fill=ORANGE, anchor="start")
    _forward(c, words, y)
    _box(c, CRITIC, y, words["critic"], words["frozen"], colour=None)
    _box(c, GENERATOR, y, words["generator"], words["moved"], colour=ORANGE)
    c.text(VERDICT + 50, y - 24, words["losses"][1], size=15, fill=ORANGE)
    _back(c, y, VERDICT + 8, CRITIC + WIDTH + 2, ORANGE)
    _back(c, y, CRITIC - 3, MADE + 16, ORANGE)
    _back(c, y, MADE - 16, GENERATOR + WIDTH + 2, ORANGE)


def _forward(c: Canvas, words, y) -> None:
    """Noise, generator, x̂, critic, D: values go to the right, above the way back."""
    c.text(NOISE, y + 6, "ε", size=18)
    c.arrow(NOISE + 10, y - 6, GENERATOR - 3, y - 6)
    c.arrow(GENERATOR + WIDTH + 3, y - 6, MADE - 15, y - 6)
    c.text(MADE, y + 6, "x̂", size=18)
    c.arrow(MADE + 15, y - 6, CRITIC - 3, y - 6)
    c.arrow(CRITIC + WIDTH + 3, y - 6, VERDICT - 3, y - 6)
    c.text(VERDICT + 14, y - 1, "D", size=18)


def _box(c: Canvas, x, y, name, role, *, colour) -> None:
    fill, ink, stroke = (colour, "#ffffff", colour) if colour else ("#ffffff", GREY, GREY)
    c.box(x, y - 28, WIDTH, 56, fill=fill, stroke=stroke)
    c.text(x + WIDTH / 2, y - 4, name, size=16, fill=ink)
    c.text(x + WIDTH / 2, y + 17, role, size=14, fill=ink)


def _back(c: Canvas, y, start, end, colour) -> None:
    c.arrow(start, y + 14, end, y + 14, stroke=colour, line=2.2)
