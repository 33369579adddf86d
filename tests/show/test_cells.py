"""Cells of codes: one each, the right code for every point, and the error that is written."""

import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
import torch

from vqlib.show.cells import draw_cells, moving_code_widget, quantization_error
from vqlib.show.style import GREY

CODES = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
POINTS = torch.tensor([[-1.0, 0.5], [1.0, 1.0], [0.8, 0.0]])
ERROR = (0.25 + 1.0 + 0.04) / 3


def test_error_is_the_mean_of_the_squared_distances():
    assert quantization_error(POINTS, CODES) == pytest.approx(ERROR)
    assert quantization_error(CODES, CODES) == 0


def test_each_point_is_tied_to_its_code():
    svg = draw_cells(POINTS, CODES, reach=2.0).decode()
    root = ElementTree.fromstring(svg)
    assert len(root.findall(".//{*}circle")) == len(POINTS)
    (lines,) = (p.get("d") for p in root.findall(".//{*}path") if p.get("stroke") == GREY)
    assert lines.split("M")[1:] == ["100 150 100 200", "300 100 300 200", "280 200 300 200"]
    assert f"{ERROR:.3f}" in "".join(root.itertext())


def test_two_codes_share_the_square_between_them():
    root = ElementTree.fromstring(draw_cells(POINTS, CODES, reach=2.0))
    areas = [p.get("d") for p in root.findall(".//{*}path") if p.get("stroke") == "#fff"]
    numbers = [[float(n) for n in re.findall(r"[\d.]+", d)] for d in areas]
    assert [(min(n[::2]), max(n[::2])) for n in numbers] == [(0, 200), (200, 400)]


def test_the_sliders_move_one_code_and_the_error_follows():
    widget = moving_code_widget(POINTS, CODES, code=1, num_positions=3)
    rows = widget.children[-1].children
    reach = 1.25 * 1.0
    place = torch.tensor([0.9 * reach, 0.0])
    html = rows[1].children[2].value  # the highest place on the first slider, the middle one
    expected = quantization_error(POINTS, torch.stack([CODES[0], place]))
    assert f"= {expected:.3f}" in html
    assert "e_1 = (1.12, 0.00)" in html
    assert html.count("<img") == 1 and "svg" in unquote(html)
    assert torch.equal(CODES, torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))


@pytest.mark.parametrize("code", [-1, 2])
def test_a_code_that_is_not_there_is_refused(code):
    with pytest.raises(ValueError, match="codes 0 to 1"):
        moving_code_widget(POINTS, CODES, code=code)
