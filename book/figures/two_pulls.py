"""Two gradients at two weights: one loss must not drown the other."""

from canvas import GREEN, GREY, INK, ORANGE, Canvas

WORDS = {
    "en": {
        "titles": ("weight 1", "weight 1,000", "weight λ = 200"),
        "notes": ("L_GAN is not heard", "L_rec is not heard", "both are heard"),
        "step": "step",
    },
    "zh": {
        "titles": ("权重 1", "权重 1,000", "权重 λ = 200"),
        "notes": ("听不到 L_GAN", "听不到 L_rec", "两边都听得到"),
        "step": "合力",
    },
}
REC, GAN = (-0.6, 0.8), (-0.8, -0.6)  # directions of descent on the page, where y points down
LENGTHS = ((84, 0), (18, 90), (72, 72))  # pixels of both arrows in each panel
PANEL = 208
START = (140, 122)  # the weights w in a panel


def draw(words) -> Canvas:
    """Three panels: the same two gradients with three weights of the second."""
    c = Canvas(625, 270)
    for number, (rec, gan) in enumerate(LENGTHS):
        left = number * PANEL
        if number:
            c.line(left, 14, left, 256, dashed=True)
        c.text(left + PANEL / 2, 30, words["titles"][number], size=17, weight="bold")
        c.text(left + PANEL / 2, 252, words["notes"][number], size=15, fill=GREY)
        x, y = left + START[0], START[1]
        if number == 2:
            _sum(c, words, x, y, rec, gan)
        _arrow(c, x, y, REC, rec, GREEN)
        _arrow(c, x, y, GAN, gan, ORANGE, dashed=True)
        c.circle(x, y, 5, fill=INK)
        c.text(x + 12, y + 5, "w", size=16, anchor="start")
        _label(c, x, y, REC, rec, "L_rec", GREEN, 20)
        _label(c, x, y, GAN, gan, "L_GAN", ORANGE, -10)
    return c


def _arrow(c: Canvas, x, y, direction, length, colour, *, dashed=False) -> None:
    if length:
        c.arrow(
            x, y, x + direction[0] * length, y + direction[1] * length,
            stroke=colour, line=3, dashed=dashed,
        )  # fmt: skip


def _label(c: Canvas, x, y, direction, length, symbol, colour, below) -> None:
    if length > 30:
        tip = x + direction[0] * length, y + direction[1] * length
        c.text(tip[0] - 4, tip[1] + below, symbol, size=15, fill=colour)
    elif length:
        c.text(x + 8, y + 32, symbol, size=15, fill=colour, anchor="start")


def _sum(c: Canvas, words, x, y, rec, gan) -> None:
    tip = x + REC[0] * rec + GAN[0] * gan, y + REC[1] * rec + GAN[1] * gan
    for direction, length in ((REC, rec), (GAN, gan)):
        c.line(x + direction[0] * length, y + direction[1] * length, *tip, dashed=True)
    c.arrow(x, y, *tip, stroke=INK, line=3)
    c.text(tip[0] + 6, tip[1] + 26, words["step"], size=15)
