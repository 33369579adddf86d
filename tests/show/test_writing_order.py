"""The widget that writes grids: one frame per token, and the right neighbours in each."""

from xml.etree import ElementTree

import pytest

from vqlib.generate import Order
from vqlib.show.writing_order import _draw, known_neighbours, writing_order_widget


def test_known_neighbours_are_those_written_before():
    raster = list(range(9))
    assert known_neighbours(raster, 0, 3) == []
    assert sorted(known_neighbours(raster, 2, 3)) == [1]  # not 3, which is the next row's first
    assert sorted(known_neighbours(raster, 4, 3)) == [1, 3]
    assert sorted(known_neighbours([1, 3, 5, 7, 4], 4, 3)) == [1, 3, 5, 7]


@pytest.mark.parametrize("name", ["raster", "z_curve", "spiral_out", "subsample", "random"])
def test_every_pair_of_neighbours_is_met_once(name):
    path = Order(name).permutation(5, 5).tolist()
    assert sum(len(known_neighbours(path, t, 5)) for t in range(25)) == 2 * 5 * 4


def test_frames_say_how_many_neighbours_are_known():
    widget = writing_order_widget([Order("raster"), Order("spiral_in")], size=3)
    pictures = [child.value for child in widget.children[-1].children]
    assert len(pictures) == 9
    assert 'alt="t = 0: 0, 0"' in pictures[0]
    assert 'alt="t = 4: 2, 1"' in pictures[4]
    assert 'alt="t = 8: 2, 4"' in pictures[8]


def test_a_frame_is_drawn_with_the_written_cells_and_the_number():
    paths = [Order("raster").permutation(2, 2).tolist()]
    root = ElementTree.fromstring(_draw(paths, 3, 2))
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["1", "2"]  # the grid's number, and two known neighbours
    drawn = [node.get("d") for node in root.iter("{http://www.w3.org/2000/svg}path")]
    assert "M0 0h1M1 0h1M0 1h1" in drawn
