"""The digits, their shifted copies, and the order of batches."""

import itertools

import pytest
import torch

from vqlib.data import digits
from vqlib.data.augment import shifted_copies
from vqlib.data.batches import batch_indices


def test_the_split_is_fixed_and_disjoint():
    train, held_out = digits("train"), digits("held_out")
    assert (len(train), len(held_out)) == (1500, 297)
    assert train.images.shape == (1500, 1, 32, 32)
    assert (train.images.dtype, train.labels.dtype) == (torch.float32, torch.int64)
    assert (train.images.min(), train.images.max()) == (-1, 1)
    assert held_out.labels.unique().tolist() == list(range(10))
    # Real data: known first labels of the UCI file.
    assert train.labels[:10].tolist() == list(range(10))
    train_set = {image.numpy().tobytes() for image in train.images}
    assert not train_set & {image.numpy().tobytes() for image in held_out.images}


def test_at_their_own_size_the_pixels_are_untouched():
    from sklearn.datasets import load_digits

    got = digits("held_out", image_size=8).images[:, 0].add(1).mul(8).numpy()
    assert (got == load_digits().images[1500:]).all()


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"split is 'test'; use one of 'train', 'held_out'"):
        digits("test")
    with pytest.raises(ValueError, match="image_size is 4"):
        digits(image_size=4)


def test_shifted_copies_move_every_image_every_way():
    x = torch.full((2, 1, 4, 4), -1.0)
    x[0, 0, 1, 2] = 1.0
    copies = shifted_copies(x, 1)
    assert copies.shape == (18, 1, 4, 4)
    bright = {tuple(image[0].nonzero().tolist()[0]) for image in (copies[::2] > 0)}
    assert bright == {(1 + dy, 2 + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)}
    assert torch.equal(shifted_copies(x, 0), x)
    with pytest.raises(ValueError, match="max_shift is -1"):
        shifted_copies(x, -1)


def test_an_epoch_sees_every_image_once_and_the_next_another_order():
    batches = list(itertools.islice(batch_indices(12, 4, seed=1), 6))
    first, second = torch.cat(batches[:3]), torch.cat(batches[3:])
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(12))
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize("done", [0, 1, 2, 3, 7])
def test_a_resumed_run_sees_the_batches_it_would_have_seen(done):
    whole = list(itertools.islice(batch_indices(10, 3, seed=5), 12))
    rest = list(itertools.islice(batch_indices(10, 3, seed=5, first_step=done), 12 - done))
    assert all(torch.equal(a, b) for a, b in zip(whole[done:], rest, strict=True))


def test_a_batch_larger_than_the_data_is_named():
    with pytest.raises(ValueError, match="batch_size is 11, the data set has 10 images"):
        next(batch_indices(10, 11, seed=0))
