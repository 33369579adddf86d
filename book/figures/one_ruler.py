"""One random number and four rulers: how the setting decides which token the same u picks."""

from canvas import BLUE, GREEN, GREY, INK, ORANGE, Canvas

ROWS = ("p", "τ = ½", "τ = 2", "k = 2")
WORDS = {"en": {"token": "token"}, "zh": {"token": "词元"}}
P = (0.2, 0.5, 0.3)
U = 0.15
LEFT, LENGTH = 78, 440
TOP, STEP, HEIGHT = 54, 62, 38
FILLS = ((GREEN, "#dcefe2"), (BLUE, "#d9e6f5"), (ORANGE, "#f9e3d3"))


def draw(words) -> Canvas:
    """Each row is the interval from 0 to 1, cut into pieces as long as the probabilities."""
    c = Canvas(625, 318)
    rulers = (P, _scaled([p**2 for p in P]), _scaled([p**0.5 for p in P]), _scaled((0, *P[1:])))
    c.text(570, 32, words["token"], size=15)
    for row, (name, ruler) in enumerate(zip(ROWS, rulers, strict=True)):
        y = TOP + row * STEP
        c.text(14, y + 26, name, size=17, anchor="start")
        _ruler(c, y, ruler)
        chosen = next(k for k in range(3) if sum(ruler[: k + 1]) > U)
        c.arrow(LEFT + LENGTH + 8, y + HEIGHT / 2, 554, y + HEIGHT / 2, stroke=FILLS[chosen][0])
        c.text(570, y + 26, chosen, size=19, fill=FILLS[chosen][0], weight="bold")
    x = LEFT + U * LENGTH
    c.line(x, 38, x, TOP + 3 * STEP + HEIGHT + 6, stroke=INK, dashed=True, line=1.8)
    c.text(x, 30, f"u = {U}", size=15, weight="bold")
    for place in (0, 1):
        c.text(LEFT + place * LENGTH, 302, place, size=14, fill=GREY)
    return c


def _ruler(c: Canvas, y, ruler) -> None:
    left = LEFT
    for token, share in enumerate(ruler):
        width = share * LENGTH
        if not width:
            continue
        stroke, fill = FILLS[token]
        c.box(left, y, width, HEIGHT, fill=fill, stroke=stroke, radius=0)
        # Beside the dashed line where that would cross the words.
        near = abs(left + width / 2 - LEFT - U * LENGTH) < 40
        shift = 0 if not near else -22 if width < 100 else 34
        c.text(left + width / 2 + shift, y + 17, token, size=14, fill=stroke, weight="bold")
        c.text(left + width / 2 + shift, y + 33, f"{share:.3g}", size=13)
        left += width


def _scaled(weights) -> list[float]:
    return [weight / sum(weights) for weight in weights]
