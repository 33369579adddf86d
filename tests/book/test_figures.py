"""The drawn figures are what their modules draw, in every language."""

import importlib
import importlib.util
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

FIGURES = Path(__file__).parents[2] / "book" / "figures"
spec = importlib.util.spec_from_file_location("render_figures", FIGURES / "render.py")
render = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = render
spec.loader.exec_module(render)


def test_no_rendered_figure_is_stale():
    assert render.stale() == []


@pytest.mark.parametrize("name", render.names())
def test_a_figure_is_sound_in_both_languages(name):
    en, zh = (ElementTree.fromstring(render.svg(name, lang)) for lang in render.LANGUAGES)
    for root, language in ((en, "en"), (zh, "zh")):
        assert float(root.get("width")) <= 640, "too wide to read on a phone"
        assert (render.RENDERED / f"{name}.{language}.png").is_file()
        for text in root.iter("{http://www.w3.org/2000/svg}text"):
            assert float(text.get("font-size")) >= 13, "too small on a phone"
            has_chinese = any("\u4e00" <= char <= "\u9fff" for char in text.text or "")
            assert language == "zh" or not has_chinese
    # The same drawing but for its words.
    assert [shape.tag for shape in en.iter()] == [shape.tag for shape in zh.iter()]


@pytest.mark.parametrize("colour", ["INK", "GREY", "BLUE", "ORANGE", "GREEN"])
def test_words_in_each_colour_can_be_read_on_white(colour):
    canvas = importlib.import_module("canvas")
    assert 1.05 / (luminance(getattr(canvas, colour)) + 0.05) >= 4.5


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb" (WCAG 2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
