"""Where squares are cut, and that the cut is clean."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vqlib.data.squares import MAX_ZOOM, Square, centre_square, cut, random_square

side = st.integers(1, 3000)


@given(width=side, height=side, seed=st.integers(0, 10**6), flip=st.booleans())
def test_every_square_lies_inside_the_picture(width, height, seed, flip):
    generator = torch.Generator().manual_seed(seed)
    shorter = min(width, height)
    for square in (
        centre_square(width, height),
        random_square(width, height, generator, flip=flip),
    ):
        assert 0 <= square.left <= width - square.side + 1e-6
        assert 0 <= square.top <= height - square.side + 1e-6
        assert shorter / MAX_ZOOM - 1e-6 <= square.side <= shorter
        assert flip or not square.mirrored


@given(width=side, height=st.integers(1, 50), seed=st.integers(0, 10**6))
def test_every_square_can_be_cut(width, height, seed):
    picture = Image.new("L", (width, height), 77)
    square = random_square(width, height, torch.Generator().manual_seed(seed))
    image = cut(picture, square, 8)
    assert image.size == (8, 8)
    assert (np.array(image) == 77).all()


def test_at_its_own_size_the_pixels_are_untouched():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    assert (np.array(cut(picture, centre_square(30, 20), 20)) == pixels[:, 5:25]).all()
    mirrored = cut(picture, Square(5.0, 0.0, 20.0, mirrored=True), 20)
    assert (np.array(mirrored) == pixels[:, 24:4:-1]).all()


def test_shrinking_averages_instead_of_skipping_pixels():
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))
    small = np.array(cut(Image.fromarray(stripes), centre_square(64, 64), 8)).astype(int)
    assert abs(small - 127).max() <= 8


def test_a_random_square_always_takes_as_many_numbers():
    after = []
    for flip in (True, False):
        generator = torch.Generator().manual_seed(0)
        random_square(40, 30, generator, flip=flip)
        after.append(torch.rand(1, generator=generator))
    assert after[0] == after[1]


@pytest.mark.parametrize("flip", [True, False])
def test_half_of_the_squares_are_mirrored_if_any(flip):
    generator = torch.Generator().manual_seed(0)
    mirrored = sum(random_square(9, 9, generator, flip=flip).mirrored for _ in range(200))
    assert (70 < mirrored < 130) if flip else mirrored == 0
