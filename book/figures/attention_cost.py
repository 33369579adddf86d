"""One picture as 256 pixels and as 16 tokens, each with its attention matrix, to scale."""

from canvas import BLUE, GREY, INK, ORANGE, Canvas

WORDS = {
    "en": {
        "pixels": "16 × 16 pixels",
        "tokens": "4 × 4 tokens",
        "encoder": "encoder, f = 4",
        "positions_pixels": "256 positions",
        "positions_tokens": "16 positions",
        "pairs_pixels": "256 × 256 = 65,536 pairs",
        "pairs_tokens": "16 × 16 = 256 pairs",
        "scale": "both matrices at the same scale",
    },
    "zh": {
        "pixels": "16 × 16 个像素",
        "tokens": "4 × 4 个词元",
        "encoder": "编码器，f = 4",
        "positions_pixels": "256 个位置",
        "positions_tokens": "16 个位置",
        "pairs_pixels": "256 × 256 = 65,536 对",
        "pairs_tokens": "16 × 16 = 256 对",
        "scale": "两个矩阵的比例相同",
    },
}
# A seven on 16×16 pixels, drawn for this picture: '#' white, '+' grey.
SEVEN = (
    "................",
    "................",
    "...+########+...",
    "...##########...",
    "...++++++####...",
    "........+###....",
    "........###+....",
    ".......+###.....",
    ".....+######+...",
    ".....+######+...",
    "......###+......",
    ".....+###.......",
    ".....###+.......",
    "....+###........",
    "....###+........",
    "................",
)
TOKENS = ((3, 17, 42, 8), (3, 51, 29, 8), (12, 7, 29, 60), (3, 33, 58, 8))
GREYS = {"#": "#ffffff", "+": "#a9b4c0"}
SIDE = 128  # both pictures
LEFT, RIGHT = 30, 330  # pictures, matrices


def draw(words) -> Canvas:
    """Pixels and their matrix above, tokens and theirs below."""
    c = Canvas(625, 500)
    _pixels(c, LEFT, 65)
    c.text(LEFT + SIDE / 2, 48, words["pixels"], size=16, weight="bold")
    _sequence(c, 130, words["positions_pixels"])
    _matrix(c, RIGHT, 40, 256)
    c.text(RIGHT + 128, 26, words["pairs_pixels"], size=16, weight="bold", fill=ORANGE)
    c.text(RIGHT + 128, 320, words["scale"], size=15, fill=GREY)

    c.arrow(LEFT + SIDE / 2, 205, LEFT + SIDE / 2, 318)
    c.text(LEFT + SIDE / 2 + 12, 264, words["encoder"], size=16, anchor="start", fill=BLUE)

    c.text(LEFT + SIDE / 2, 340, words["tokens"], size=16, weight="bold")
    c.grid(LEFT, 355, SIDE / 4, TOKENS, colour=_shade, size=14)
    _sequence(c, 419, words["positions_tokens"])
    _matrix(c, RIGHT, 411, 16)
    pairs = {"size": 16, "weight": "bold", "fill": ORANGE, "anchor": "start"}
    c.text(RIGHT + 30, 425, words["pairs_tokens"], **pairs)
    return c


def _pixels(c: Canvas, x, y) -> None:
    size = SIDE / len(SEVEN)
    c.box(x, y, SIDE, SIDE, fill=INK, radius=0)
    for i, row in enumerate(SEVEN):
        for j, mark in enumerate(row):
            if mark in GREYS:
                box = x + size * j, y + size * i, size, size
                c.box(*box, fill=GREYS[mark], stroke="none", radius=0)
    for k in range(1, len(SEVEN)):
        c.line(x + size * k, y, x + size * k, y + SIDE, stroke="#5c6b7a", line=0.5)
        c.line(x, y + size * k, x + SIDE, y + size * k, stroke="#5c6b7a", line=0.5)


def _sequence(c: Canvas, y, words) -> None:
    c.arrow(LEFT + SIDE + 12, y, RIGHT - 12, y)
    c.text((LEFT + SIDE + RIGHT) / 2, y - 12, words, size=16)


def _matrix(c: Canvas, x, y, side) -> None:
    """A square of side × side pairs; a causal model computes those below the diagonal."""
    c.box(x, y, side, side, fill="#fbe6d8", stroke="none", radius=0)
    c.path(f"M{x} {y}V{y + side}H{x + side}Z", fill=ORANGE, stroke="none", line=0)


def _shade(value: int) -> str:
    return f"hsl({(value * 47) % 360} 60% 86%)"
