"""Orders of a grid's tokens: all are permutations, and each is the one it says."""

from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vqlib.generate.order import (
    Order,
    OrderName,
    alternate,
    random_order,
    raster,
    spiral_in,
    spiral_out,
    subsample,
    z_curve,
)

NAMES = get_args(OrderName)
FUNCTIONS = {
    "raster": raster,
    "subsample": subsample,
    "z_curve": z_curve,
    "spiral_in": spiral_in,
    "spiral_out": spiral_out,
    "alternate": alternate,
}
sides = st.integers(1, 20)


@given(st.sampled_from(NAMES), sides, sides, st.integers(0, 2**31))
def test_every_order_writes_each_token_once_and_finds_it_again(name, height, width, seed):
    order, T = Order(name, seed), height * width
    permutation, inverse = order.permutation(height, width), order.inverse(height, width)
    assert permutation.dtype == inverse.dtype == torch.int64
    assert permutation.shape == inverse.shape == (T,)
    assert permutation.sort().values.tolist() == list(range(T))
    tokens = torch.randint(1000, (2, T))
    assert torch.equal(tokens[:, permutation][:, inverse], tokens)
    assert torch.equal(tokens[:, inverse][:, permutation], tokens)


# At each cell the number t under which its token is written, drawn by hand.
BY_HAND_4x4 = {
    "raster": [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]],
    "alternate": [[0, 1, 2, 3], [7, 6, 5, 4], [8, 9, 10, 11], [15, 14, 13, 12]],
    "spiral_in": [[0, 1, 2, 3], [11, 12, 13, 4], [10, 15, 14, 5], [9, 8, 7, 6]],
    "spiral_out": [[15, 14, 13, 12], [4, 3, 2, 11], [5, 0, 1, 10], [6, 7, 8, 9]],
    "z_curve": [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]],
    "subsample": [[0, 4, 1, 5], [8, 12, 9, 13], [2, 6, 3, 7], [10, 14, 11, 15]],
}
BY_HAND_3x2 = {
    "raster": [[0, 1], [2, 3], [4, 5]],
    "alternate": [[0, 1], [3, 2], [4, 5]],
    "spiral_in": [[0, 1], [5, 2], [4, 3]],
    "spiral_out": [[5, 4], [0, 3], [1, 2]],
    "z_curve": [[0, 1], [2, 3], [4, 5]],
    "subsample": [[0, 2], [4, 5], [1, 3]],
}
# Three rows of five: a square of 8×8 with gaps for the z-curve, phases of unequal size.
BY_HAND_3x5 = {
    "raster": [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14]],
    "alternate": [[0, 1, 2, 3, 4], [9, 8, 7, 6, 5], [10, 11, 12, 13, 14]],
    "spiral_in": [[0, 1, 2, 3, 4], [11, 12, 13, 14, 5], [10, 9, 8, 7, 6]],
    "spiral_out": [[14, 13, 12, 11, 10], [3, 2, 1, 0, 9], [4, 5, 6, 7, 8]],
    "z_curve": [[0, 1, 4, 5, 12], [2, 3, 6, 7, 13], [8, 9, 10, 11, 14]],
    "subsample": [[0, 6, 2, 7, 1], [10, 13, 12, 14, 11], [3, 8, 5, 9, 4]],
}


@pytest.mark.parametrize(
    "by_hand", [BY_HAND_4x4, BY_HAND_3x2, BY_HAND_3x5], ids=["4x4", "3x2", "3x5"]
)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_was_drawn_by_hand(name, by_hand):
    written = by_hand[name]
    height, width = len(written), len(written[0])
    assert Order(name).inverse(height, width).view(height, width).tolist() == written
    cells = sorted(range(height * width), key=lambda cell: written[cell // width][cell % width])
    assert FUNCTIONS[name](height, width).tolist() == cells


def test_a_single_row_or_column_has_few_ways_to_be_written():
    for order in (raster, alternate, spiral_in, z_curve):
        assert order(1, 6).tolist() == order(6, 1).tolist() == [0, 1, 2, 3, 4, 5]
    assert spiral_out(1, 6).tolist() == [5, 4, 3, 2, 1, 0]
    assert subsample(1, 6).tolist() == subsample(6, 1).tolist() == [0, 4, 2, 1, 5, 3]


def phases(rows: list[int], columns: list[int]) -> list[tuple[int, int]]:
    """The cells of a grid by the definition of subsample."""
    if len(rows) * len(columns) <= 1:
        return [(row, column) for row in rows for column in columns]
    four = [(rows[a::2], columns[b::2]) for a in (0, 1) for b in (0, 1)]
    return [cell for phase in four for cell in phases(*phase)]


def quarters(top: int, left: int, side: int) -> list[tuple[int, int]]:
    """The cells of a square by the definition of the z-curve."""
    if side == 1:
        return [(top, left)]
    half = side // 2
    corners = [(top + a, left + b) for a in (0, half) for b in (0, half)]
    return [cell for corner in corners for cell in quarters(*corner, half)]


@given(sides, sides)
def test_subsample_and_z_curve_follow_their_definitions(height, width):
    cells = phases(list(range(height)), list(range(width)))
    assert subsample(height, width).tolist() == [row * width + column for row, column in cells]
    cells = [(i, j) for i, j in quarters(0, 0, side=32) if i < height and j < width]
    assert z_curve(height, width).tolist() == [row * width + column for row, column in cells]


@given(st.sampled_from([alternate, spiral_in, spiral_out]), sides, sides)
def test_unbroken_paths_go_from_neighbour_to_neighbour(order, height, width):
    cells = order(height, width)
    steps = (cells // width).diff().abs() + (cells % width).diff().abs()
    assert (steps == 1).all()


def test_random_orders_depend_on_the_seed_alone():
    first = random_order(4, 6, seed=3)
    state = torch.get_rng_state()
    torch.manual_seed(1)
    again = Order("random", seed=3).permutation(4, 6)
    assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), torch.manual_seed(1).get_state())  # nothing drawn
    torch.set_rng_state(state)
    others = [random_order(4, 6, seed=seed) for seed in range(20)]
    assert len({tuple(other.tolist()) for other in others}) == 20
    assert {int(other[0]) for other in others} != {int(first[0])}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_fixed_orders_do_not_look_at_the_seed(name):
    assert torch.equal(Order(name, seed=5).permutation(5, 3), FUNCTIONS[name](5, 3))


def test_what_is_handed_out_may_be_changed():
    for name in NAMES:
        Order(name).permutation(3, 3).zero_()
        assert len(Order(name).permutation(3, 3).unique()) == 9


def test_unknown_names_and_seeds_are_named():
    wrong = Order()
    object.__setattr__(wrong, "name", "zigzag")  # the test run's type check would refuse it first
    with pytest.raises(ValueError, match=r"order is 'zigzag'; use one of 'raster', .*'random'"):
        wrong.__post_init__()
    with pytest.raises(ValueError, match="seed is -1; it must be at least 0"):
        Order("random", seed=-1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (-2, -2)])
def test_empty_grids_are_named(name, shape):
    for method in (Order(name).permutation, Order(name).inverse):
        with pytest.raises(ValueError, match="{}×{}; height and width must be".format(*shape)):
            method(*shape)
