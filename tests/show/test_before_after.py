"""Before and after: exact pictures, words in both languages, and the place that changed most."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image

from vqlib.show.before_after import before_after_widget, sheet, where_they_differ

TITLE = ("Drag", "拖动")
GENERATOR = torch.Generator().manual_seed(0)
BEFORE = torch.rand(3, 3, 16, 24, generator=GENERATOR) * 2 - 1
AFTERS = {"A": -BEFORE, "B": BEFORE.roll(1, dims=3)}


class Elements(HTMLParser):
    """All elements: tag and attributes."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def of(self, tag, **wanted):
        return [a for t, a in self.found if t == tag and wanted.items() <= a.items()]


def html(**options) -> str:
    return before_after_widget(BEFORE, AFTERS, title=TITLE, **options).children[1].value


def pixels(image) -> np.ndarray:
    data = base64.b64decode(image["src"].split(",", 1)[1])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_pictures_keep_their_pixels_and_the_first_lies_on_top():
    images = Elements(html()).of("img")
    assert [image["alt"] for image in images] == ["x̂, A", "x̂, B", "x"]
    for image, source in zip(images, (*AFTERS.values(), BEFORE), strict=True):
        wanted = ((sheet(source) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
        assert np.array_equal(pixels(image), wanted)
        assert (int(image["height"]), int(image["width"])) == wanted.shape[:2]


def test_of_several_one_is_seen_and_buttons_choose():
    elements = Elements(html(start=1))
    assert ["hidden" in image for image in elements.of("img")] == [True, False, False]
    buttons = elements.of("input", type="radio")
    assert ["checked" in button for button in buttons] == [False, True]
    assert len({button["name"] for button in buttons}) == 1


def test_one_picture_needs_no_buttons():
    widget = before_after_widget(BEFORE, {("after", "之后"): -BEFORE}, title=TITLE)
    elements = Elements(widget.children[1].value)
    assert elements.of("input", type="radio") == []
    assert [image["alt"] for image in elements.of("img")] == ["x̂, 1", "x"]  # no words


def test_all_words_are_there_in_both_languages():
    text = re.sub(r"<style>.*?</style>", "", html())
    words = re.findall(r'<span lang="(en|zh)">', text)
    assert words.count("en") == words.count("zh") == 3  # original, slider, keys
    rest = re.sub(r'<span lang="..">.*?</span>|<[^>]*>', " ", text)
    assert rest.split() == ["A", "B", "A", "B"]


def test_a_slider_is_there_for_keys_and_fingers():
    (slider,) = Elements(html()).of("input", type="range")
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "100", "50")


def test_a_sheet_is_about_square_and_white_where_nothing_is():
    laid = sheet(-torch.ones(3, 1, 4, 4), gap=1)
    assert laid.shape == (3, 9, 9)
    assert laid[0, :4, 4].tolist() == [1.0] * 4  # the gap
    assert (laid[:, 5:, 5:] == 1).all() and (laid[:, 5:, :4] == -1).all()


def test_the_magnifier_begins_where_most_has_changed():
    before = torch.zeros(3, 64, 96)
    after = before.clone()
    after[:, 40:48, 60:72] = 1.0
    assert where_they_differ(before, after) == (66 / 96, 44 / 64)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="B is"):
        before_after_widget(BEFORE, {"B": BEFORE[:, :, 1:]}, title=TITLE)
    with pytest.raises(ValueError, match="start is 2"):
        before_after_widget(BEFORE, AFTERS, title=TITLE, start=2)
    with pytest.raises(ValueError, match="start is 0"):
        before_after_widget(BEFORE, {}, title=TITLE)
