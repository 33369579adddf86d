"""The full-scale data sets, read from files in their real formats."""

import pytest
import torch

from vqlib.data import digits
from vqlib.data.downloads import cifar10, mnist


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_mnist_reads_its_raw_files(stand_in_data, split):
    data = mnist(stand_in_data, split)
    assert data.images.shape == (64, 1, 32, 32)
    assert torch.equal(data.labels, digits(split).labels[:64])
    inner = digits(split, image_size=28).images[:64]
    assert (data.images[..., 2:-2, 2:-2] - inner).abs().max() < 0.005  # rounded to 8 bits
    assert (data.images[..., :2, :] == -1).all()


def test_cifar10_reads_its_binary_records(stand_in_data):
    train, held_out = cifar10(stand_in_data, "train"), cifar10(stand_in_data, "held_out")
    assert (train.images.shape, held_out.images.shape) == ((320, 3, 32, 32), (64, 3, 32, 32))
    assert torch.equal(held_out.labels, digits().labels[:64])
    assert (held_out.images - digits().images[:64]).abs().max() < 0.005


def test_a_truncated_file_is_named(stand_in_data, tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    (folder / "test_batch.bin").write_bytes(b"\0" * 4000)
    with pytest.raises(ValueError, match=r"test_batch\.bin has 4000 bytes"):
        cifar10(tmp_path, "held_out")


@pytest.mark.parametrize("load", [mnist, cifar10])
def test_an_unknown_split_is_named(load, stand_in_data):
    with pytest.raises(ValueError, match="split is 'val'"):
        load(stand_in_data, "val")
