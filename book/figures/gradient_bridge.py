"""Forward through the argmin, backward around it: what the straight-through estimator does."""

from canvas import BLUE, GREY, INK, LIGHT, ORANGE, Canvas

WORDS = {
    "en": {
        "encoder": "encoder",
        "decoder": "decoder",
        "codebook": "codebook",
        "forward": "forward: values",
        "backward": "backward: gradients",
        "blocked": "no gradient",
        "copied": "copied unchanged",
    },
    "zh": {
        "encoder": "编码器",
        "decoder": "解码器",
        "codebook": "码本",
        "forward": "前向：数值",
        "backward": "反向：梯度",
        "blocked": "没有梯度",
        "copied": "原样复制",
    },
}
UP, DOWN = 88, 134  # heights of the forward and of the backward arrows
FORWARD = ((30, 46), (140, 164), (188, 210), (332, 354), (384, 406), (502, 528), (556, 590))
BACKWARD = ((590, 556), (528, 502), (406, 384), (164, 140))


def draw(words) -> Canvas:
    """One chain of modules; values run to the right, gradients to the left."""
    c = Canvas(625, 240)
    _legend(c, words)
    _module(c, 48, words["encoder"])
    _module(c, 408, words["decoder"])
    _quantizer(c, words)
    for x, symbol in ((18, "x"), (176, "z"), (366, "z"), (542, "x̂"), (606, "L")):
        c.text(x, 116, symbol, size=19, weight="bold")
    c.text(372, 121, "q", size=14, anchor="start", weight="bold")
    for x1, x2 in FORWARD:
        c.arrow(x1, UP, x2, UP)
    for x1, x2 in BACKWARD:
        c.arrow(x1, DOWN, x2, DOWN, stroke=ORANGE)
    # The bridge: down from z_q, under the quantizer, up to z.
    c.path("M369 142 V182 Q369 194 357 194 H188 Q176 194 176 182 V144", stroke=ORANGE, head=True)
    c.text(271, 220, words["copied"], size=16, fill=ORANGE)
    return c


def _legend(c: Canvas, words) -> None:
    c.arrow(16, 24, 46, 24)
    c.text(54, 29, words["forward"], anchor="start", size=15)
    c.arrow(248, 24, 218, 24, stroke=ORANGE)
    c.text(256, 29, words["backward"], anchor="start", size=15, fill=ORANGE)


def _module(c: Canvas, x, name) -> None:
    c.box(x, 70, 90, 82, fill=LIGHT, stroke=BLUE, line=2)
    c.text(x + 45, 116, name, size=16)


def _quantizer(c: Canvas, words) -> None:
    c.box(212, 56, 118, 110, fill=LIGHT, stroke=INK, line=2)
    c.text(271, 78, words["codebook"], size=15, fill=GREY)
    c.text(271, 104, "argmin", size=18, weight="bold")
    c.line(224, 116, 318, 116)
    c.text(271, 138, "✕", size=18, fill=ORANGE)
    c.text(271, 157, words["blocked"], size=14, fill=ORANGE)
