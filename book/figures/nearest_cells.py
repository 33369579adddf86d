"""Rounding on a line and nearest codes in the plane: the same act, with borders half way."""

from canvas import BLUE, GREEN, GREY, INK, ORANGE, Canvas
from vqlib.show.plane import nearest_area

WORDS = {
    "en": {
        "line": "one number: round it",
        "plane": "two numbers: take the nearest code",
        "half": "border half way",
        "bisector": ("half way,", "right angle"),
        "nearest": "nearest",
        "squared": "|z − e|²",
    },
    "zh": {
        "line": "一个数：四舍五入",
        "plane": "两个数：取最近的编码",
        "half": "边界在正中间",
        "bisector": ("在正中间，", "成直角"),
        "nearest": "最近",
        "squared": "|z − e|²",
    },
}
CODES = ((-1.6, 0.9), (0.0, 1.4), (1.5, 1.0), (-1.3, -1.0), (0.1, -0.3), (1.6, -1.1))
AREAS = ("#dbe8f6", "#fbe5d6", "#dcefe2", "#efe3f5", "#fdf3cf", "#d8eff0")
Z = (0.7, 0.2)
SCALE, MIDDLE, CENTRE, REACH = 100, 312.5, 378, 3.0  # of the plane, in pixels; half its width
TOP, BOTTOM = 2.05, -1.85  # how much of it is shown


def draw(words) -> Canvas:
    """The line above, the plane below."""
    c = Canvas(625, 576)
    _line(c, words)
    c.text(14, 152, words["plane"], size=16, anchor="start", weight="bold")
    _cells(c)
    _border(c, words)
    _codes(c, words)
    return c


def _line(c: Canvas, words) -> None:
    c.text(14, 26, words["line"], size=16, anchor="start", weight="bold")
    x = {value: 120 + 190 * (value - 253) for value in (253, 254, 255, 253.5, 254.5, 254.9)}
    for left, right, fill in (
        (25, x[253.5], AREAS[0]),
        (x[253.5], x[254.5], AREAS[1]),
        (x[254.5], 600, AREAS[2]),
    ):
        c.box(left, 62, right - left, 34, fill=fill, stroke="#ffffff", radius=0)
    c.line(25, 79, 600, 79, stroke=INK)
    for value in (253, 254, 255):
        _cross(c, x[value], 79)
        c.text(x[value], 118, value, size=16)
    for value in (253.5, 254.5):
        c.line(x[value], 58, x[value], 100, stroke=INK, dashed=True)
    c.text(x[253.5], 50, words["half"], size=14, fill=GREY)
    c.circle(x[254.9], 79, 5, fill=ORANGE)
    c.text(x[254.9] - 2, 52, "254.9", size=16, fill=ORANGE)
    c.path(f"M{x[254.9]} 72 Q{x[254.9] + 9} 60 {x[255] - 1} 71", stroke=ORANGE, head=True)


def _cells(c: Canvas) -> None:
    for k, fill in enumerate(AREAS):
        corners = [_place(p) for p in _shown(nearest_area(k, CODES, REACH))]
        d = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners) + "Z"
        c.path(d, stroke="#ffffff", fill=fill, line=2)


def _shown(corners):
    """A convex polygon cut to the heights that are shown."""
    for sign, limit in ((1, TOP), (-1, -BOTTOM)):
        kept = []
        for (x0, y0), (x1, y1) in zip(corners[-1:] + corners[:-1], corners, strict=True):
            before, after = limit - sign * y0, limit - sign * y1
            if (before < 0) != (after < 0):
                share = before / (before - after)
                kept.append((x0 + share * (x1 - x0), y0 + share * (y1 - y0)))
            if after >= 0:
                kept.append((x1, y1))
        corners = kept
    return corners


def _border(c: Canvas, words) -> None:
    """Codes 1 and 4, the way between them, and the right angle at its middle."""
    (x1, y1), (x4, y4) = _place(CODES[1]), _place(CODES[4])
    c.line(x1, y1, x4, y4, stroke=INK, dashed=True)
    mx, my = (x1 + x4) / 2, (y1 + y4) / 2
    ux, uy = (x4 - x1) / 170.3, (y4 - y1) / 170.3  # along the way; 170.3 pixels long
    for share in (0.25, 0.75):  # equal halves
        tx, ty = x1 + share * (x4 - x1), y1 + share * (y4 - y1)
        c.line(tx - 7 * uy, ty + 7 * ux, tx + 7 * uy, ty - 7 * ux, stroke=INK, line=2)
    a, b = (mx - 12 * ux, my - 12 * uy), (mx + 12 * uy, my - 12 * ux)
    corner = (a[0] + 12 * uy, a[1] - 12 * ux)
    c.path(
        f"M{a[0]:.1f} {a[1]:.1f}L{corner[0]:.1f} {corner[1]:.1f}L{b[0]:.1f} {b[1]:.1f}",
        stroke=INK,
        line=1.5,
    )
    for row, line in enumerate(words["bisector"]):
        c.text(mx - 12, my - 74 + 18 * row, line, size=14, anchor="end")


def _codes(c: Canvas, words) -> None:
    zx, zy = _place(Z)
    (x4, y4), (x2, y2) = _place(CODES[4]), _place(CODES[2])
    c.line(zx, zy, x2, y2, stroke=GREY, line=1.5)
    c.arrow(zx - 6, zy + 3, x4 + 10, y4 - 6, stroke=ORANGE, line=2.2)
    c.text((zx + x4) / 2 + 14, (zy + y4) / 2 + 22, "0.61", size=15, fill=ORANGE, weight="bold")
    c.text((zx + x2) / 2 + 12, (zy + y2) / 2 + 8, "1.28", size=15, anchor="start")
    c.circle(zx, zy, 5.5, fill=ORANGE)
    c.text(zx + 12, zy + 8, "z", size=18, fill=ORANGE, anchor="start", weight="bold")
    for k, code in enumerate(CODES):
        x, y = _place(code)
        _cross(c, x, y)
        left = k == 4  # where the arrow is not
        anchor = "end" if left else "start"
        c.text(x + (-11 if left else 10), y - 5, k, size=17, anchor=anchor, weight="bold")
    c.text(600, 554, f"{words['squared']}:  0.61 < 1.28", size=15, anchor="end", fill=GREEN)


def _place(point) -> tuple[float, float]:
    return MIDDLE + SCALE * point[0], CENTRE - SCALE * point[1]


def _cross(c: Canvas, x, y) -> None:
    for sign in (1, -1):
        c.line(x - 5, y - 5 * sign, x + 5, y + 5 * sign, stroke=BLUE, line=2.6)
