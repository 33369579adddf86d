"""Two circles that feed themselves: the code that wins, and the code that dies."""

from canvas import BLUE, GREEN, GREY, ORANGE, Canvas

WORDS = {
    "en": {
        "winner": "a code that is chosen",
        "loser": "a code that is not",
        "win": (
            ("nearest to", "some latents"),
            ("a gradient", "towards them"),
            ("moves along", "with them"),
        ),
        "lose": (
            ("nearest to", "no latent"),
            ("its gradient", "is zero"),
            ("stays; the", "latents go on"),
        ),
        "outcome": ("wins again", "farther away"),
    },
    "zh": {
        "winner": "被选中的编码",
        "loser": "没被选中的编码",
        "win": (("是某些隐变量", "的最近邻"), ("梯度把它", "拉过去"), ("跟着隐变量", "一起走")),
        "lose": (
            ("不是任何", "隐变量的最近邻"),
            ("它的梯度", "是零"),
            ("停在原地，", "隐变量走远"),
        ),
        "outcome": ("再次胜出", "越离越远"),
    },
}
WIDTH, HEIGHT = 132, 54  # of a box
TOP, BOTTOM = 150, 282  # top edges of the upper box and of the two lower ones


def draw(words) -> Canvas:
    """The winner's circle on the left, the loser's on the right."""
    c = Canvas(625, 376)
    _circle(c, 156, words["winner"], words["win"], words["outcome"][0], GREEN, line=2.5)
    _circle(c, 469, words["loser"], words["lose"], words["outcome"][1], ORANGE, line=2.5)
    c.line(312.5, 20, 312.5, 356, dashed=True)
    _winner(c, 156)
    _loser(c, 469)
    return c


def _circle(c: Canvas, x, title, steps, outcome, colour, line) -> None:
    """Three boxes around (x, …) and the arrows that lead from each to the next."""
    c.text(x, 30, title, size=17, weight="bold", fill=colour)
    left, right = x - 78, x + 78
    for (upper, lower), centre, top in zip(
        steps, (x, right, left), (TOP, BOTTOM, BOTTOM), strict=True
    ):
        c.box(centre - WIDTH / 2, top, WIDTH, HEIGHT, fill="#ffffff", stroke=colour)
        c.text(centre, top + 23, upper, size=14)
        c.text(centre, top + 42, lower, size=14)
    foot, roof, middle = TOP + HEIGHT, BOTTOM, BOTTOM + HEIGHT / 2
    c.path(f"M{x + 30} {foot} L{right} {roof - 5}", stroke=colour, line=line, head=True)
    c.path(f"M{right - 40} {BOTTOM + HEIGHT} Q{x} {middle + 62} {left + 40} {BOTTOM + HEIGHT + 5}",
           stroke=colour, line=line, head=True)  # fmt: skip
    c.path(f"M{left} {roof} L{x - 30} {foot + 5}", stroke=colour, line=line, head=True)
    c.text(x, 271, outcome, size=15, fill=colour, weight="bold")


def _winner(c: Canvas, x) -> None:
    """A code in the middle of its latents, on its way to their mean."""
    for dx, dy in ((-22, -18), (4, -26), (24, -8), (10, 16), (-14, 14)):
        c.circle(x + 50 + dx, 92 + dy, 5, fill=ORANGE)
        c.line(x - 30, 92, x + 50 + dx, 92 + dy)
    _cross(c, x - 30, 92, BLUE)
    c.arrow(x - 24, 92, x + 24, 90, stroke=BLUE, line=2.5)


def _loser(c: Canvas, x) -> None:
    """A code that stays where it is while the latents leave."""
    for dx, dy in ((-22, -18), (4, -26), (24, -8), (10, 16), (-14, 14)):
        c.circle(x + 66 + dx, 92 + dy, 5, fill=ORANGE)
    c.arrow(x + 100, 88, x + 132, 84, stroke=ORANGE, line=2.5)
    _cross(c, x - 90, 98, GREY)


def _cross(c: Canvas, x, y, colour) -> None:
    c.line(x - 7, y - 7, x + 7, y + 7, stroke=colour, line=3.5)
    c.line(x - 7, y + 7, x + 7, y - 7, stroke=colour, line=3.5)
