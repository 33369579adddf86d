"""Batches: their order, and that what is drawn depends on seed and position alone."""

import itertools
import multiprocessing
import os
import signal

import pytest
import torch
from torch import Tensor

from vqlib.data import Crops
from vqlib.data.batches import Draw, batch_indices, draw_batches


def test_an_epoch_sees_every_image_once_and_the_next_another_order():
    batches = list(itertools.islice(batch_indices(12, 4, seed=1), 6))
    first, second = torch.cat(batches[:3]), torch.cat(batches[3:])
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(12))
    assert first.tolist() != second.tolist()


def test_an_incomplete_batch_is_left_out():
    batches = list(itertools.islice(batch_indices(10, 4, seed=1), 4))
    assert [len(batch) for batch in batches] == [4] * 4
    for epoch in (batches[:2], batches[2:]):
        assert len(torch.cat(epoch).unique()) == 8


@pytest.mark.parametrize("done", [0, 1, 2, 3, 7])
def test_a_resumed_run_sees_the_batches_it_would_have_seen(done):
    whole = list(itertools.islice(batch_indices(10, 3, seed=5), 12))
    rest = list(itertools.islice(batch_indices(10, 3, seed=5, first_step=done), 12 - done))
    assert all(torch.equal(a, b) for a, b in zip(whole[done:], rest, strict=True))


@pytest.mark.parametrize("size", [0, 11])
def test_a_batch_larger_than_the_data_or_empty_is_named(size):
    with pytest.raises(ValueError, match=f"batch_size is {size}, the data set has 10 images"):
        next(batch_indices(10, size, seed=0))


def numbered() -> Crops:
    """Two pictures of 40×40 whose pixels are all different: a crop's first pixel is its place."""
    pixels = torch.arange(2 * 40 * 40.0).view(2, 1, 40, 40)
    return Crops(list(pixels / pixels.max()), 8)


def drawn(draws: list[list[Draw]], *, seed: int = 0, workers: int = 0) -> list[Tensor]:
    return list(draw_batches(numbered(), draws, seed=seed, workers=workers))


def in_order(count: int, batch_size: int = 4) -> list[list[Draw]]:
    numbers = iter(range(count * batch_size))
    return [[Draw(n % 50, n) for n in itertools.islice(numbers, batch_size)] for _ in range(count)]


def test_workers_draw_the_same_images_in_the_same_order():
    alone, shared = (drawn(in_order(6), workers=workers) for workers in (0, 2))
    assert [x.shape for x in alone] == [(4, 1, 8, 8)] * 6
    assert all(torch.equal(a, b) for a, b in zip(alone, shared, strict=True))


def test_seed_and_position_fix_the_crop_whatever_else_is_in_the_batch():
    one = drawn([[Draw(3, 7)]])[0][0]
    among_others = drawn([[Draw(30, 0), Draw(3, 7)], [Draw(3, 7)]])
    assert torch.equal(among_others[0][1], one)
    assert torch.equal(among_others[1][0], one)
    later, other_seed = drawn([[Draw(3, 8)]])[0][0], drawn([[Draw(3, 7)]], seed=1)[0][0]
    for a, b in itertools.combinations((one, later, other_seed), 2):
        assert not torch.equal(a, b)


@pytest.mark.parametrize("along", ["positions", "seeds"])
def test_neighbouring_positions_and_seeds_crop_independently(along):
    if along == "positions":
        crops = torch.cat(drawn([[Draw(0, position)] for position in range(600)]))
    else:
        crops = torch.cat([drawn([[Draw(0, 0)]], seed=seed)[0] for seed in range(600)])
    places = crops.amin((1, 2, 3)) * (2 * 40 * 40 - 1)  # the first pixel, mirrored or not
    rows, columns = places.round().long() // 40, places.round().long() % 40
    for values in (rows, columns):
        counts = torch.bincount(values, minlength=33).double()
        chi_squared = ((counts - 600 / 33) ** 2 / (600 / 33)).sum()
        assert chi_squared < 62.5  # one in a thousand fair draws of 33 places would be higher
        follows = torch.corrcoef(torch.stack([values[1:], values[:-1]]).double())[0, 1]
        assert follows.abs() < 0.13  # three standard deviations
    mirrored = (crops[:, 0, 0, 0] > crops[:, 0, 0, 1]).double().mean()
    assert mirrored == pytest.approx(0.5, abs=0.07)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_global_random_numbers_stay_untouched(workers):
    state = torch.get_rng_state()  # dropout draws from there
    drawn(in_order(2), workers=workers)
    assert torch.equal(torch.get_rng_state(), state)


def test_ctrl_c_reaches_the_workers_and_they_finish_their_batches():
    expected = drawn(in_order(12))
    batches = draw_batches(numbered(), in_order(12), seed=0, workers=2)
    first = [next(batches), next(batches)]  # one of each worker: both are set up
    workers = multiprocessing.active_children()
    assert len(workers) == 2
    for worker in workers:  # a terminal sends Ctrl-C to all processes of the group
        os.kill(worker.pid, signal.SIGINT)
    rest = list(batches)
    assert all(torch.equal(a, b) for a, b in zip(expected, first + rest, strict=True))
