"""Pictures that follow a slider, in a page without a kernel as much as with one.

Every picture is made beforehand. A `Stack` shows one of them, and a `jslink`, which lives in the
browser, ties its index to the slider's: nothing runs in Python while the reader plays. With a
kernel, Jupyter and Colab show the widgets. In the book `book/_static/widgets.js` does, which knows
the kinds of widgets used here and no others.

Jupyter's own manager for static pages would show them, too; a widget that is to work there

- has its pictures in `HTML`, because `Image` has no alternative text;
- has its labels in `HTML`, because a widget with a `description` calls MathJax 2, and raises
  "Cannot read properties of undefined (reading 'Queue')" on a page with MathJax 3;
- has a `Play` button only where Font Awesome's script is not, which Sphinx themes bring along. It
  replaces the button's `<i>` by a drawing, and then a click raises "Cannot set properties of
  undefined (setting 'className')" and nothing moves.

Labels and alternative texts are symbols and values; the title, which says what to do, stands there
in both languages (`vqlib.show.words`). So one widget serves every language.
"""

from collections.abc import Sequence
from html import escape

from ipywidgets import (
    HTML,
    HBox,
    Layout,
    Play,
    SelectionSlider,
    Stack,
    ToggleButtons,
    VBox,
    Widget,
    jslink,
)
from ipywidgets.widgets.widget_string import HTMLStyle

from vqlib.show.inline import Frame, inline_picture
from vqlib.show.words import CHOOSE, DRAG, FILM, Words, in_both

FEW = 4
"""Up to so many states have a button each; more are on a slider."""
Chooser = SelectionSlider | ToggleButtons


def frames_widget(
    frames: Sequence[Frame],
    *,
    label: str,
    title: Words | None = None,
    values: Sequence[str] | None = None,
    alts: Sequence[str] | None = None,
    start: int = 0,
    play: bool = True,
    interval: int = 400,
) -> VBox:
    """A slider that picks one of the pictures, and a button that plays them.

    At most four pictures have a button each instead.

    Args:
        frames: the pictures in order, best all of one size.
        label: the slider's symbol, such as "t".
        title: what to do, in English and in Chinese.
        values: what the slider shows for each picture; their numbers from 0 if not given.
        alts: alternative texts in symbols, if they should tell more than "t = 3".
        start: number of the picture that is seen first: one that makes curious.
        play: whether there is a play button beside the slider.
        interval: milliseconds that a picture stays while they play.

    Raises:
        ValueError: fewer than two pictures, not one value or text for each, or no such start.
    """
    if values is None:
        values = [str(number) for number in range(len(frames))]
    if alts is None:
        alts = [f"{label} = {value}" for value in values]
    chooser = _chooser(values, start)
    stacks = _Stacks()
    stack = stacks.linked(chooser, stacks.pictures(frames, alts))
    controls = [_labelled(label, chooser)]
    slides = isinstance(chooser, SelectionSlider)
    if play and slides:
        button = Play(value=start, max=len(frames) - 1, interval=interval, show_repeat=False)
        jslink((button, "value"), (chooser, "index"))
        controls.insert(0, button)
    usual = (FILM if play else DRAG) if slides else CHOOSE
    return VBox([titled(title or usual), _row(controls), stack])


def grid_widget(
    frames: Sequence[Sequence[Frame]],
    *,
    labels: tuple[str, str],
    values: tuple[Sequence[str], Sequence[str]],
    alts: Sequence[Sequence[str]],
    title: Words | None = None,
    start: tuple[int, int] | None = None,
) -> VBox:
    """Two sliders that pick a picture out of a grid of them; few values have buttons instead.

    Args:
        frames: rows of pictures.
        labels: the sliders' symbols: for the place in a row, and for the row.
        values: what the two sliders show.
        alts: alternative texts in symbols, as a grid of the same shape.
        title: what to do, in English and in Chinese.
        start: place in a row and row of the picture that is seen first; else the middle.

    Raises:
        ValueError: fewer than two rows or columns, not one value or text for each, or no such
            start.
    """
    starts = start or tuple(len(each) // 2 for each in values)
    across, down = (_chooser(*each) for each in zip(values, starts, strict=True))
    stacks = _Stacks()
    rows = [stacks.linked(across, stacks.pictures(*row)) for row in zip(frames, alts, strict=True)]
    stack = stacks.linked(down, rows)
    controls = [_labelled(*each) for each in zip(labels, (across, down), strict=True)]
    return VBox([titled(title or DRAG), _row(controls), stack])


def _chooser(values: Sequence[str], start: int) -> Chooser:
    """A button for each of few values, or a slider as wide as there is room."""
    if len(values) < 2 or len(set(values)) < len(values):
        raise ValueError(f"a slider needs two or more values, all different, got {list(values)}")
    if not 0 <= start < len(values):
        raise ValueError(f"start is {start}; there are {len(values)} pictures, from 0")
    if len(values) <= FEW:
        return ToggleButtons(options=list(values), index=start, style={"button_width": "auto"})
    return SelectionSlider(options=list(values), index=start, layout={"width": "100%"})


def titled(words: Words) -> HTML:
    """What to do, above a widget, in both languages."""
    return HTML(f'<p class="widget-title"><b>{in_both(words)}</b></p>')


def _labelled(label: str, chooser: Chooser) -> HBox:
    symbol = HTML(f"<i>{escape(label)}</i>", layout={"margin": "0 8px 0 2px"})
    return HBox([symbol, chooser], layout={"align_items": "center", "flex": "1 1 14rem"})


def _row(controls: Sequence[Widget]) -> HBox:
    return HBox(controls, layout={"flex_flow": "row wrap"})


class _Stacks:
    """Makes the stacks of one widget.

    Their parts share one layout and one style: of its own, each would take a kilobyte of the page.
    """

    def __init__(self):
        self.layout, self.style = Layout(), HTMLStyle()

    def pictures(self, frames: Sequence[Frame], alts: Sequence[str]) -> list[HTML]:
        if len(frames) != len(alts):
            raise ValueError(f"{len(frames)} pictures, but {len(alts)} alternative texts")
        return [
            HTML(inline_picture(frame, alt), layout=self.layout, style=self.style)
            for frame, alt in zip(frames, alts, strict=True)
        ]

    def linked(self, chooser: Chooser, children: Sequence[Widget]) -> Stack:
        """The child that stands at the chosen place."""
        if len(children) != len(chooser.options):
            raise ValueError(f"{len(chooser.options)} values on a slider, {len(children)} pictures")
        stack = Stack(children, selected_index=chooser.index, layout=self.layout)
        jslink((chooser, "index"), (stack, "selected_index"))
        return stack
