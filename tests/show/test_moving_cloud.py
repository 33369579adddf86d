"""The moving cloud: codes in use are blue and have lines, dead ones are grey."""

import base64
import re
from urllib.parse import unquote

import pytest
import torch
from ipywidgets import HTML, Widget

from vqlib.show.moving_cloud import compare_clouds_widget, moving_cloud_widget
from vqlib.show.style import BLUE, GREY

LATENTS = torch.tensor([[1.0, 0.0], [1.2, 0.2], [0.0, 1.0]])
NEAR = torch.tensor([[1.1, 0.1], [0.0, 0.9], [-1.0, -1.0]])  # the last is nearest to none
LOST = torch.tensor([[1.1, 0.1], [-2.0, -1.0], [-2.0, -2.0]])
FILM = [(LATENTS, NEAR), (LATENTS, NEAR), (LATENTS, LOST)]


def pictures(widget: Widget) -> dict[str, str]:
    """Alternative text → SVG of every picture in it."""
    found, waiting = {}, [widget]
    while waiting:
        part = waiting.pop()
        waiting += getattr(part, "children", ())
        if isinstance(part, HTML) and "<img" in part.value:
            alt = re.search(r'alt="([^"]*)"', part.value)[1]
            head, _, data = re.search(r'src="([^"]*)"', part.value)[1].partition(",")
            found[alt] = base64.b64decode(data).decode() if "base64" in head else unquote(data)
    return found


def test_a_dead_code_is_grey_and_has_no_line():
    shown = pictures(moving_cloud_widget(FILM))
    assert set(shown) == {"t = 0, 2 / 3", "t = 1, 2 / 3", "t = 2, 1 / 3"}
    for alt, dead in (("t = 0, 2 / 3", 1), ("t = 2, 1 / 3", 2)):
        svg = shown[alt]
        assert svg.count("<circle") == len(LATENTS)
        crosses = re.findall(r"m-4-4l8 8m0-8l-8 8' stroke='(#\w+)'", svg)
        assert crosses.count(BLUE) == 3 - dead
        assert crosses.count(GREY) == dead
        (lines,) = re.findall(rf"<path d='([^']*)' stroke='{GREY}'/>", svg)
        ends = {line.rsplit(maxsplit=2)[1] for line in lines.split("M")[1:]}
        assert len(ends) == 3 - dead  # every line ends at a code in use


def test_only_some_moments_are_drawn():
    assert set(pictures(moving_cloud_widget(FILM, every=2))) == {"t = 0, 2 / 3", "t = 2, 1 / 3"}


def test_runs_are_compared_on_one_scale():
    shown = pictures(compare_clouds_widget({"A": FILM, "B": [(LATENTS, NEAR)] * 3}))
    assert set(shown) == {f"A, t = {t}, {n} / 3" for t, n in ((0, 2), (1, 2), (2, 1))} | {
        f"B, t = {t}, 2 / 3" for t in range(3)
    }
    assert shown["A, t = 0, 2 / 3"] == shown["B, t = 0, 2 / 3"]


def test_one_moment_is_no_film():
    with pytest.raises(ValueError, match="two or more values"):
        moving_cloud_widget(FILM[:1])
