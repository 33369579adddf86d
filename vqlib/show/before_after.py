"""Before and after: one picture over the other, a border to be drawn across, and a magnifier.

All of it is one HTML element with its style and its script (`before_after.css`, `before_after.js`).
The same bits run in the book, in Jupyter and in Colab, without a kernel.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from math import ceil, sqrt
from pathlib import Path

import torch
from ipywidgets import HTML, VBox
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from vqlib.show.inline import image_uri
from vqlib.show.widgets import titled
from vqlib.show.words import ORIGINAL, Words, in_both

BORDER: Words = ("Border between the two pictures", "两张图的分界")
KEYS: Words = (
    "← → move the border, ↑ ↓ the magnifier (4×), which also follows mouse and finger.",
    "← → 移动分界，↑ ↓ 移动放大镜（4 倍）；放大镜也跟着鼠标或手指走。",
)
ZOOM = 4
"""Of the magnifier; each of its halves shows an eighth of the picture's width."""


def before_after_widget(
    before: Float[Tensor, "N C H W"],
    afters: Mapping[str | Words, Float[Tensor, "_N _C _H _W"]],
    *,
    title: Words,
    before_name: Words = ORIGINAL,
    start: int = 0,
) -> VBox:
    """Draw a border across a picture: `before` is left of it, one of the `afters` right of it.

    Several images are laid out as a sheet. The magnifier begins where the two differ most.

    Args:
        before: images in [-1, 1].
        afters: name → the same images, changed. Of several, buttons choose one.
        title: what to do, in English and in Chinese.
        before_name: what `before` is called.
        start: number of the picture that is seen first.

    Raises:
        ValueError: no `afters`, one of another shape, or no such start.
    """
    for name, images in afters.items():
        if images.shape != before.shape:
            raise ValueError(f"{name} is {tuple(images.shape)}; `before` is {tuple(before.shape)}")
    if not 0 <= start < len(afters):
        raise ValueError(f"start is {start}; there are {len(afters)} pictures, from 0")
    sheets = [sheet(images) for images in (before, *afters.values())]
    x, y = where_they_differ(sheets[0], sheets[1 + start])
    names = [in_both(name) if isinstance(name, tuple) else escape(name) for name in afters]
    html = (
        f'<div class="before-after" style="--cut:50%;--x:{x:.3f};--y:{y:.3f};'
        f'--ratio:{sheets[0].shape[2]}/{sheets[0].shape[1]}"><style>{_style()}</style>'
        + (_choice(names, start, sheets) if len(names) > 1 else "")
        + _names(before_name, names, start)
        + _picture(sheets, names, start)
        + '<div class="ba-lenses"><div class="ba-lens"></div><div class="ba-lens"></div></div>'
        + f'<p class="ba-keys">{in_both(KEYS)}</p></div>'
    )
    return VBox([titled(title), HTML(html)])


def sheet(images: Float[Tensor, "N C H W"], gap: int = 2) -> Float[Tensor, "3 _H _W"]:
    """Images in rows, about as many as columns, white between them."""
    N, _, H, W = images.shape
    columns = ceil(sqrt(N))
    missing = -N % columns
    images = F.pad(images.detach().cpu().float().expand(N, 3, H, W), (0, gap, 0, gap), value=1.0)
    images = torch.cat([images, images.new_ones(missing, 3, H + gap, W + gap)])
    rows = [torch.cat(list(row), dim=2) for row in images.split(columns)]
    return torch.cat(rows, dim=1)[:, :-gap, :-gap]


def where_they_differ(
    before: Float[Tensor, "3 H W"], after: Float[Tensor, "3 H W"]
) -> tuple[float, float]:
    """Middle of the window, an eighth of each side, in which two pictures differ most.

    As shares of width and height, from the left and from above.
    """
    _, H, W = before.shape
    difference = (after - before).abs().mean(0)
    window = max(H // (2 * ZOOM), 1), max(W // (2 * ZOOM), 1)
    means = F.avg_pool2d(difference[None, None], window, stride=1)[0, 0]
    i, j = divmod(int(means.argmax()), means.shape[1])
    return (j + window[1] / 2) / W, (i + window[0] / 2) / H


def _choice(names: list[str], start: int, sheets: list[Tensor]) -> str:
    group = hashlib.sha256(b"".join(s.numpy().tobytes() for s in sheets)).hexdigest()[:12]
    buttons = (
        f'<label><input type="radio" name="{group}"{" checked" * (i == start)}>{name}</label>'
        for i, name in enumerate(names)
    )
    return f'<fieldset class="ba-choice">{"".join(buttons)}</fieldset>'


def _names(before_name: Words, names: list[str], start: int) -> str:
    right = (
        f'<span class="ba-name"{" hidden" * (i != start)}>{name}</span>'
        for i, name in enumerate(names)
    )
    return f'<div class="ba-names"><span>{in_both(before_name)}</span>{"".join(right)}</div>'


def _picture(sheets: list[Tensor], names: list[str], start: int) -> str:
    """The changed pictures below, the first one over them, then border, frame and slider."""
    symbols = [f"x̂, {i + 1}" if "<" in name else f"x̂, {name}" for i, name in enumerate(names)]
    images = [
        _image(image, symbol, "ba-after", hidden=i != start)
        for i, (image, symbol) in enumerate(zip(sheets[1:], symbols, strict=True))
    ]
    images.append(_image(sheets[0], "x", "ba-before", script=_script()))
    return (
        f'<div class="ba-picture">{"".join(images)}'
        '<i class="ba-frame"></i><i class="ba-handle"></i>'
        f'<label><span class="ba-read">{in_both(BORDER)}</span>'
        '<input type="range" min="0" max="100" value="50"></label></div>'
    )


def _image(image: Tensor, alt: str, kind: str, *, hidden: bool = False, script: str = "") -> str:
    _, H, W = image.shape
    return (
        f'<img class="ba-image {kind}" alt="{escape(alt)}" width="{W}" height="{H}" '
        f'src="{image_uri(image)}"{" hidden" * hidden}'
        + (f' onload="{escape(script)}">' if script else ">")
    )


@cache
def _script() -> str:
    return _short("before_after.js")


@cache
def _style() -> str:
    return _short("before_after.css")


def _short(name: str) -> str:
    """A file beside this one without its comments and in one line."""
    text = Path(__file__).with_name(name).read_text("utf-8")
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)).strip()
