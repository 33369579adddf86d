"""Large grids under a sliding window: what is read for a token, and which run at once."""

from ipywidgets import VBox

from vqlib.generate.sliding_window import window_start
from vqlib.show.style import AREAS, BLUE, GREY, INK, ORANGE
from vqlib.show.widgets import frames_widget

CELL, GAP, LINE = 26, 10, 22
READ, UNSEEN = "#b5d0ee", AREAS[-1]
Cell = tuple[int, int]


def sliding_window_widget(size: Cell, window: Cell) -> VBox:
    """Step through a grid in raster order and see what the model reads for each token.

    The orange cell is the token to be drawn, with its local index in the window; the blue frame is
    the window. Blue cells are read. Grey ones are written, and not seen; white ones are to come.

    Args:
        size: rows and columns of the grid.
        window: rows and columns of the window, at most those of the grid.
    """
    h, w = size
    places = [divmod(t, w) for t in range(h * w)]
    frames = [_step(place, size, window) for place in places]
    alts = [_place(place, size, window) for place in places]
    title = ("Step along: where does the window stand still?", "一步一步走：窗口在哪里停着不动？")
    start = (h // 2) * w + w // 2 - 1
    return frames_widget(frames, label="t", alts=alts, interval=500, title=title, start=start)


def wavefront_widget(size: Cell, n: int) -> VBox:
    """Step through the wavefront schedule: orange cells are drawn in one pass of the model.

    The number in a cell is the step in which it is drawn, counted from 0.

    Args:
        size: rows and columns of the grid, at least n columns.
        n: width of the window.
    """
    h, w = size
    times = range((h - 1) * n + w)
    waves = [wave(t, size, n) for t in times]
    frames = [_front(t, size, n) for t in times]
    alts = [f"t = {t}: {', '.join(map(str, now))}" for t, now in zip(times, waves, strict=True)]
    title = ("Step along: how many rows run at once?", "一步一步走：同时有几行在写？")
    return frames_widget(
        frames, label="t", alts=alts, interval=500, title=title, start=len(waves) // 2
    )


def wave(t: int, size: Cell, n: int) -> list[Cell]:
    """The positions of step t: row i is i·n steps behind row 0."""
    h, w = size
    return [(i, t - i * n) for i in range(h) if 0 <= t - i * n < w]


def corner(place: Cell, size: Cell, window: Cell) -> Cell:
    """Top and left of the window of a position."""
    top, left = map(window_start, place, size, window)
    return top, left


def _place(place: Cell, size: Cell, window: Cell) -> str:
    """The position, its window's corner and its local index, in symbols."""
    (i, j), (top, left) = place, corner(place, size, window)
    return f"(i, j) = ({i}, {j}), (top, left) = ({top}, {left}), ({i - top}, {j - left})"


def _step(place: Cell, size: Cell, window: Cell) -> bytes:
    (i, j), w, (rows, n) = place, size[1], window
    top, left = corner(place, size, window)
    fills = {}
    for a, b in [divmod(t, w) for t in range(i * w + j)]:
        inside = top <= a and left <= b < left + n
        fills[a, b] = READ if inside else UNSEEN
    frame = (
        f"<path d='M{left} {top}h{n}v{rows}h-{n}z' fill='none' stroke='{BLUE}' stroke-width='.14'/>"
    )
    local = _number(i, j, f"{(i - top) * n + j - left}", "#fff")
    lines = (
        f"(i, j) = ({i}, {j})  (top, left) = ({top}, {left})",
        f"(i − top, j − left) = ({i - top}, {j - left})",
    )
    return _svg(size, fills | {place: ORANGE}, frame + local, lines)


def _front(t: int, size: Cell, n: int) -> bytes:
    now = wave(t, size, n)
    h, w = size
    due = {(i, j): i * n + j for i in range(h) for j in range(w)}
    fills = {cell: READ for cell, when in due.items() if when < t} | dict.fromkeys(now, ORANGE)
    numbers = "".join(
        _number(*cell, str(when), "#fff" if cell in now else INK) for cell, when in due.items()
    )
    return _svg(size, fills, numbers, (f"t = {t}",))


def _number(i: int, j: int, text: str, colour: str) -> str:
    return (
        f"<text x='{j + 0.5}' y='{i + 0.68}' fill='{colour}' text-anchor='middle' "
        f"font-size='.5'>{text}</text>"
    )


def _svg(size: Cell, fills: dict[Cell, str], over: str, words: tuple[str, ...]) -> bytes:
    """A grid with coloured cells, what lies over it, and lines of symbols below."""
    h, w = size
    width, height = w * CELL + 2 * GAP, h * CELL + 2 * GAP + LINE * len(words)
    coloured = "".join(
        f"<path d='M{j} {i}h1v1h-1z' fill='{fill}'/>" for (i, j), fill in fills.items()
    )
    lines = "".join(f"M0 {k}h{w}" for k in range(h + 1))
    lines += "".join(f"M{k} 0v{h}" for k in range(w + 1))
    foot = "".join(
        f"<text x='{width / 2:g}' y='{h * CELL + GAP + LINE * (k + 0.8):g}' fill='{INK}' "
        f"text-anchor='middle' xml:space='preserve'>{text}</text>"
        for k, text in enumerate(words)
    )
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
        f"viewBox='0 0 {width} {height}' font-family='sans-serif' font-size='14'>"
        f"<path d='M0 0h{width}v{height}H0z' fill='#fff'/>"
        f"<g transform='translate({GAP} {GAP})scale({CELL})'>{coloured}"
        f"<path d='{lines}' stroke='{GREY}' stroke-width='.03' fill='none'/>{over}</g>"
        f"{foot}</svg>"
    ).encode()
