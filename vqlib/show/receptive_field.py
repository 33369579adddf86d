"""What one output of a model sees of the grid before it, and what it misses."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from torch import Tensor

from vqlib.show.style import BLUE, INK, ORANGE, RULE, WIDEST


def show_fields(
    fields: Sequence[Float[Tensor, "h w"]], place: tuple[int, int], labels: Sequence[str] = ()
) -> Figure:
    """Grids side by side, each with the influence of every input on one output.

    The fuller the colour of a cell, the stronger its influence; a thick frame marks the output's
    own place. Cells before it in raster order that have no influence at all are hatched: they could
    be seen, and are not.

    Args:
        fields: influences, at least 0; 0 means that the cell is not seen.
        place: row and column of the output.
        labels: a symbol above each grid, or none.

    Raises:
        ValueError: the place is outside a grid.
    """
    side = min(2.1, WIDEST / len(fields))
    size = (side * len(fields), side + 0.3 * bool(labels))
    figure, axes = plt.subplots(1, len(fields), figsize=size, squeeze=False, layout="constrained")
    for axis, field in zip(axes[0], fields, strict=True):
        _draw(axis, field.detach().cpu(), place)
    for axis, label in zip(axes[0], labels, strict=False):
        axis.set_title(label)
    plt.close(figure)
    return figure


def _draw(axis: Axes, field: Float[Tensor, "h w"], place: tuple[int, int]) -> None:
    h, w = field.shape
    if not (0 <= place[0] < h and 0 <= place[1] < w):
        raise ValueError(f"place is {place}; the grid has {h} rows and {w} columns")
    strongest, missed = field.max().clamp(min=1e-30), []
    for i in range(h):
        for j in range(w):
            # Influence falls by orders of magnitude with distance; the root keeps it visible.
            shade = (field[i, j] / strongest).item() ** 0.25
            if shade > 0:
                style = {"facecolor": BLUE, "alpha": 0.2 + 0.8 * shade, "linewidth": 0}
                axis.add_patch(Rectangle((j, i), 1, 1, **style))
            elif (i, j) < place:
                corners = [(j, i), (j + 1, i), (j + 1, i + 1), (j, i + 1), (j, i)]
                missed.append(Path(corners, closed=True))
    if missed:  # as one patch, since each one repeats its outline in the file
        hatch = {"hatch": "////", "edgecolor": ORANGE, "linewidth": 0}
        axis.add_patch(PathPatch(Path.make_compound_path(*missed), fill=False, **hatch))
    lines = {"color": RULE, "lw": 0.6}
    axis.hlines(range(h + 1), 0, w, **lines)
    axis.vlines(range(w + 1), 0, h, **lines)
    frame = {"edgecolor": INK, "linewidth": 2.5, "zorder": 3}
    axis.add_patch(Rectangle(place[::-1], 1, 1, fill=False, **frame))
    axis.set(xlim=(-0.05, w + 0.05), ylim=(h + 0.05, -0.05), aspect="equal", xticks=[], yticks=[])
    axis.set_frame_on(False)
