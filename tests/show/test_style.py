"""All plots look alike: colours of the drawn figures, words of one size, vectors if they can."""

import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.text import Text

from vqlib.show import show_curves, show_images, show_tokens, style
from vqlib.show.flight_recorder import show_flight_recorder
from vqlib.show.inline import inline_picture
from vqlib.show.receptive_field import show_fields

ROOT = Path(__file__).parents[2]
HEX = re.compile(r"#[0-9a-fA-F]{6}\b")
IMAGES = torch.zeros(2, 1, 4, 4)
FIGURES = {
    "curves": lambda: show_curves({"$a$": ([0, 1], [0, 1])}, x="$t$", y="$L$"),
    "images": lambda: show_images([IMAGES], ["$x$"]),
    "tokens": lambda: show_tokens(torch.zeros(2, 2, 2, dtype=torch.int64)),
    "fields": lambda: show_fields([torch.ones(4, 4)] * 4, (2, 1), ["$L=1$"]),
    "recorder": lambda: show_flight_recorder([{"step": 1, "reconstruction": 1.0}]),
}


def small_words(figure) -> list[str]:
    """Words of a figure that are smaller than 10 points or larger than 11."""
    words = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    return [text.get_text() for text in words if not 10 <= text.get_fontsize() <= 11]


def test_the_colours_are_those_of_the_drawn_figures():
    sys.path.insert(0, str(ROOT / "book/figures"))
    try:
        import canvas
    finally:
        sys.path.pop(0)
    for name in ("INK", "GREY", "BLUE", "ORANGE", "GREEN"):
        assert getattr(style, name) == getattr(canvas, name)


def test_no_module_has_colours_of_its_own():
    known = {style.INK, style.GREY, style.RULE, style.BLUE, style.ORANGE, style.GREEN}
    known |= {*style.AREAS, "#ffffff", "#b5d0ee"}  # the last one: cells that are written
    for path in (ROOT / "vqlib/show").glob("*.py"):
        assert {c.lower() for c in HEX.findall(path.read_text("utf-8"))} <= known, path.name


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES.keys())
def test_words_have_ten_or_eleven_points(draw):
    assert small_words(draw()) == []


def test_small_words_are_found():
    figure = FIGURES["curves"]()
    figure.axes[0].text(0, 0, "planted", fontsize=8)
    assert small_words(figure) == ["planted"]


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES.keys())
def test_figures_fit_into_a_page(draw):
    assert draw().get_figwidth() <= style.WIDEST


def test_plots_have_no_top_and_no_right_edge():
    (axis,) = FIGURES["curves"]().axes
    shown = {side for side, spine in axis.spines.items() if spine.get_visible()}
    assert shown == {"left", "bottom"}


def test_axes_must_be_named():
    with pytest.raises(TypeError, match="'y'"):
        show_curves({"$a$": ([0, 1], [0, 1])}, x="$t$")


def test_a_plot_is_a_vector_that_the_page_may_turn_and_images_are_not():
    assert '<g id="plot">' in style.vector(FIGURES["curves"]())
    assert style.vector(FIGURES["images"]()) is None
    assert style.vector(FIGURES["tokens"]()) is None


def test_a_plot_that_must_keep_its_tones_is_not_marked():
    figure = FIGURES["curves"]()
    figure.set_gid("as-drawn")
    assert '<g id="plot">' not in style.vector(figure)
    assert 'class="plot"' not in inline_picture(figure, "L")


def test_widgets_mark_what_is_drawn_and_not_what_is_a_photograph():
    for frame in (FIGURES["curves"](), b"<svg width='4' height='4'></svg>"):
        assert 'class="plot"' in inline_picture(frame, "")
    for frame in (FIGURES["images"](), IMAGES):
        assert 'class="plot"' not in inline_picture(frame, "")


def test_a_plot_is_the_same_whenever_it_is_drawn():
    assert style.vector(FIGURES["recorder"]()) == style.vector(FIGURES["recorder"]())


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (lambda: show_images([IMAGES]), False),
        (FIGURES["images"], True),
        (FIGURES["tokens"], True),
        (lambda: plt.subplots()[0], True),  # numbers at its axes
    ],
    ids=["images", "labelled images", "tokens", "axes"],
)
def test_a_figure_with_nothing_to_read_is_known(draw, expected):
    assert style.has_words(draw()) is expected


def test_chapters_get_the_look_by_the_import():
    code = "import vqlib.show, matplotlib as m; print(m.rcParams['axes.spines.top'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_notebook_shows_vectors_and_sharp_images():
    code = (
        "import matplotlib; matplotlib.use('module://matplotlib_inline.backend_inline')\n"
        "import torch, vqlib.show, matplotlib.pyplot as plt\n"
        "from IPython import get_ipython\n"
        "shown = get_ipython().display_formatter\n"
        "shown.active_types = ['image/png', 'image/svg+xml']\n"
        "figure, axis = plt.subplots()\n"
        "axis.plot([0, 1])\n"
        "print(sorted(shown.format(figure)[0]), end=' ')\n"
        "axis.imshow([[0]])\n"
        "image, size = shown.format(figure)\n"
        "plt.close()\n"
        "bare = shown.format(vqlib.show.show_images([torch.zeros(1, 1, 4, 4)]))[0]['image/png']\n"
        "said = [b'no words' in png for png in (image['image/png'], bare)]\n"
        "print(sorted(image), sorted(size['image/png']), said)"
    )
    command = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    curves, image = "['image/svg+xml', 'text/plain']", "['image/png', 'text/plain']"
    assert done.stdout.splitlines()[-1] == f"{curves} {image} ['height', 'width'] [False, True]"


# --- By day and by night --------------------------------------------------------------------------


def contrast(a, b) -> float:
    """Of two colours, as WCAG 2 defines it."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


def by_night(colour) -> np.ndarray:
    """What the book's filter makes of a colour (Filter Effects Module 1, section 12)."""
    css = (ROOT / "book/_static/plots.css").read_text("utf-8")
    (share,) = re.findall(r"filter: invert\((\d+)%\) hue-rotate\(180deg\)", css)
    share = int(share) / 100
    turned = share + np.array(colour) * (1 - 2 * share)
    grey = np.array([0.213, 0.715, 0.072])
    return (2 * grey @ turned - turned).clip(0, 1)  # by half a turn: mirrored at its grey


WHITE = (1.0, 1.0, 1.0)
WORDS = {name: getattr(style, name) for name in ("INK", "GREY", "BLUE", "ORANGE", "GREEN")}


@pytest.mark.parametrize("colour", WORDS.values(), ids=WORDS.keys())
def test_words_and_curves_stand_out_by_day_and_by_night(colour):
    rgb = matplotlib.colors.to_rgb(colour)
    assert contrast(rgb, WHITE) >= 4.5
    assert contrast(by_night(rgb), by_night(WHITE)) >= 4.5


def test_hues_stay_what_the_text_calls_them():
    for name, strongest in (("BLUE", 2), ("ORANGE", 0), ("GREEN", 1)):
        assert by_night(matplotlib.colors.to_rgb(WORDS[name])).argmax() == strongest


def test_a_pale_colour_is_found():
    assert contrast(matplotlib.colors.to_rgb("#d9722b"), WHITE) < 4.5  # what ORANGE was


def teardown_module():
    plt.close("all")
