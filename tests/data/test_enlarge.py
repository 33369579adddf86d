"""Small pictures made larger."""

import pytest
import torch
from torch.nn import functional as F

from vqlib.data.enlarge import enlarge


@pytest.mark.parametrize("size", [8, 25, 28, 32, 33, 64, 101])
def test_it_is_bilinear_interpolation(size):
    images = torch.rand(3, 2, 8, 25)
    expected = F.interpolate(images, (size, size), mode="bilinear", align_corners=False)
    found = enlarge(images, size)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_no_pixel_leaves_the_range_and_no_size_changes_a_picture():
    images = torch.rand(5, 1, 25, 25).mul(2).sub(1)
    assert torch.equal(enlarge(images, 25), images)
    for size in range(26, 60):
        found = enlarge(images, size)
        assert images.min() <= found.min() <= found.max() <= images.max()
