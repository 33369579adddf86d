"""Figures for the lessons, sharp at any size.

No words are drawn: one figure serves the English and the Chinese book, and the text beside it
says in the reader's language what is seen. Labels are symbols (x, x̂, s, K, f) and numbers.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from vqlib.show.curve_names import label_ends


def show_images(
    rows: Sequence[Float[Tensor, "_ C _ _"]], labels: Sequence[str] = (), *, cell: float = 0.8
) -> Figure:
    """Rows of images, each pixel drawn as a crisp square.

    Args:
        rows: one tensor (N, C, H, W) of images in [-1, 1] per row; N, H, W may differ by row.
        labels: a symbol at the left of each row, such as "$x$", or none.
        cell: width of one image in inches.
    """
    columns = max(len(row) for row in rows)
    figure, axes = plt.subplots(
        len(rows), columns, figsize=(cell * columns, cell * len(rows)), squeeze=False
    )
    for r, row in enumerate(rows):
        for c, axis in enumerate(axes[r]):
            axis.set(xticks=[], yticks=[])
            axis.set_frame_on(False)
            if c < len(row):
                draw_image(axis, row[c])
        if r < len(labels):
            axes[r, 0].set_ylabel(labels[r], rotation=0, ha="right", va="center")
    figure.tight_layout(pad=0.2)
    return _finished(figure)


def draw_image(axis: Axes, image: Float[Tensor, "C H W"]) -> None:
    """One image in [-1, 1] on an axis."""
    pixels = image.detach().cpu().float().add(1).div(2).clamp(0, 1).permute(1, 2, 0).numpy()
    axis.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")


def show_tokens(grids: Int[Tensor, "N h w"], *, cell: float = 1.6) -> Figure:
    """Token grids: each cell carries its code's number, equal codes have equal colours.

    Codes have no order, so neighbours in number are far apart in colour.
    """
    figure, axes = plt.subplots(1, len(grids), figsize=(cell * len(grids), cell), squeeze=False)
    for axis, tokens in zip(axes[0], grids.cpu(), strict=True):
        hue = (tokens * 47 % 360).float() / 360
        pale = torch.stack([hue, torch.full_like(hue, 0.3), torch.full_like(hue, 0.95)], dim=-1)
        axis.imshow(hsv_to_rgb(pale.numpy()))
        axis.set(xticks=[], yticks=[], frame_on=False)
        for (i, j), token in _enumerate_grid(tokens):
            axis.text(j, i, str(token), ha="center", va="center", fontsize=10)
    figure.tight_layout(pad=0.3)
    return _finished(figure)


def show_curves(
    curves: Mapping[str, tuple[Sequence[float | int], Sequence[float | int]]],
    *,
    x: str,
    y: str,
    log_y: bool = False,
) -> Figure:
    """Lines over a common axis, each with its symbol at its end.

    Args:
        curves: symbol → (x values, y values). A symbol of a single curve may be "".
        x: symbol of the horizontal axis.
        y: symbol of the vertical axis.
        log_y: logarithmic vertical axis.
    """
    figure, axis = plt.subplots(figsize=(6.0, 3.0), layout="constrained")
    for name, (xs, ys) in curves.items():
        axis.plot(xs, ys, label=name)
    axis.set(xlabel=x, ylabel=y)
    if log_y:
        axis.set_yscale("log")
    axis.grid()
    label_ends(axis)
    return _finished(figure)


def _enumerate_grid(tokens: Int[Tensor, "h w"]):
    return (((i, j), token) for i, row in enumerate(tokens.tolist()) for j, token in enumerate(row))


def _finished(figure: Figure) -> Figure:
    # Closed figures are drawn once, where they are a cell's last expression, and never twice.
    plt.close(figure)
    return figure
