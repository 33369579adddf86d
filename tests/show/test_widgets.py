"""Widgets: the right picture at each place of the slider, links that live in the page, no words."""

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
import torch
from ipywidgets import Box, Widget
from ipywidgets.embed import dependency_state, embed_data
from PIL import Image

matplotlib.use("Agg")

from vqlib.compress import nearest_code
from vqlib.show import show_curves
from vqlib.show.inline import inline_picture
from vqlib.show.lessons import (
    nearest_code_widget,
    three_losses,
    three_losses_widget,
    training_widget,
)
from vqlib.show.plane import nearest_area
from vqlib.show.widgets import FEW, frames_widget, grid_widget
from vqlib.show.words import in_both

SCRIPT = Path(__file__).parents[2] / "book/_static/widgets.js"
CODES = torch.tensor([[-0.8, 0.6], [0.1, 0.9], [0.9, 0.3], [-0.6, -0.5], [0.2, -0.2], [0.7, -0.8]])
TARGETS = torch.tensor([[0.9, 0.7], [0.7, 1.0], [-0.9, 0.5], [-1.1, 0.8], [0.1, -0.9], [0.2, -1.2]])
BLACK_TO_WHITE = torch.linspace(-1, 1, 5).view(5, 1, 1, 1).expand(5, 1, 4, 4)


def descent(beta=0.25, **options):
    z = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    return {"x": TARGETS, "z": 0.4 * z, "codes": CODES[:3] / 3, "beta": beta} | options


BUILDERS = {
    "nearest code": lambda: nearest_code_widget(CODES),
    "three losses": lambda: three_losses_widget(**descent()),
    "training": lambda: training_widget(BLACK_TO_WHITE, {0: BLACK_TO_WHITE, 50: -BLACK_TO_WHITE}),
}


@pytest.fixture(params=BUILDERS)
def lesson_widget(request):
    return BUILDERS[request.param]()


def page_state(widget: Widget) -> dict:
    """What a page would hold of it: model id → model."""
    state = dependency_state([widget], drop_defaults=False)
    return embed_data(views=[widget], state=state)["manager_state"]["state"]


def models(state: dict, name: str) -> list[dict]:
    return [model["state"] for model in state.values() if model["model_name"] == f"{name}Model"]


class Attributes(HTMLParser):
    """The attributes of the only element."""

    def handle_starttag(self, tag, attrs):
        self.found = dict(attrs)


def img(html: str) -> dict:
    parser = Attributes()
    parser.feed(html)
    return parser.found


def decoded(source: str) -> bytes:
    head, data = source.split(",", 1)
    return base64.b64decode(data) if head.endswith("base64") else unquote(data).encode()


def stack_of(widget: Box) -> Box:
    return widget.children[-1]


# --- A slider and its pictures --------------------------------------------------------------------


def test_each_place_of_the_slider_has_its_picture():
    widget = frames_widget(list(BLACK_TO_WHITE), label="t", values=["0", "1", "2", "4", "8"])
    pictures = [img(child.value) for child in stack_of(widget).children]
    assert [picture["alt"] for picture in pictures] == [f"t = {t}" for t in (0, 1, 2, 4, 8)]
    shades = [Image.open(io.BytesIO(decoded(p["src"]))).getpixel((0, 0)) for p in pictures]
    assert shades == [0, 64, 128, 191, 255]


def test_the_page_alone_moves_the_pictures():
    state = page_state(frames_widget(list(BLACK_TO_WHITE), label="t"))
    names = {f"IPY_MODEL_{key}": model["model_name"] for key, model in state.items()}
    links = {
        tuple((names[model], trait) for model, trait in (link["source"], link["target"]))
        for link in models(state, "Link")
    }
    slider = ("SelectionSliderModel", "index")
    assert links == {
        (("PlayModel", "value"), slider),
        (slider, ("StackModel", "selected_index")),
    }
    json.dumps(state)


def test_no_play_button_if_none_is_wanted():
    state = page_state(frames_widget(list(BLACK_TO_WHITE), label="t", play=False))
    assert models(state, "Play") == [] and len(models(state, "Link")) == 1


def test_the_books_script_knows_every_kind_of_widget(lesson_widget):
    known = set(re.findall(r"\b([A-Z]\w+Model)\b", SCRIPT.read_text("utf-8")))
    used = {model["model_name"] for model in page_state(lesson_widget).values()}
    looks = {name for name in used if name.endswith(("LayoutModel", "StyleModel"))}
    assert used - looks <= known


def test_labels_are_no_descriptions_which_fail_on_pages_with_mathjax_3(lesson_widget):
    states = [model["state"] for model in page_state(lesson_widget).values()]
    assert not any(state.get("description") for state in states)


def test_two_sliders_pick_row_and_column():
    frames = [[image.expand(3, 4, 4) for image in BLACK_TO_WHITE[:3]] for _ in range(2)]
    alts = [[f"{i}{j}" for j in range(3)] for i in range(2)]
    values = (["a", "b", "c"], ["d", "e"])
    widget = grid_widget(frames, labels=("x", "y"), values=values, alts=alts)
    rows = stack_of(widget).children
    assert [[img(child.value)["alt"] for child in row.children] for row in rows] == alts
    assert stack_of(widget).selected_index == 1
    assert [row.selected_index for row in rows] == [1, 1]
    assert len(models(page_state(widget), "Link")) == 3  # one for each row, one for the rows


@pytest.mark.parametrize(("number", "kind"), [(FEW, "ToggleButtons"), (FEW + 1, "SelectionSlider")])
def test_few_pictures_have_a_button_each_and_no_film(number, kind):
    state = page_state(frames_widget(list(BLACK_TO_WHITE[:number]), label="t", start=1))
    kinds = ("ToggleButtons", "SelectionSlider")
    assert {name: len(models(state, name)) for name in kinds} == {
        name: int(name == kind) for name in kinds
    }
    assert len(models(state, "Play")) == int(number > FEW)
    (chooser,) = models(state, kind)
    assert chooser["index"] == 1


def test_a_widget_begins_where_it_was_told():
    widget = frames_widget(list(BLACK_TO_WHITE), label="t", start=3)
    assert stack_of(widget).selected_index == 3
    (play,) = models(page_state(widget), "Play")
    assert play["value"] == 3
    frames, alts = [list(BLACK_TO_WHITE)] * 5, [["a"] * 5] * 5
    values = (list("abcde"), list("fghij"))
    grid = grid_widget(frames, labels=("x", "y"), values=values, alts=alts, start=(1, 4))
    assert stack_of(grid).selected_index == 4
    assert {row.selected_index for row in stack_of(grid).children} == {1}


def test_a_title_says_what_to_do_in_both_languages(lesson_widget):
    title = lesson_widget.children[0].value
    english, chinese = re.findall(r'<span lang="(?:en|zh)">(.*?) </span>', title)
    assert re.search("[A-Za-z]{3}", english) and not re.search("[\u4e00-\u9fff]", english)
    assert re.search("[\u4e00-\u9fff]", chinese)


def test_words_in_one_language_are_refused():
    for words in ("Drag the slider", ("Drag", ""), ("Drag",)):
        with pytest.raises((ValueError, TypeError)):  # the second from the types, in tests
            in_both(words)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"values": ["0", "1"]}, "2"),
        ({"values": ["0", "1", "2", "3", "3"]}, "all different"),
        ({"alts": ["0"]}, "alternative"),
        ({"start": 5}, "start is 5"),
    ],
)
def test_a_slider_that_does_not_fit_its_pictures_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        frames_widget(list(BLACK_TO_WHITE), label="t", **options)


def test_one_picture_needs_no_slider():
    with pytest.raises(ValueError, match="two or more"):
        frames_widget(list(BLACK_TO_WHITE[:1]), label="t")


# --- Pictures -------------------------------------------------------------------------------------


def test_images_keep_their_pixels_and_have_white_gaps():
    picture = img(inline_picture(torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 2, 2), ""))
    pixels = np.asarray(Image.open(io.BytesIO(decoded(picture["src"]))))
    assert pixels.tolist() == [[0, 0, 255, 255, 255, 255]] * 2
    assert int(picture["width"]) / int(picture["height"]) == 3
    assert "pixelated" in picture["style"]


def test_colour_images_keep_their_colour():
    red = torch.tensor([1.0, -1.0, -1.0]).view(3, 1, 1).expand(3, 2, 2)
    picture = Image.open(io.BytesIO(decoded(img(inline_picture(red, ""))["src"])))
    assert picture.getpixel((0, 0)) == (255, 0, 0)


def test_figures_become_small_palettes_for_sharp_screens():
    figure = show_curves({"$L$": ([0, 1], [2.0, 1.0])}, x="$t$", y="$L$")
    picture = img(inline_picture(figure, "L"))
    image = Image.open(io.BytesIO(decoded(picture["src"])))
    assert (image.mode, image.width) == ("P", 2 * int(picture["width"]))
    assert len(picture["src"]) < 30_000


def test_svg_survives_the_way_into_the_page():
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"\n font-family="\'A B\', c">'
        '<text fill="#fff">50% "a" &lt;\nb &amp; x̂</text></svg>'
    )
    picture = img(inline_picture(svg.encode(), 'a "b" < c'))
    assert (picture["alt"], picture["width"], picture["height"]) == ('a "b" < c', "20", "10")
    # As browsers read it: the address ends at the first "#" that is not escaped.
    root = ElementTree.fromstring(decoded(picture["src"].split("#")[0]))
    assert root[0].text == '50% "a" < b & x̂'
    assert root.get("font-family") == "'A B', c" and root[0].get("fill") == "#fff"


def test_png_bytes_are_taken_as_they_are():
    file = io.BytesIO()
    Image.new("L", (7, 5)).save(file, "png")
    picture = img(inline_picture(file.getvalue(), ""))
    assert decoded(picture["src"]) == file.getvalue()
    assert (picture["width"], picture["height"]) == ("7", "5")


def test_other_bytes_are_refused():
    with pytest.raises(ValueError, match="neither a PNG nor an SVG"):
        inline_picture(b"GIF89a", "")


# --- The widgets of the lessons -------------------------------------------------------------------


def test_lessons_show_no_words(lesson_widget):
    state = page_state(lesson_widget)
    shown = [
        text for model in models(state, "SelectionSlider") for text in model["_options_labels"]
    ]
    for html in (model["value"] for model in models(state, "HTML")):
        if "widget-title" in html:
            continue  # words, but in both languages
        if not html.startswith("<img"):
            shown.append(re.sub("<.*?>", "", html))
            continue
        picture = img(html)
        assert picture["alt"], "a picture without alternative text"
        shown.append(picture["alt"])
        if "svg" in picture["src"][:20]:
            shown += ElementTree.fromstring(decoded(picture["src"])).itertext()
    assert not [text for text in shown if re.search(r"[A-Za-z]{3}|[\u4e00-\u9fff]", text)]


def test_a_lesson_widget_adds_at_most_400_kilobytes(lesson_widget):
    assert len(json.dumps(page_state(lesson_widget))) < 400_000


def test_nearest_code_widget_tells_the_nearest_code():
    widget = nearest_code_widget(CODES, num_positions=5)
    alts = [img(child.value)["alt"] for row in stack_of(widget).children for child in row.children]
    told = [re.fullmatch(r"z = \((.*), (.*)\), k = (\d)", alt.replace("−", "-")) for alt in alts]
    z = torch.tensor([[float(match[1]), float(match[2])] for match in told])
    assert [int(match[3]) for match in told] == torch.cdist(z, CODES).argmin(1).tolist()
    # The first slider moves z to the right, the second upwards.
    assert z[:5, 0].diff().min() > 0 and z[::5, 1].diff().min() > 0


def test_coloured_areas_are_those_of_the_nearest_code():
    points = 2 * torch.rand(200, 2) - 1
    for point, k in zip(points.tolist(), nearest_code(points, CODES).tolist(), strict=True):
        corners = nearest_area(k, CODES.tolist(), 1.0)
        turns = [
            (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])
            for a, b in zip(corners, corners[1:] + corners[:1], strict=True)
        ]
        assert min(turns) > -1e-6  # left of every edge: inside


def test_pulls_are_the_gradients_worked_out_by_hand():
    moment = three_losses(**descent(), steps=3, learning_rate=0.02)[-1]
    e = moment.codes[moment.tokens]
    torch.testing.assert_close(moment.reconstruction, 2 * (TARGETS - e))
    torch.testing.assert_close(moment.commitment, 2 * 0.25 * (e - moment.z))
    pull = torch.zeros(3, 2).index_add(0, moment.tokens, 2 * (moment.z - e))
    torch.testing.assert_close(moment.codebook, pull)


def test_the_descent_ends_where_the_losses_balance():
    last = three_losses(**descent(beta=0.5), steps=2000, learning_rate=0.02)[-1]
    e = last.codes[last.tokens]
    torch.testing.assert_close(last.z - e, (TARGETS - e) / 0.5, atol=1e-3, rtol=0)
    torch.testing.assert_close(last.codebook, torch.zeros(3, 2), atol=1e-3, rtol=0)


def test_the_pulls_add_up_to_the_descent():
    first, second = three_losses(**descent(), steps=1, learning_rate=0.1)
    torch.testing.assert_close(second.z - first.z, 0.1 * (first.reconstruction + first.commitment))
    torch.testing.assert_close(second.codes - first.codes, 0.1 * first.codebook)


def test_the_widgets_leave_the_random_numbers_alone():
    before = torch.get_rng_state()
    for build in BUILDERS.values():
        build()
    assert torch.equal(torch.get_rng_state(), before)


def test_without_commitment_the_outputs_run_away():
    away, held = (
        three_losses(**descent(beta=beta), steps=400, learning_rate=0.02)[-1].z.abs().max()
        for beta in (0.0, 0.25)
    )
    assert away > 1.3 * held


def test_training_widget_shows_the_images_above_their_reconstructions():
    widget = BUILDERS["training"]()
    x, stack = widget.children[2:]
    assert img(x.value)["alt"] == "x"
    assert [img(child.value)["alt"] for child in stack.children] == ["x̂, t = 0", "x̂, t = 50"]
    assert img(stack.children[0].value)["src"] == img(x.value)["src"]
