"""What is seen is filled, and what could be seen and is not is hatched."""

import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.path import Path

from vqlib.show.receptive_field import show_fields


def hatched(figure: Figure) -> int:
    """Cells, each of which has a corner where its outline begins."""
    paths = [patch.get_path() for patch in figure.axes[0].patches if patch.get_hatch()]
    return sum(int((path.codes == Path.MOVETO).sum()) for path in paths)


def test_every_cell_before_the_place_that_is_not_seen_is_hatched():
    field = torch.zeros(3, 4)
    field[0, 1] = 1e-12  # however weak
    assert hatched(show_fields([field], (1, 2))) == 4 + 2 - 1


def test_nothing_is_hatched_where_all_that_comes_before_is_seen():
    field = torch.zeros(2, 2)
    field[0] = 1.0
    assert hatched(show_fields([field], (1, 0))) == 0


def test_a_field_without_any_influence_can_be_drawn():
    assert hatched(show_fields([torch.zeros(2, 2)], (1, 1))) == 3


def test_labels_stand_above_the_grids():
    figure = show_fields([torch.ones(2, 2)] * 2, (1, 1), ["$L=1$", "$L=2$"])
    assert [axis.get_title() for axis in figure.axes] == ["$L=1$", "$L=2$"]


@pytest.mark.parametrize("place", [(2, 0), (0, 3), (-1, 0)])
def test_place_outside_the_grid_is_refused(place):
    with pytest.raises(ValueError, match="the grid has 2 rows and 3 columns"):
        show_fields([torch.ones(2, 3)], place)
