"""How every plot of the course looks: colours and sizes, in pages and in notebooks.

`import vqlib.show` calls `use`, so a chapter's own plots look like those of `vqlib.show`. The
colours are those of the drawn figures (`book/figures/canvas.py`). Each of them, as a word, has a
contrast of 4.5 or more on white; by night the book turns light into dark and keeps the hues
(`book/_static/plots.css`), and they have it there, too. So plots have white ground and dark ink.

Where a notebook shows a figure, one without images is a vector picture, marked as a plot, so that
the book may turn it. One with images is a PNG for sharp screens, which keeps its tones; if it has
no words, it says so, and a phone may make it as small as it likes.
"""

import io
import sys

import matplotlib
from cycler import cycler
from matplotlib.figure import Figure
from matplotlib.text import Text

INK, GREY, RULE = "#1f2d3d", "#5b6776", "#c9d2dc"
BLUE, ORANGE, GREEN = "#2f6db5", "#b4541a", "#2f7d4c"
AREAS = ("#dbe8f6", "#fbe5d6", "#dcefe2", "#efe3f5", "#fdf3cf", "#d8eff0", "#f7dde4", "#e8e8e8")
"""Pale, so that points stand out on them; what lies on them is told apart by its symbol."""
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (9, 2)), (0, (3, 1, 1, 1, 1, 1)))
"""Curves are told apart by these as well, for those who see no colours."""

TEXT = 10.5
"""Points. A figure is shown at the size at which it was made, so words have 14 pixels."""
WIDEST = 7.0
"""Inches: what fits into a page of the book on a desk without being made smaller."""
PLOT = "plot"
"""Group id of a figure that the book may turn by night; set another to forbid it."""

WORDLESS = {"Description": "no words"}
"""Of a PNG: its text chunk if there is nothing in it to read."""

INLINE = ("inline", "module://matplotlib_inline.backend_inline")

SETTINGS = {
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.labelsize": TEXT,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": TEXT,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, INK, GREY]),
    "hatch.color": ORANGE,
    "figure.facecolor": "white",
    "figure.constrained_layout.w_pad": 0.08,
    "svg.fonttype": "path",
}


def use() -> None:
    """From here on all figures of matplotlib look like the course's, also where IPython shows them.

    `matplotlib.rcdefaults()` takes it back.
    """
    matplotlib.rcParams.update(SETTINGS)
    ipython = sys.modules.get("IPython")  # who runs in it has imported it
    shell = ipython.get_ipython() if ipython else None
    backend = dict.__getitem__(matplotlib.rcParams, "backend")  # else matplotlib would choose one
    if shell is not None and backend in INLINE:
        import matplotlib_inline.backend_inline  # noqa: F401 — it sets its own formats when it comes

        formatters = shell.display_formatter.formatters
        formatters["image/svg+xml"].for_type(Figure, vector)
        formatters["image/png"].for_type(Figure, _pixels)


def has_images(figure: Figure) -> bool:
    """Whether a figure shows images, the tones of which must stay as they are."""
    return any(axis.images for axis in figure.axes)


def has_words(figure: Figure) -> bool:
    """Whether there is anything to read in a figure, be it a number at an axis."""
    figure.draw_without_rendering()  # axes get their numbers when they are drawn
    return any(t.get_visible() and t.get_text().strip() for t in figure.findobj(Text))


def is_plot(figure: Figure) -> bool:
    """Whether the book may turn a figure by night."""
    return not has_images(figure) and figure.get_gid() in (None, PLOT)


def vector(figure: Figure) -> str | None:
    """A figure without images as an SVG, its group `plot` unless it has another name."""
    if has_images(figure) or not figure.axes:
        return None
    if is_plot(figure):
        figure.set_gid(PLOT)
    file = io.StringIO()
    # Nothing in it that varies from run to run.
    with matplotlib.rc_context({"svg.hashsalt": PLOT}):
        figure.savefig(file, format="svg", bbox_inches="tight", metadata={"Date": None})
    return file.getvalue()


def _pixels(figure: Figure):
    from IPython.core.pylabtools import retina_figure

    if not has_images(figure):
        return None
    about = {} if has_words(figure) else {"metadata": WORDLESS}
    return retina_figure(figure, bbox_inches="tight", **about)
