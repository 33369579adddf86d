"""The bundled faces."""

import numpy as np
import pytest
import torch

from vqlib.data import faces, stack
from vqlib.data.photos import bundled


def test_the_split_is_fixed_and_disjoint():
    train, held_out = faces("train", size=25), faces("held_out", size=25)
    assert (len(train), len(held_out)) == (80, 20)
    raw = torch.from_numpy(np.load(bundled("skimage/data/lfw_subset.npy"))).float()
    assert torch.equal(torch.cat([stack(train), stack(held_out)])[:, 0], raw[:100] * 2 - 1)
    assert len({image.numpy().tobytes() for image in [*train, *held_out]}) == 100


def test_all_are_faces():
    # The rest of the file, no faces, is far less like the mean face.
    mean = stack(faces("train", size=25)).mean(0).flatten()
    raw = torch.from_numpy(np.load(bundled("skimage/data/lfw_subset.npy"))).float().flatten(1)
    likeness = torch.tensor([torch.corrcoef(torch.stack([x, mean]))[0, 1] for x in raw])
    assert likeness[:100].nan_to_num().mean() > 0.4 > 0.2 > likeness[100:].nan_to_num().mean()


def test_they_are_enlarged_and_mirrored():
    images = faces(size=32)
    assert images.image_shape == (1, 32, 32)
    generator = torch.Generator().manual_seed(0)
    drawn = [images.draw(0, generator) for _ in range(20)]
    kinds = [torch.equal(image, images[0]) for image in drawn]
    assert True in kinds and False in kinds
    assert all(
        same or torch.equal(d, images[0].flip(-1)) for same, d in zip(kinds, drawn, strict=True)
    )


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"split is 'test'; use one of 'train', 'held_out'"):
        faces("test")
    with pytest.raises(ValueError, match="size is 16; the faces have 25×25"):
        faces(size=16)
