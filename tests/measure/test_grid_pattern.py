"""The energy of a grid: found where there is one, and nowhere else."""

import pytest
import torch

from vqlib.data.images import stack
from vqlib.data.photos import photos, textures
from vqlib.measure.grid_pattern import grid_energy


@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_faint_grid_on_photographs_is_seen(period):
    x = stack(photos("held_out"))
    rows = torch.arange(64) % period == 0
    grid = x + 0.2 * (rows[:, None] | rows[None, :])
    plain = grid_energy(x, period)
    assert 0.3 < plain < 1.5
    assert grid_energy(grid, period) > 5 * plain


def test_noise_has_no_grid_and_a_texture_has_none_of_this_period():
    torch.manual_seed(0)
    assert grid_energy(torch.randn(50, 3, 64, 64), 4) == pytest.approx(1, abs=0.1)
    assert grid_energy(stack(textures("held_out")), 4) < 2


def test_a_grid_is_seen_along_either_side_whatever_scale_and_mean():
    torch.manual_seed(0)
    x = torch.randn(8, 1, 32, 64)
    striped = x + 2.0 * (torch.arange(64) % 4 == 0)
    assert grid_energy(striped, 4) > 5
    assert grid_energy(striped.transpose(2, 3), 4) == pytest.approx(grid_energy(striped, 4))
    assert grid_energy(5 * striped + 3, 4) == pytest.approx(grid_energy(striped, 4), rel=1e-3)


def test_what_it_cannot_judge_is_named():
    with pytest.raises(ValueError, match="period is 1"):
        grid_energy(torch.zeros(1, 1, 32, 32), 1)
    for height, width in ((30, 32), (32, 28), (0, 32)):
        with pytest.raises(ValueError, match=f"{height}×{width}; sides must be multiples"):
            grid_energy(torch.zeros(1, 1, height, width), 4)
