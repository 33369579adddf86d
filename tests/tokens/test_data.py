"""What stage 2 learns from: every kind of values, windows of larger grids, images encoded anew."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from vqlib.compress.palette import ColorPalette, ColorPaletteConfig
from vqlib.data import TensorImages
from vqlib.data.batches import batch_indices
from vqlib.generate import (
    GPT,
    ClassCondition,
    CoordinateCondition,
    GPTConfig,
    MapCondition,
    NoCondition,
    TextCondition,
)
from vqlib.tokens import EncodedImages, TokenData, TokenGrids
from vqlib.tokens.data import windows
from vqlib.train import PriorRecipe
from vqlib.train.loop import Run
from vqlib.train.runtime import Runtime

TINY = GPTConfig(num_codes=64, grid=(4, 4), num_layers=1, num_heads=1, width=4)
CPU = torch.device("cpu")


def with_condition(condition, **changes) -> GPTConfig:
    return replace(TINY, condition=condition, **changes)


def batches(
    data: TokenData, config: GPTConfig, *, done: int = 0, place: Runtime | None = None, **recipe
) -> list[tuple[int, tuple[Tensor, Tensor]]]:
    """What a run would train on from a step on."""
    recipe = PriorRecipe(**{"steps": 6, "batch_size": 4, "seed": 3} | recipe)
    run = Run(GPT(config), {}, recipe, place or Runtime(CPU), progress=False)
    run.steps_done = done
    asked = {"seed": run.recipe.seed, "device": run.place.device}
    return list(run.steps(data.batches(run.draws(len(data)), config, **asked)))


def assert_same_batches(one: list, two: list) -> None:
    assert len(one) == len(two) > 0
    for (step, (tokens, ids)), (other_step, (other_tokens, other_ids)) in zip(
        one, two, strict=True
    ):
        assert step == other_step
        assert torch.equal(tokens, other_tokens)
        assert torch.equal(ids, other_ids)


def numbered(count: int, height: int, width: int) -> Tensor:
    """Grids in which each token says where it is."""
    return torch.arange(height * width).view(1, height, width).repeat(count, 1, 1)


# Grids as large as the model's

WORDS = TextCondition(("moon", "sun", ","), 3)
KINDS = {
    "none": (NoCondition(), None, torch.zeros(10, 1)),
    "labels": (ClassCondition(10), torch.arange(10), torch.arange(10)[:, None]),
    "labels in 32 bits": (
        ClassCondition(10),
        torch.arange(10, dtype=torch.int32),
        torch.arange(10)[:, None],
    ),
    "labels in an array of bytes": (
        ClassCondition(10),
        np.arange(10, dtype=np.uint8),
        torch.arange(10)[:, None],
    ),
    "maps": (
        MapCondition(60, (2, 3)),
        torch.arange(60).view(10, 2, 3),
        torch.arange(60).view(10, 6),
    ),
    "maps in an array": (
        MapCondition(60, (2, 3)),
        np.arange(60, dtype=np.uint16).reshape(10, 2, 3),
        torch.arange(60).view(10, 6),
    ),
    "captions": (
        WORDS,
        ["sun", "moon, sun"] * 5,
        torch.tensor([[2, 0, 0], [1, 3, 2]]).repeat(5, 1),
    ),
    "words": (WORDS, torch.tensor([[1, 3, 2]] * 10), torch.tensor([[1, 3, 2]] * 10)),
    "places": (
        CoordinateCondition((4, 4), 4),
        torch.tensor([[4, 8, 16, 16]] * 10),
        torch.tensor([[1, 1, 1, 1, 6, 6, 6, 6]] * 10),
    ),
    "the whole picture": (
        CoordinateCondition((4, 4), 4),
        None,
        torch.tensor([[0, 1, 2, 3, 4, 5, 6, 7]] * 10),
    ),
}


@pytest.mark.parametrize("as_array", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_pictures_and_values_stay_together(kind, as_array):
    condition, values, expected = KINDS[kind]
    config = with_condition(condition)
    tokens = torch.randint(64, (10, 4, 4))
    data = TokenGrids(tokens.numpy().astype(np.uint16) if as_array else tokens, values)
    assert isinstance(data, TokenData)
    assert len(data) == 10
    whole = list(data.pictures(config, 4))
    assert [len(part) for part, _ in whole] == [4, 4, 2]
    assert torch.equal(torch.cat([part for part, _ in whole]), tokens.flatten(1))
    assert torch.equal(torch.cat([ids for _, ids in whole]), expected)
    order = batch_indices(10, 4, seed=3)
    for _, (part, ids) in batches(data, config):
        rows = next(order)
        assert part.dtype == ids.dtype == torch.int64
        assert torch.equal(part, tokens[rows].flatten(1))
        assert torch.equal(ids, expected[rows])


@pytest.mark.parametrize("grid", [(4, 4), (7, 5)])
@pytest.mark.parametrize("done", [1, 4])
def test_a_resumed_run_goes_on_with_the_same_batches(done, grid):
    data = TokenGrids(torch.randint(64, (10, *grid)))
    assert_same_batches(batches(data, TINY)[done:], batches(data, TINY, done=done))


@pytest.mark.parametrize("grid", [(4, 4), (7, 5)])
def test_two_processes_share_what_one_would_have(grid):
    data = TokenGrids(torch.randint(64, (10, *grid)), torch.arange(10))
    config = with_condition(ClassCondition(10))
    alone = batches(data, config)
    shared = [batches(data, config, place=Runtime(CPU, rank, 2)) for rank in (0, 1)]
    together = [
        (step, (torch.cat([one, two]), torch.cat([ids, more_ids])))
        for (step, (one, ids)), (_, (two, more_ids)) in zip(*shared, strict=True)
    ]
    assert_same_batches(alone, together)


# Windows of larger grids


@given(st.integers(4, 9), st.integers(4, 9), st.integers(0, 2**40), st.integers(0, 2**40))
def test_a_window_is_a_part_of_its_picture_in_its_place(height, width, seed, first):
    config = with_condition(CoordinateCondition((4, 4), 36), num_codes=81)
    tokens, ids = windows(numbered(3, height, width), None, config, seed=seed, first=first)
    assert tokens.shape == (3, 16)
    for window, prefix in zip(tokens.view(3, 4, 4), ids, strict=True):
        top, left = divmod(int(window[0, 0]), width)
        rows, columns = torch.arange(4) + top, torch.arange(4) + left
        assert torch.equal(window, rows[:, None] * width + columns)
        # What the ids say of a row: its share of the picture's height, in 36 steps.
        assert prefix[:4].tolist() == [int(i) * 36 // height for i in rows]
        assert prefix[4:].tolist() == [36 + int(j) * 36 // width for j in columns]


@given(st.integers(0, 2**40), st.integers(0, 1000), st.integers(1, 7))
def test_a_window_depends_on_seed_and_number_alone(seed, first, split):
    grids = numbered(8, 9, 7)
    config = replace(TINY, num_codes=63)
    at_once, _ = windows(grids, None, config, seed=seed, first=first)
    torch.manual_seed(seed % 7)  # which does not matter
    parts = [
        windows(part, None, config, seed=seed, first=first + begin)[0]
        for part, begin in ((grids[:split], 0), (grids[split:], split))
    ]
    assert torch.equal(at_once, torch.cat(parts))


def test_all_windows_come_equally_often_whatever_the_seed():
    config = replace(TINY, num_codes=42)
    grids = numbered(600, 7, 6)
    seen = []
    for seed in range(4):
        tokens, _ = windows(grids, None, config, seed=seed, first=0)
        seen.append(tokens[:, 0])
        counts = Counter(tokens[:, 0].tolist())
        assert counts.keys() == {row * 6 + column for row in range(4) for column in range(3)}
        assert min(counts.values()) > 20  # of 50 expected
        again = (tokens[:-1, 0] == tokens[1:, 0]).float().mean()  # neighbours are independent
        assert again == pytest.approx(1 / 12, abs=0.06)
    assert all((seen[0] != other).float().mean() > 0.8 for other in seen[1:])


@pytest.mark.parametrize(("factor", "grid"), [(1, (4, 4)), (2, (8, 8))])
def test_the_map_of_a_window_is_the_part_that_lies_on_it(factor, grid):
    tokens = torch.randint(64, (20, 9, 7))
    maps = tokens.repeat_interleave(factor, 1).repeat_interleave(factor, 2)
    config = with_condition(MapCondition(64, grid))
    cut, ids = windows(tokens, maps, config, seed=1, first=0)
    on_it = cut.view(20, 4, 4).repeat_interleave(factor, 1).repeat_interleave(factor, 2)
    assert torch.equal(ids, on_it.flatten(1))


def test_a_coarse_map_covers_the_window_from_its_upper_left_corner():
    config = with_condition(MapCondition(20, (2, 2)), num_codes=80)
    cut, ids = windows(numbered(50, 8, 10), numbered(50, 4, 5), config, seed=1, first=0)
    top, left = cut[:, 0] // 10, cut[:, 0] % 10
    assert {int(i) for i in top} == set(range(5))
    # The cell under the window's corner, and its neighbours.
    corner = top // 2 * 5 + left // 2
    right, down = (left // 2 + 1).clamp(max=4) - left // 2, (top // 2 + 1).clamp(max=3) - top // 2
    expected = torch.stack([corner, corner + right, corner + 5 * down, corner + 5 * down + right])
    assert torch.equal(ids, expected.T)


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        (ClassCondition(10), torch.arange(10)),
        (WORDS, ["sun", "moon, sun"] * 5),
        (NoCondition(), None),
    ],
)
def test_what_has_no_place_is_the_same_for_every_window(condition, values):
    config = with_condition(condition)
    small, large = (
        TokenGrids(torch.zeros(10, *grid, dtype=torch.int64), values) for grid in ((4, 4), (6, 9))
    )
    for (_, ids), (_, other) in zip(
        small.pictures(config, 4), large.pictures(config, 4), strict=True
    ):
        assert torch.equal(ids, other)


def test_pictures_for_measuring_are_always_the_same_and_batches_vary():
    data, config = TokenGrids(numbered(8, 9, 7)), replace(TINY, num_codes=63)
    whole = torch.cat([tokens for tokens, _ in data.pictures(config, 8)])
    in_parts = torch.cat([tokens for tokens, _ in data.pictures(config, 3)])
    assert torch.equal(whole, in_parts)
    corners = [tokens[:, 0] for _, (tokens, _) in batches(data, config, steps=12)]
    assert len(torch.cat(corners).unique()) > 12  # of 24
    other = [tokens[:, 0] for _, (tokens, _) in batches(data, config, steps=12, seed=4)]
    assert not torch.equal(torch.cat(corners), torch.cat(other))


# Images encoded at each step

LABELS = torch.arange(20) % 10


def pixels() -> Tensor:
    """Twenty pictures of 4×4 pixels, all different."""
    return torch.rand(20, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1


def greys() -> ColorPalette:
    """A codec with a token for each pixel."""
    palette = ColorPalette(ColorPaletteConfig(64, image_size=4, image_channels=1))
    palette.colors.copy_(torch.linspace(-1, 1, 64)[:, None])
    return palette


def encoded(images: TensorImages, workers: int = 0) -> EncodedImages:
    palette = greys()
    return EncodedImages(images, lambda x, rows: (palette.encode(x), LABELS[rows]), workers=workers)


@pytest.mark.parametrize("grid", [(4, 4), (2, 3)])
def test_encoding_at_each_step_is_encoding_once_where_images_do_not_vary(grid):
    config = with_condition(ClassCondition(10), grid=grid)
    images = encoded(TensorImages(pixels()))
    assert isinstance(images, TokenData)
    assert len(images) == 20
    grids = TokenGrids(greys().encode(pixels()), LABELS)
    assert_same_batches(batches(grids, config), batches(images, config))
    assert_same_batches(batches(grids, config)[2:], batches(images, config, done=2))
    whole, again = (list(enumerate(data.pictures(config, 8))) for data in (grids, images))
    assert_same_batches(whole, again)


def test_workers_change_nothing():
    images = TensorImages(pixels(), flip=True)
    config = with_condition(ClassCondition(10), grid=(2, 3))
    assert_same_batches(batches(encoded(images), config), batches(encoded(images, 1), config))


def test_images_are_varied_for_training_and_not_for_measuring():
    config = with_condition(ClassCondition(10))
    x = pixels()[:4]
    data = encoded(TensorImages(x, flip=True))
    ((tokens, ids),) = data.pictures(config, 4)
    assert torch.equal(tokens, greys().encode(x).flatten(1))
    assert ids.flatten().tolist() == [0, 1, 2, 3]
    either = {
        (number, *row)
        for images in (x, x.flip(-1))
        for number, row in enumerate(greys().encode(images).flatten(1).tolist())
    }
    assert len(either) == 8
    seen = [
        (int(i), *row)
        for _, (part, ids) in batches(data, config)
        for i, row in zip(ids, part.tolist(), strict=True)
    ]
    assert len(seen) == 24
    assert set(seen) == either


# What is refused


@pytest.mark.parametrize("shape", [(5, 16), (0, 4, 4), (5, 4, 4, 1)])
def test_tokens_that_are_no_grids_are_named(shape):
    for tokens in (torch.zeros(shape, dtype=torch.int64), np.zeros(shape, np.uint16)):
        with pytest.raises(ValueError, match=r"tokens have the shape .*; \(N, H, W\) is expected"):
            TokenGrids(tokens)


@pytest.mark.parametrize("tokens", [torch.zeros(5, 4, 4), np.zeros((5, 4, 4), np.float32)])
def test_tokens_that_are_no_whole_numbers_are_named(tokens):
    with pytest.raises(ValueError, match="float32; whole numbers are expected"):
        TokenGrids(tokens)


@pytest.mark.parametrize("values", [torch.arange(9), ["sun"] * 11, []])
def test_another_number_of_values_is_named(values):
    with pytest.raises(ValueError, match=f"{len(values)} conditions for 10 pictures"):
        TokenGrids(torch.zeros(10, 4, 4, dtype=torch.int64), values)


@pytest.mark.parametrize("grid", [(3, 9), (9, 3)])
def test_grids_smaller_than_the_models_are_named(grid):
    data = TokenGrids(torch.zeros(10, *grid, dtype=torch.int64))
    with pytest.raises(ValueError, match="pictures of {}×{} tokens are smaller than".format(*grid)):
        next(iter(data.pictures(TINY, 4)))
    with pytest.raises(ValueError, match="smaller than the model's 4×4"):
        batches(data, TINY)


@pytest.mark.parametrize("grid", [(4, 4), (6, 6)])
@pytest.mark.parametrize("token", [-1, 64])
def test_tokens_of_another_codec_are_named(token, grid):
    data = TokenGrids(torch.full((10, *grid), token))
    with pytest.raises(ValueError, match=rf"tokens range over \[{token}, {token}\].*codes 0 to 63"):
        batches(data, TINY)


def test_places_of_windows_that_are_cut_here_are_refused():
    config = with_condition(CoordinateCondition((4, 4), 4))
    data = TokenGrids(torch.zeros(10, 6, 6, dtype=torch.int64), torch.tensor([[0, 0, 6, 6]] * 10))
    with pytest.raises(ValueError, match="places are known; give None"):
        batches(data, config)
