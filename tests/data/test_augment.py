"""More pictures from few: shifted, shrunk, turned, recoloured; always the same for a seed."""

import pytest
import torch

from vqlib.data.augment import VariedSquares, oriented, recoloured, shifted_copies, shrunk
from vqlib.data.photos import photos


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ramp(height: int, width: int) -> torch.Tensor:
    """A picture all of whose pixels differ."""
    return torch.linspace(-1, 1, 3 * height * width).view(3, height, width)


def test_by_number_varied_squares_are_plain_squares():
    plain = photos("held_out", size=48)
    varied = VariedSquares(plain.pictures, 48)
    assert len(varied) == len(plain) and varied.image_shape == (3, 48, 48)
    assert all(torch.equal(varied[i], plain[i]) for i in (0, 50, -1))


def test_a_draw_follows_the_generator_stays_in_range_and_in_its_picture():
    flat = [torch.full((3, 40, 70), value) for value in (-0.5, 0.5)]
    squares = VariedSquares(flat, 32)
    for index in range(len(squares)):
        value = flat[squares.picture_of(index)][0, 0, 0]
        drawn = torch.stack([squares.draw(index, seeded(seed)) for seed in range(20)])
        again = torch.stack([squares.draw(index, seeded(seed)) for seed in range(20)])
        assert torch.equal(drawn, again) and drawn.shape[1:] == (3, 32, 32)
        assert drawn.abs().max() <= 1
        unchanged = (drawn - value).abs().flatten(1).amax(1) < 1e-5
        assert 0.2 < unchanged.float().mean() < 0.8  # half are recoloured


def test_scales_orientations_and_places_vary():
    squares = VariedSquares([ramp(128, 128)], 32)
    drawn = [squares.draw(0, seeded(seed)) for seed in range(60)]
    steps = torch.stack(
        [(x[0, 0, 1] - x[0, 0, 0]).abs() + (x[0, 1, 0] - x[0, 0, 0]).abs() for x in drawn]
    )
    assert steps.max() / steps.min() > 1.5  # a shrunk square is steeper
    assert len({tuple(x.flatten().tolist()) for x in drawn}) == 60


def test_a_picture_that_is_just_large_enough_is_taken_whole():
    squares = VariedSquares([ramp(16, 16)], 16)
    drawn = [squares.draw(0, seeded(seed)) for seed in range(30)]
    as_it_is = [
        x for x in drawn if any(torch.equal(x, oriented(ramp(16, 16), o)) for o in range(8))
    ]
    assert 5 < len(as_it_is) < 25


def test_eight_orientations_are_eight_pictures():
    x = ramp(4, 4)
    found = [oriented(x, which) for which in range(8)]
    assert torch.equal(found[0], x)
    assert len({tuple(y.flatten().tolist()) for y in found}) == 8
    assert all(torch.equal(y.flatten().sort().values, x.flatten().sort().values) for y in found)


def test_shrinking_averages_and_never_shares_memory():
    x = torch.zeros(1, 8, 8)
    x[..., ::2] = 1.0
    assert shrunk(x, 4).mean() == pytest.approx(0.5, abs=0.05)
    same = shrunk(x, 8)
    assert torch.equal(same, x) and same.data_ptr() != x.data_ptr()


@pytest.mark.parametrize("channels", [1, 3])
def test_one_in_ten_turns_grey_and_none_leaves_its_range(channels):
    generator = seeded(0)
    x = 0.9 * torch.randn(channels, 8, 8, generator=generator).clamp(-1, 1)
    pictures = torch.stack([recoloured(x, generator) for _ in range(400)])
    assert pictures.abs().max() <= 1
    if channels == 3:
        grey = (pictures == pictures[:, :1]).flatten(1).all(1)
        assert 0.05 < grey.float().mean() < 0.15


def test_shifted_copies_come_shift_by_shift():
    x = ramp(3, 3)[None, :1]
    copies = shifted_copies(x, 1)
    assert copies.shape == (9, 1, 3, 3)
    assert torch.equal(copies[4], x[0])
    assert copies[0, 0, 0, 0] == x[0, 0, 0, 0] or (copies[0] == -1).any()
    with pytest.raises(ValueError, match="max_shift is -1"):
        shifted_copies(x, -1)
