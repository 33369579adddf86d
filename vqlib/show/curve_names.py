"""Names at the ends of curves, where no eye has to go to and fro between them and a legend."""

from collections.abc import Sequence
from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from vqlib.show.style import DASHES, TEXT

NEAR = 40
"""Labels whose curves end within so many points of one another could overlap."""


def label_ends(axis: Axes, *, gap: float = 1.25) -> None:
    """Write each labelled curve's label at its end, in its colour, instead of in a legend.

    Solid curves but the first get dashes, so that colour alone tells nothing apart; lines of
    `axhline` stay as they are. Labels that would overlap are pushed apart. Call it last: it does
    not see what is drawn or scaled later.

    Args:
        axis: the plot; curves without a label are left alone.
        gap: least distance between two labels, in lines of text.
    """
    curves = [line for line in axis.get_lines() if _has_name(line)]
    _tell_apart([line for line in curves if line.get_transform() is axis.transData])
    axis.figure.draw_without_rendering()  # only now limits and layout are final
    ends = [_end(line) for line in curves]  # in points
    for group in _columns([x for x, _ in ends]):
        group = sorted(group, key=lambda i: ends[i][1])
        heights = pushed_apart([ends[i][1] for i in group], gap * TEXT)
        for i, height in zip(group, heights, strict=True):
            _write(axis, curves[i], lift=height - ends[i][1])


def pushed_apart(wanted: Sequence[float], gap: float) -> list[float]:
    """The heights nearest to `wanted`, which rise, that are at least `gap` apart."""
    blocks: list[list[float]] = []  # each block is packed: the wanted heights of its first member
    for number, height in enumerate(wanted):
        blocks.append([height - number * gap])
        while len(blocks) > 1 and _mean(blocks[-2]) >= _mean(blocks[-1]):
            upper = blocks.pop()
            blocks[-1] += upper
    first = [_mean(block) for block in blocks for _ in block]
    return [height + number * gap for number, height in enumerate(first)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _has_name(line: Line2D) -> bool:
    return not line.get_label().startswith("_") and line.get_label() and len(line.get_xdata()) > 0


def _tell_apart(curves: Sequence[Line2D]) -> None:
    taken = [line.get_linestyle() for line in curves]
    free = cycle([style for style in DASHES if style == "-" or style not in taken])
    for line, style in zip(curves, taken, strict=True):
        if style == "-" and line.get_marker() in ("None", "", None):
            line.set_linestyle(next(free))


def _columns(places: Sequence[float]) -> list[list[int]]:
    """Numbers of the curves, in groups that end near one another."""
    groups: list[list[int]] = []
    for i in sorted(range(len(places)), key=places.__getitem__):
        if groups and places[i] - places[groups[-1][-1]] < NEAR:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def _last(line: Line2D):
    """The last point that is one, in pixels; where a curve leaves the plot, the edge."""
    points = line.get_transform().transform(line.get_xydata())
    x, y = next(point for point in points[::-1] if point.sum() == point.sum())
    box = line.axes.bbox
    return min(max(x, box.x0), box.x1), min(max(y, box.y0), box.y1)


def _end(line: Line2D) -> tuple[float, float]:
    x, y = _last(line)
    return 72 / line.figure.dpi * x, 72 / line.figure.dpi * y


def _write(axis: Axes, line: Line2D, *, lift: float) -> None:
    name = axis.annotate(
        line.get_label(),
        line.get_transform().inverted().transform(_last(line)),
        xycoords=line.get_transform(),
        xytext=(5, lift),
        textcoords="offset points",
        va="center",
        color=line.get_color(),
    )
    name.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
