"""Adversarial losses by hand, and the adaptive weight where its value is known."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from vqlib.compress import (
    PatchDiscriminator,
    adaptive_weight,
    hinge_discriminator_loss,
    hinge_generator_loss,
    nonsaturating_discriminator_loss,
    nonsaturating_generator_loss,
)


def verdicts(*values: float) -> Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


@pytest.mark.parametrize(
    ("real", "fake", "expected"),
    [
        ((0.0,), (0.0,), 1.0),  # undecided
        ((1.0,), (-1.0,), 0.0),
        ((5.0, 1.5), (-3.0, -9.0), 0.0),  # surer than needed: no further reward
        ((-2.0,), (3.0,), 0.5 * (3 + 4)),
        ((0.5, 2.0), (-0.5, 0.0), 0.5 * (0.25 + 0.75)),
    ],
)
def test_hinge_by_hand(real, fake, expected):
    assert hinge_discriminator_loss(verdicts(*real), verdicts(*fake)) == expected


def test_hinge_has_no_gradient_beyond_the_margin():
    real, fake = verdicts(0.0, 2.0).requires_grad_(), verdicts(0.0, -2.0).requires_grad_()
    hinge_discriminator_loss(real, fake).backward()
    assert real.grad.flatten().tolist() == [-0.25, 0]  # ½, and the mean of two
    assert fake.grad.flatten().tolist() == [0.25, 0]
    fake = verdicts(-50.0, 50.0).requires_grad_()
    hinge_generator_loss(fake).backward()
    assert fake.grad.flatten().tolist() == [-0.5, -0.5]  # the generator is always pulled


@given(st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=8))
def test_nonsaturating_is_cross_entropy(values):
    real, fake = verdicts(*values), verdicts(*values[::-1])
    one, zero = torch.ones_like(real), torch.zeros_like(real)
    cross_entropy = F.binary_cross_entropy_with_logits
    expected = 0.5 * (cross_entropy(real, one) + cross_entropy(fake, zero))
    torch.testing.assert_close(nonsaturating_discriminator_loss(real, fake), expected)
    torch.testing.assert_close(nonsaturating_generator_loss(fake), cross_entropy(fake, one))


def test_nonsaturating_pulls_where_the_critic_is_sure():
    fake = verdicts(-40.0).requires_grad_()
    nonsaturating_generator_loss(fake).backward()
    assert fake.grad.item() == pytest.approx(-1)
    assert nonsaturating_discriminator_loss(verdicts(0.0), verdicts(0.0)).item() == pytest.approx(
        math.log(2)
    )


def test_losses_of_half_precision_verdicts_are_float32():
    v = torch.randn(2, 1, 3, 3).bfloat16()
    for loss in (
        hinge_discriminator_loss(v, v),
        hinge_generator_loss(v),
        nonsaturating_discriminator_loss(v, v),
        nonsaturating_generator_loss(v),
    ):
        assert (loss.shape, loss.dtype) == ((), torch.float32)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_adaptive_weight_of_linear_losses(dtype):
    w = nn.Parameter(torch.ones(3, 4, 1, 1, dtype=dtype))
    got = adaptive_weight((6 * w).sum().float(), (-2 * w).sum().float(), w)
    norms = 6 * 12**0.5, 2 * 12**0.5  # ‖(a, …, a)‖ = |a|·√n
    expected = (norms[0] / (norms[1] + 1e-4), *norms)
    for value, number in zip(got, expected, strict=True):
        assert value.item() == pytest.approx(number, rel=1e-6)
        assert (value.shape, value.dtype) == ((), torch.float32)
        assert not value.requires_grad


def test_adaptive_weight_follows_delta_and_limit():
    w = nn.Parameter(torch.zeros(1))
    assert adaptive_weight(3 * w.sum(), 2 * w.sum(), w, delta=1.0)[0] == 1
    assert adaptive_weight(3 * w.sum(), 2 * w.sum(), w, limit=0.5)[0] == 0.5
    # Without a gradient of the critic the quotient is 3 / 10⁻⁴, and it stops at the limit.
    assert adaptive_weight(3 * w.sum(), 0 * w.sum(), w)[0] == 1e4
    assert adaptive_weight(0 * w.sum(), 0 * w.sum(), w)[0] == 0
    assert adaptive_weight(3e-3 * w.sum(), 0 * w.sum(), w)[0].item() == pytest.approx(30)


def test_with_lambda_both_losses_pull_the_last_layer_equally():
    body, last = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 3, 3, padding=1)
    critic = PatchDiscriminator(base_channels=4, num_layers=1)
    x = torch.randn(2, 3, 16, 16)
    x_hat = last(body(x).relu())
    reconstruction, adversarial = F.mse_loss(x_hat, x), hinge_generator_loss(critic(x_hat))
    weight, norm_rec, norm_gan = adaptive_weight(reconstruction, adversarial, last.weight)
    assert all(p.grad is None for p in (*body.parameters(), *last.parameters()))
    of = {
        name: torch.autograd.grad(loss, last.weight, retain_graph=True)[0]
        for name, loss in {"rec": reconstruction, "gan": adversarial}.items()
    }
    torch.testing.assert_close((norm_rec, norm_gan), (of["rec"].norm(), of["gan"].norm()))
    assert (weight * of["gan"]).norm().item() == pytest.approx(of["rec"].norm().item(), rel=0.01)
    # The graph is still there, and λ counts as a constant in it.
    (reconstruction + weight * adversarial).backward()
    torch.testing.assert_close(last.weight.grad, of["rec"] + weight * of["gan"])
    assert all(p.grad is not None for p in body.parameters())
