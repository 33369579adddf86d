"""Agreement with a condition: what each measure says of simple pictures."""

import pytest
import torch
from torch.nn import functional as F

from vqlib.data.pairs import canny_edges
from vqlib.data.scenes import Scenes
from vqlib.measure.agreement import (
    correlation,
    edge_agreement,
    heeded,
    seam_agreement,
    small_copy_agreement,
)
from vqlib.measure.segmenting import estimated_depth, estimated_labels


def squares(left):
    """Bright squares on dark ground, (N, 1, 32, 32), each at its place."""
    images = -torch.ones(len(left), 1, 32, 32)
    for image, at in zip(images, left, strict=True):
        image[:, 8:24, at : at + 12] = 1
    return images


def test_what_is_heeded_lies_between_another_condition_and_perfect_tokens():
    assert heeded(0.5, 0.5, 0.8) == 0
    assert heeded(0.8, 0.5, 0.8) == 1
    assert heeded(0.65, 0.5, 0.8) == pytest.approx(0.5)
    assert heeded(0.4, 0.5, 0.8) < 0


def test_a_measure_that_tells_nothing_apart_is_refused():
    with pytest.raises(ValueError, match="cannot tell them apart"):
        heeded(0.6, 0.8, 0.8)


def test_correlation():
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    assert correlation(x, 3 * x + 1) == pytest.approx(1)
    assert correlation(x, -x) == pytest.approx(-1)
    assert correlation(x, torch.ones(3, 4)) == 0
    expected = torch.corrcoef(torch.stack([x.flatten(), x.flatten() ** 2]))[0, 1]
    assert correlation(x, x**2) == pytest.approx(expected.item(), abs=1e-6)


def test_edges_of_the_picture_itself_agree_and_those_of_others_do_not():
    images = squares([4, 14])
    edges = torch.stack([canny_edges(image) for image in images])
    assert edge_agreement(images, edges) == 1
    moved = edge_agreement(images.roll(1, -1), edges)
    assert moved == pytest.approx(1), "one pixel is within the tolerance"
    assert edge_agreement(images.roll(1, -1), edges, tolerance=0) < 0.8
    assert edge_agreement(images.roll(1, 0), edges) < 0.8
    assert edge_agreement(torch.zeros(2, 1, 32, 32), edges) == 0


def test_small_copies():
    images = squares([4, 14])
    small = F.interpolate(images, (4, 4), mode="area")
    assert small_copy_agreement(images, small) == pytest.approx(1)
    assert small_copy_agreement(images.roll(1, 0), small) < 0.9


def test_a_border_between_two_pictures_is_seen():
    generator = torch.Generator().manual_seed(0)
    columns = torch.rand(6, 1, 1, 32, generator=generator).mul(2).sub(1).expand(6, 1, 32, 32)
    assert seam_agreement(columns, 16) == pytest.approx(1)
    cut = torch.cat([columns[:, :, :16], columns.roll(1, 0)[:, :, 16:]], dim=2)
    assert abs(seam_agreement(cut, 16)) < 0.4
    assert seam_agreement(cut, 8) == pytest.approx(1)


def test_depth_and_labels_of_real_scenes_are_estimated():
    data = Scenes("held_out", count=4)
    scenes = [data.scene(i) for i in range(4)]
    images = torch.stack([scene.image for scene in scenes])
    depth = torch.stack([scene.depth[0] for scene in scenes])
    found = estimated_depth(images, step=4)
    assert found.shape == (4, 16, 16)
    assert correlation(found, depth[:, ::4, ::4]) > 0.8
    labels = torch.stack([scene.labels for scene in scenes])[:, ::4, ::4]
    every = estimated_labels(images)
    assert torch.equal(estimated_labels(images, step=4), every[:, ::4, ::4])
    assert (every[:, ::4, ::4] == labels).float().mean() > 0.7
