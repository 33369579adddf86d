"""Verdicts are shown where the patches are that they judge."""

import matplotlib
import pytest
import torch
from ipywidgets import HTML, Stack, ToggleButtons

matplotlib.use("Agg")

from vqlib.compress import PatchDiscriminator
from vqlib.show.verdicts import (
    _extent,
    _frame,
    _verdicts,
    patch_behind,
    patches_widget,
    show_verdicts,
)


@pytest.fixture
def critic():
    return PatchDiscriminator(1, base_channels=4, num_layers=2).eval()


@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("place", [(6, 7), (7, 9)])
def test_the_patch_is_what_moves_the_verdict(num_layers, place):
    critic = PatchDiscriminator(1, base_channels=4, num_layers=num_layers).eval()
    x = torch.randn(1, 1, 160, 160, requires_grad=True)
    (gradient,) = torch.autograd.grad(critic(x)[0, 0][place], x)
    seen = gradient[0, 0].nonzero()
    top, left, side = patch_behind(critic, *place)
    assert seen.amin(0).tolist() == [top, left]
    assert seen.amax(0).tolist() == [top + side - 1, left + side - 1]


def test_the_map_lies_over_its_image(critic):
    verdicts = _verdicts(critic, torch.zeros(1, 1, 64, 96))[0]
    left, right, bottom, top = _extent(critic, verdicts)
    h, w = verdicts.shape
    assert ((right - left) / w, (bottom - top) / h) == (4, 4)  # two layers of stride 2
    row, column, side = patch_behind(critic, 3, 5)
    assert top + 3.5 * 4 == row + (side - 1) / 2
    assert left + 5.5 * 4 == column + (side - 1) / 2


def test_a_frame_shows_the_patch_enlarged(critic):
    image = torch.rand(1, 64, 96) * 2 - 1
    verdicts = _verdicts(critic, image[None])[0]
    top, left, side = patch_behind(critic, 4, 8)
    frame = _frame(image, critic, verdicts, 4, 8)
    large = frame[..., -frame.shape[1] :]
    assert large.shape == (3, 136, 136)
    patch = image[0, top : top + side, left : left + side]
    assert torch.equal(large[0, ::4, ::4], patch)  # 136 = 4 · 34


def test_at_the_border_the_patch_is_padded_with_zeros(critic):
    image = torch.ones(1, 64, 96)
    frame = _frame(image, critic, _verdicts(critic, image[None])[0], 0, 0)
    large = frame[..., -frame.shape[1] :]
    assert not large[:, 0].any()
    assert large[:, -1, -1].tolist() == [1, 1, 1]


def test_one_picture_for_each_place(critic):
    widget = patches_widget(torch.zeros(3, 64, 96)[:1], critic, [(4, 3), (4, 8), (6, 8)])
    _, controls, stack = widget.children
    assert isinstance(stack, Stack)
    assert all(isinstance(child, HTML) for child in stack.children)
    (slider,) = [w for box in controls.children for w in getattr(box, "children", ())
                 if isinstance(w, ToggleButtons)]  # fmt: skip
    assert len(slider.options) == len(stack.children) == 3
    assert slider.options[1].startswith("(4, 8): D = ")


def test_a_row_for_each_image(critic):
    figure = show_verdicts(torch.zeros(2, 1, 64, 64), critic)
    assert len(figure.axes) == 5  # two images, two maps, one scale
