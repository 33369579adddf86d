"""Label maps as a data set: the contract of images, but for whole numbers."""

import pickle

import pytest
import torch
from torch.utils.data import DataLoader

from vqlib.data.batches import Draw, draw_batches
from vqlib.data.label_maps import TensorLabelMaps

LABELS = torch.arange(3 * 4 * 5).view(3, 4, 5) % 7


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_maps_come_back_as_they_are():
    maps = TensorLabelMaps(LABELS)
    assert (len(maps), maps.image_shape) == (3, (1, 4, 5))
    for index in range(3):
        assert torch.equal(maps[index], LABELS[index])
        assert maps[index].dtype == torch.int64
        assert torch.equal(maps[index - 3], maps[index])
        assert torch.equal(maps.draw(index, seeded(index)), maps[index])
    assert repr(maps) == "TensorLabelMaps(3 maps, 4×5, flip=False)"


@pytest.mark.parametrize("index", [3, -4])
def test_there_is_no_map_beyond_the_last(index):
    maps = TensorLabelMaps(LABELS)
    with pytest.raises(IndexError):
        maps[index]
    with pytest.raises(IndexError):
        maps.draw(index, seeded(0))


def test_with_flip_half_of_the_draws_are_mirrored():
    maps = TensorLabelMaps(LABELS, flip=True)
    draws = [maps.draw(1, seeded(seed)) for seed in range(200)]
    mirrored = [torch.equal(drawn, LABELS[1].flip(-1)) for drawn in draws]
    plain = [torch.equal(drawn, LABELS[1]) for drawn in draws]
    assert all(one != other for one, other in zip(mirrored, plain, strict=True))
    assert 70 <= sum(mirrored) <= 130
    assert torch.equal(maps.draw(2, seeded(5)), maps.draw(2, seeded(5)))
    assert torch.equal(maps[1], LABELS[1])  # for measuring nothing is mirrored


def test_the_training_loop_draws_whole_numbers_from_them():
    maps = pickle.loads(pickle.dumps(TensorLabelMaps(LABELS)))
    (batch,) = draw_batches(maps, [[Draw(2, 0), Draw(0, 1)]], seed=0)
    assert batch.dtype == torch.int64
    assert torch.equal(batch, LABELS[[2, 0]])
    assert len(list(DataLoader(maps, batch_size=2))) == 2


def test_no_map_at_all_is_refused():
    with pytest.raises(ValueError, match=r"labels has shape \(0, 4, 5\); at least one is needed"):
        TensorLabelMaps(LABELS[:0])
