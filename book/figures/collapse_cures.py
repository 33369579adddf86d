"""Four cures of codebook collapse, each as a small plane: codes are crosses, latents are dots."""

from math import cos, radians, sin

from canvas import BLUE, GREEN, GREY, INK, LIGHT, ORANGE, Canvas

WORDS = {
    "en": {
        "titles": ("EMA codes", "k-means start", "restart of dead codes", "normalised codes"),
        "notes": (
            "a code = the mean of its latents",
            "codes start among the latents",
            "a dead code jumps to a latent",
            "few dimensions, length 1",
        ),
    },
    "zh": {
        "titles": ("EMA 码本", "k 均值初始化", "闲置编码重启", "归一化码本"),
        "notes": (
            "嵌入向量 = 选中它的隐变量的平均",
            "嵌入向量从隐变量中间出发",
            "闲置的跳到一个隐变量上",
            "维数少，长度都是 1",
        ),
    },
}
PANEL = (300, 214)  # width, height
HEAP = ((-26, -14), (-4, -30), (22, -20), (28, 6), (2, 22), (-20, 16))  # six latents


def draw(words) -> Canvas:
    """Two rows of two panels."""
    c = Canvas(625, 448)
    for number, picture in enumerate((_ema, _kmeans, _restart, _sphere)):
        left, top = 8 + 309 * (number % 2), 8 + 218 * (number // 2)
        c.box(left, top, *PANEL, fill="#ffffff", stroke=LIGHT, line=2)
        c.text(left + 150, top + 26, words["titles"][number], size=16, weight="bold", fill=BLUE)
        c.text(left + 150, top + 202, words["notes"][number], size=14, fill=INK)
        picture(c, left + 150, top + 108)
    return c


def _ema(c: Canvas, x, y) -> None:
    for dx, dy in HEAP:
        c.line(x + 52 + dx, y + dy, x + 52, y - 3, stroke=GREY)
        c.circle(x + 52 + dx, y + dy, 5, fill=ORANGE)
    _cross(c, x - 70, y + 26, BLUE)
    c.arrow(x - 60, y + 23, x + 44, y, stroke=BLUE, line=2.5)
    c.text(x - 64, y - 20, "m / N", size=17, fill=BLUE)


def _kmeans(c: Canvas, x, y) -> None:
    for left, top in ((-84, 14), (0, -12), (84, 16)):
        for dx, dy in HEAP:
            c.circle(x + left + 0.9 * dx, y + top + 0.9 * dy, 4.5, fill=ORANGE)
        _cross(c, x + left, y + top - 3, BLUE)


def _restart(c: Canvas, x, y) -> None:
    for dx, dy in HEAP:
        c.circle(x + 62 + 1.2 * dx, y + 1.2 * dy, 5, fill=ORANGE)
    _cross(c, x + 48, y - 6, BLUE)
    _cross(c, x - 96, y + 34, GREY)
    tip = x + 62 + 1.2 * HEAP[5][0], y + 1.2 * HEAP[5][1]
    c.path(f"M{x - 88} {y + 24} Q{x - 30} {y - 34} {tip[0] - 8} {tip[1] - 6}",
           stroke=GREEN, line=2.5, dashed=True, head=True)  # fmt: skip
    _cross(c, *tip, GREEN)


def _sphere(c: Canvas, x, y) -> None:
    radius = 62
    c.circle(x, y, radius, fill="#ffffff", stroke=GREY)
    c.circle(x, y, 2.5, fill=GREY)
    for angle in (10, 24, 95, 112, 160, 205, 218, 290, 304, 340):
        _dot(c, x, y, radius, angle)
    for angle in (17, 103, 165, 211, 297, 333):
        dx, dy = radius * cos(radians(angle)), -radius * sin(radians(angle))
        c.line(x, y, x + dx, y + dy, stroke=LIGHT, line=1.5)
        _cross(c, x + dx, y + dy, BLUE)


def _dot(c: Canvas, x, y, radius, angle) -> None:
    dx, dy = radius * cos(radians(angle)), -radius * sin(radians(angle))
    c.circle(x + dx, y + dy, 5, fill=ORANGE)


def _cross(c: Canvas, x, y, colour) -> None:
    c.line(x - 7, y - 7, x + 7, y + 7, stroke=colour, line=3.5)
    c.line(x - 7, y + 7, x + 7, y - 7, stroke=colour, line=3.5)
