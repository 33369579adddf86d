"""PSNR and the digit classifier."""

import pytest
import torch

from vqlib.data import digits
from vqlib.measure import psnr
from vqlib.measure.recognition import classifier_accuracy, recognised_digits


def test_psnr_of_known_errors():
    x = torch.zeros(3, 1, 4, 4)
    x_hat = torch.stack([x[0], x[1] + 0.2, x[2] + 2.0])
    got = psnr(x_hat, x)
    assert got[0] == torch.inf
    assert got[1].item() == pytest.approx(20.0, abs=1e-4)  # 10·log₁₀(4 / 0.04)
    assert got[2].item() == pytest.approx(0.0, abs=1e-4)


def test_psnr_is_per_image_not_per_batch():
    torch.manual_seed(1)
    x, x_hat = torch.rand(4, 3, 8, 8) * 2 - 1, torch.rand(4, 3, 8, 8) * 2 - 1
    one_by_one = torch.cat([psnr(a[None], b[None]) for a, b in zip(x_hat, x, strict=True)])
    torch.testing.assert_close(psnr(x_hat, x), one_by_one)


def test_the_classifier_knows_real_digits_and_not_noise():
    assert 0.9 < classifier_accuracy() < 1
    train = digits("train")
    assert (recognised_digits(train.images) == train.labels).float().mean() > 0.97
    noise = torch.rand(100, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert (recognised_digits(noise) == torch.arange(100) % 10).float().mean() < 0.3
