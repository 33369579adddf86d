"""Grids that are written token by token, each in its own order."""

from collections.abc import Sequence

from ipywidgets import VBox

from vqlib.generate.order import Order
from vqlib.show.style import BLUE, GREY, INK, ORANGE
from vqlib.show.widgets import frames_widget

COLUMNS, CELL, GAP, TOP = 4, 16, 14, 22
PALE = "#b5d0ee"


def writing_order_widget(orders: Sequence[Order], *, size: int = 8) -> VBox:
    """Write all grids at once and see what is known around the newest token.

    The newest token is orange and carries the number of its neighbours (above, below, left, right)
    that are already written; a blue line leads to each of them. Pale cells are written, white ones
    are not. The grids are numbered from 1, four to a row.

    Args:
        orders: one for each grid.
        size: rows and columns of every grid.
    """
    paths = [order.permutation(size, size).tolist() for order in orders]
    frames = [_draw(paths, t, size) for t in range(size * size)]
    alts = [f"t = {t}: {_counts(paths, t, size)}" for t in range(size * size)]
    title = (
        "Write token by token: how many neighbours are known?",
        "一个一个地写：已经知道几个邻居？",
    )
    start = size * size // 4  # the orders have parted, and most of it is still to be written
    return frames_widget(frames, label="t", alts=alts, interval=500, title=title, start=start)


def known_neighbours(path: Sequence[int], t: int, size: int) -> list[int]:
    """Raster indices of the neighbours of token number t that are written before it."""
    row, column = divmod(path[t], size)
    around = ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
    inside = [i * size + j for i, j in around if 0 <= i < size and 0 <= j < size]
    written = set(path[:t])
    return [cell for cell in inside if cell in written]


def _counts(paths: Sequence[Sequence[int]], t: int, size: int) -> str:
    return ", ".join(str(len(known_neighbours(path, t, size))) for path in paths)


def _draw(paths: Sequence[Sequence[int]], t: int, size: int) -> bytes:
    side, rows = size * CELL, -(-len(paths) // COLUMNS)
    width, height = COLUMNS * (side + GAP) + GAP, rows * (side + TOP + GAP)
    lines = "".join(f"M0 {k}h{size}M{k} 0v{size}" for k in range(size + 1))
    parts = []
    for number, path in enumerate(paths):
        x = GAP + number % COLUMNS * (side + GAP)
        y = TOP + number // COLUMNS * (side + TOP + GAP)
        parts.append(
            f"<text x='{x}' y='{y - 6}' fill='{INK}'>{number + 1}</text>"
            f"<g transform='translate({x} {y})scale({CELL})'>{_grid(path, t, size)}</g>"
        )
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
        f"viewBox='0 0 {width} {height}' font-family='sans-serif' font-size='14'>"
        f"<defs><path id='g' d='{lines}' stroke='{GREY}' stroke-width='.04'/></defs>"
        f"<path d='M0 0h{width}v{height}H0z' fill='#fff'/>{''.join(parts)}</svg>"
    ).encode()


def _grid(path: Sequence[int], t: int, size: int) -> str:
    """One grid, a cell of which measures 1."""
    known = known_neighbours(path, t, size)
    i, j = divmod(path[t], size)
    written = "".join("M{1} {0}h1".format(*divmod(cell, size)) for cell in path[:t])
    links = "".join("M{} {}L{} {}".format(j, i, *divmod(cell, size)[::-1]) for cell in known)
    return (
        f"<path transform='translate(0 .5)' d='{written}' stroke='{PALE}'/><use href='#g'/>"
        f"<path transform='translate(.5 .5)' d='{links}' stroke='{BLUE}' stroke-width='.3' "
        "stroke-linecap='round'/>"
        f"<path d='M{j} {i}h1v1h-1z' fill='{ORANGE}'/>"
        f"<text x='{j + 0.5}' y='{i + 0.8}' fill='#fff' text-anchor='middle' font-size='.85' "
        f"font-weight='bold'>{len(known)}</text>"
    )
