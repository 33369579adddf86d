"""The digits and their shifted copies."""

import pytest
import torch

from vqlib.data import digits
from vqlib.data.augment import shifted_copies


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
