"""Conditions: which ids a value becomes, also on windows of larger pictures, and where they lie."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.generate.small import CONDITIONS, unchecked
from vqlib.generate import (
    ClassCondition,
    Condition,
    CoordinateCondition,
    GPTConfig,
    MapCondition,
    NoCondition,
    Place,
    TextCondition,
)

sides = st.integers(1, 6)


@st.composite
def windows(draw, size: int = 24) -> tuple[tuple[int, int], Place]:
    """A window's grid, and its place in a picture that may be smaller than it."""
    (h, w), height, width = (draw(sides), draw(sides)), *(draw(st.integers(1, size)) for _ in "hw")
    top = draw(st.integers(0, max(0, height - h)))
    return (h, w), Place(top, draw(st.integers(0, max(0, width - w))), height, width)


@pytest.mark.parametrize("kind", CONDITIONS)
def test_every_kind_keeps_the_contract(kind):
    condition, value = CONDITIONS[kind]
    assert isinstance(condition, Condition)
    ids = condition.ids(value, 2)
    assert ids.dtype == torch.int64 and ids.shape == (2, condition.length)
    assert ids.min() >= 0 and ids.max() < condition.num_ids
    assert kind == "none" or not torch.equal(ids[0], ids[1])
    assert type(condition)(**vars(condition)) == condition  # plain data
    hash(condition)
    laid = condition.spread(torch.randn(2, condition.length, 5), 3, 4)
    assert laid.shape == (2, 5, 3, 4)


def test_nothing_is_one_start_token():
    assert NoCondition().ids(None, 3).tolist() == [[0], [0], [0]]
    assert NoCondition().num_ids == 1
    assert NoCondition().ids(None, 1, Place(2, 3, 8, 8)).tolist() == [[0]]


def test_a_class_is_its_own_id_wherever_the_window_lies():
    condition, classes = ClassCondition(5), torch.tensor([4, 0])
    assert condition.num_ids == 5
    for place in (None, Place(2, 3, 8, 8)):
        assert condition.ids(classes, 2, place).tolist() == [[4], [0]]


@pytest.mark.parametrize("condition", [NoCondition(), ClassCondition(5)])
def test_one_id_is_the_same_everywhere(condition):
    embedded = torch.randn(2, 1, 3)
    assert torch.equal(
        condition.spread(embedded, 2, 4), embedded.view(2, 3, 1, 1).expand(2, 3, 2, 4)
    )


def test_words_are_the_same_everywhere_and_all_count():
    embedded = torch.randn(2, 3, 5)
    laid = TextCondition(("a", "b"), 3).spread(embedded, 2, 4)
    assert torch.equal(laid, laid[:, :, :1, :1].expand_as(laid))
    torch.testing.assert_close(
        laid[:, :, 0, 0], (embedded[:, 0] + embedded[:, 1] + embedded[:, 2]) / 3
    )


# Maps


def test_a_map_is_read_row_by_row():
    value = torch.tensor([[[0, 1, 2], [3, 4, 5]]])
    assert MapCondition(6, (2, 3)).ids(value, 1).tolist() == [[0, 1, 2, 3, 4, 5]]
    assert (MapCondition(6, (2, 3)).num_ids, MapCondition(6, (2, 3)).length) == (6, 6)


@given(windows())
def test_a_window_sees_the_part_of_the_map_that_lies_on_it(window):
    (h, w), place = window
    value = torch.randint(50, (2, place.height, place.width))
    ids = MapCondition(50, (h, w)).ids(value, 2, place).unflatten(1, (h, w))
    inside = value[:, place.top : place.top + h, place.left : place.left + w]
    rows, columns = inside.shape[1:]
    assert torch.equal(ids[:, :rows, :columns], inside)
    # A picture smaller than the window: what lies at the border of its map goes on.
    assert torch.equal(ids[:, rows:], ids[:, rows - 1 : rows].expand_as(ids[:, rows:]))
    below = ids[:, :, columns:]
    assert torch.equal(below, ids[:, :, columns - 1 : columns].expand_as(below))


@given(windows(8), st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_maps_may_have_other_grids_than_the_tokens(window, tall, wide, finer):
    (h, w), place = window
    if finer:  # one token of the picture has tall × wide tokens of the map
        grid, size = (h * tall, w * wide), (place.height * tall, place.width * wide)
        top, left = place.top * tall, place.left * wide
    else:  # and here the other way round
        grid, size = (h, w), (place.height, place.width)
        top, left = place.top, place.left
        place = Place(top * tall + tall - 1, left * wide, size[0] * tall, size[1] * wide)
    value = torch.randint(50, (1, *size))
    ids = MapCondition(50, grid).ids(value, 1, place).unflatten(1, grid)
    inside = value[:, top : top + grid[0], left : left + grid[1]]
    assert torch.equal(ids[:, : inside.shape[1], : inside.shape[2]], inside)


@given(sides, sides, st.integers(1, 3), st.integers(1, 3))
def test_a_map_lies_where_it_lies(h, w, tall, wide):
    condition, embedded = MapCondition(9, (h, w)), torch.randn(2, h * w, 3)
    laid = embedded.transpose(1, 2).view(2, 3, h, w)
    enlarged = condition.spread(embedded, h * tall, w * wide)
    assert torch.equal(enlarged, laid.repeat_interleave(tall, 2).repeat_interleave(wide, 3))
    condition = MapCondition(9, (h * tall, w * wide))
    embedded = enlarged.flatten(2).transpose(1, 2)
    assert torch.equal(condition.spread(embedded, h, w), laid)


# Coordinates


def rows_and_columns(condition: CoordinateCondition, place: Place) -> tuple[list[int], list[int]]:
    """The steps of a window's rows and those of its columns, the latter from 0 too."""
    (ids,) = condition.ids(None, 1, place).tolist()
    rows, columns = ids[: condition.grid[0]], ids[condition.grid[0] :]
    assert len(columns) == condition.grid[1]
    return rows, [j - condition.bins for j in columns]


def test_coordinates_in_numbers():
    condition = CoordinateCondition((2, 3), bins=4)
    assert (condition.num_ids, condition.length) == (8, 5)
    # One window is the whole picture: halves of its height, thirds of its width.
    assert condition.ids(None, 2).tolist() == [[0, 2, 4, 5, 6]] * 2
    assert rows_and_columns(condition, Place(0, 0, 8, 12)) == ([0, 0], [0, 0, 0])
    assert rows_and_columns(condition, Place(5, 8, 8, 12)) == ([2, 3], [2, 3, 3])
    assert condition.ids(torch.tensor([[0, 0, 8, 12], [5, 8, 8, 12]]), 2).tolist() == [
        [0, 0, 4, 4, 4],
        [2, 3, 6, 7, 7],
    ]


@given(windows(), st.integers(1, 30))
def test_rows_and_columns_have_their_own_ids_and_are_told_apart_where_bins_allow(window, bins):
    grid, place = window
    condition = CoordinateCondition(grid, bins=bins)
    sizes = (place.height, place.width)
    for steps, size in zip(rows_and_columns(condition, place), sizes, strict=True):
        assert min(steps) >= 0 and max(steps) < bins
        assert steps == sorted(steps)
        inside = steps[:size]
        assert size > bins or len(set(inside)) == len(inside)
        assert set(steps[size:]) <= {bins - 1}  # past the border the last step goes on


@given(windows(), st.integers(0, 24), st.integers(0, 24))
def test_another_row_changes_row_ids_only_and_another_column_column_ids_only(window, top, left):
    grid, place = window
    condition = CoordinateCondition(grid, bins=24)
    rows, columns = rows_and_columns(condition, place)
    lower, same = rows_and_columns(condition, place._replace(top=top))
    assert same == columns
    assert (lower == rows) == (top == place.top) or max(top, place.top) >= place.height
    same, right = rows_and_columns(condition, place._replace(left=left))
    assert same == rows
    assert (right == columns) == (left == place.left) or max(left, place.left) >= place.width


def test_the_column_is_kept_which_pooled_raster_indices_lose():
    h = w = bins = 16
    # What is often done: the share of the raster index in all tokens, in as many steps.
    pooled = (torch.arange(h * w) * bins // (h * w)).view(h, w)
    assert (pooled == pooled[:, :1]).all()  # within a row all columns are one
    condition = CoordinateCondition((4, 4), bins=bins)
    corners = [(top, left) for top in range(h - 3) for left in range(w - 3)]
    told = {tuple(condition.ids(None, 1, Place(*c, h, w))[0].tolist()) for c in corners}
    windows_pooled = {tuple(pooled[i : i + 4, j : j + 4].flatten().tolist()) for i, j in corners}
    assert (len(told), len(windows_pooled)) == (13 * 13, 13)


def test_coordinates_lie_on_their_rows_and_columns():
    embedded = torch.randn(2, 3 + 4, 5)
    laid = CoordinateCondition((3, 4)).spread(embedded, 3, 4)
    for i in range(3):
        for j in range(4):
            assert torch.equal(laid[:, :, i, j], embedded[:, i] + embedded[:, 3 + j])


# What is not right


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("none", torch.zeros(2).long(), "knows no condition; give None"),
        ("class", None, "classes are None; an int64 tensor of shape (2,) is expected"),
        ("class", [0, 1], "classes are [0, 1]; an int64 tensor"),
        ("class", torch.zeros(3).long(), "classes have the shape (3,)"),
        ("class", torch.zeros(2, 1).long(), "classes have the shape (2, 1)"),
        ("class", torch.zeros(2), "are torch.float32; int64 of shape (2,) is expected"),
        ("class", torch.zeros(2).int(), "are torch.int32; int64"),
        ("class", torch.tensor([0, 3]), "classes range over [0, 3], this model knows 0 to 2"),
        ("class", torch.tensor([-1, 2]), "classes range over [-1, 2]"),
        ("map", None, "tokens of a map are None"),
        (
            "map",
            torch.zeros(1, 2, 3).long(),
            "shape (1, 2, 3) and are torch.int64; int64 of shape (2, 2, 3)",
        ),
        ("map", torch.zeros(2, 4, 3).long(), "have the shape (2, 4, 3)"),
        ("map", torch.zeros(2, 6).long(), "have the shape (2, 6)"),
        ("map", torch.zeros(2, 2, 3), "are torch.float32"),
        (
            "map",
            torch.full((2, 2, 3), 5),
            "tokens of a map range over [5, 5], this model knows 0 to 4",
        ),
        ("coordinates", torch.zeros(3, 4).long(), "height, width) have the shape (3, 4)"),
        ("coordinates", torch.ones(2, 3).long(), "have the shape (2, 3)"),
        ("coordinates", torch.ones(2, 4), "are torch.float32; int64 of shape (2, 4)"),
        ("coordinates", [Place(0, 0, 4, 4)] * 2, "an int64 tensor of shape (2, 4) is expected"),
        ("coordinates", torch.zeros(2, 4).long(), "top and left start at 0, height and width at 1"),
        ("coordinates", torch.tensor([[0, -1, 4, 4]] * 2), "places are [[0, -1, 4, 4]"),
        ("text", None, "captions are None; a list of 2 strings is expected"),
        ("text", "a sun", "captions are 'a sun'; a list"),
        ("text", ["a"], "captions are ['a']; a list of 2 strings"),
        ("text", torch.zeros(2, 4).long(), "words have the shape (2, 4)"),
        ("text", torch.full((2, 3), 5), "words range over [5, 5], this model knows 0 to 4"),
    ],
)
def test_wrong_values_are_named(kind, value, message):
    with pytest.raises(ValueError) as error:
        unchecked(CONDITIONS[kind][0].ids)(value, 2)
    assert message in str(error.value)


def test_wrong_values_for_larger_pictures_are_named():
    place = Place(0, 0, 8, 8)
    with pytest.raises(ValueError, match=r"shape \(3, 8, 8\).*int64 of shape \(2, 'any', 'any'\)"):
        MapCondition(5, (2, 3)).ids(torch.zeros(3, 8, 8).long(), 2, place)
    with pytest.raises(ValueError, match="the windows' places are known; give None"):
        CoordinateCondition((3, 4)).ids(torch.ones(2, 4).long(), 2, place)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ClassCondition(0), "num_classes is 0; it must be at least 1"),
        (lambda: MapCondition(0, (2, 2)), "num_codes is 0"),
        (lambda: MapCondition(4, (2, 0)), r"grid is \(2, 0\); rows and columns"),
        (lambda: CoordinateCondition((0, 2)), r"grid is \(0, 2\)"),
        (lambda: CoordinateCondition((2, 2), bins=0), "bins is 0"),
        (lambda: TextCondition((), 3), r"words are \(\); at least one is needed"),
        (lambda: TextCondition(("a", "a"), 3), "each one once"),
        (lambda: TextCondition(("a", ""), 3), "each one once"),
        (lambda: TextCondition(("a",), 0), "max_words is 0"),
        (lambda: TextCondition.of([]), "max_words is 0"),
    ],
)
def test_wrong_kinds_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_what_could_never_be_drawn_from_is_refused():
    with pytest.raises(ValueError, match=r"the words \['Sun'\] have capitals"):
        TextCondition(("a", "Sun"), 2)
    with pytest.raises(ValueError, match=r"a window of \(2, 2\) tokens, the model's is \(4, 4\)"):
        GPTConfig(grid=(4, 4), condition=CoordinateCondition((2, 2)))
