"""Codes chosen by logits keep the contract of every quantizer."""

import pytest
import torch

from vqlib.compress.gumbel import GumbelCodes


def some_quantizer():
    quantizer = GumbelCodes().build(6, 4)
    torch.nn.init.normal_(quantizer.codebook)
    return quantizer


def test_the_likeliest_code_is_taken_and_looked_up():
    quantizer, z = some_quantizer(), torch.randn(2, 4, 3, 5)
    quantized = quantizer(z)
    assert torch.equal(quantized.tokens, quantizer.to_logits(z).argmax(1))
    assert torch.equal(quantized.tokens, quantizer.tokens(z))
    torch.testing.assert_close(quantized.z_q, quantizer.lookup(quantized.tokens))
    assert quantized.z_q.dtype == torch.float32
    assert quantized.codebook_loss == quantized.commitment_loss == 0
    assert quantizer(z.bfloat16()).z_q.dtype == torch.bfloat16


def test_the_gradient_is_that_of_the_softmax():
    quantizer, z = some_quantizer(), torch.randn(1, 4, 2, 2, requires_grad=True)
    upstream = torch.randn(1, 4, 2, 2)
    (got,) = torch.autograd.grad(quantizer(z).z_q, z, upstream)
    soft = torch.einsum("bkhw,kd->bdhw", quantizer.to_logits(z).softmax(1), quantizer.codebook)
    (expected,) = torch.autograd.grad(soft, z, upstream)
    torch.testing.assert_close(got, expected)


def test_logits_stay_float32_under_autocast():
    quantizer = GumbelCodes().build(2, 1)
    with torch.no_grad():
        quantizer.to_logits.weight.copy_(torch.tensor([1.0, 1.001]).view(2, 1, 1, 1))
        quantizer.to_logits.bias.zero_()
    with torch.autocast("cpu", torch.bfloat16):
        assert quantizer.tokens(torch.ones(1, 1, 1, 1)).item() == 1


def test_what_cannot_work_is_named():
    quantizer = some_quantizer()
    with pytest.raises(ValueError, match=r"latents have 5 channels.*code_dim=4"):
        quantizer(torch.zeros(1, 5, 2, 2))
    with pytest.raises(ValueError, match="codes 0 to 5"):
        quantizer.lookup(torch.full((1, 1, 1), 6))
    with pytest.raises(ValueError, match="by logits"):
        quantizer.replace_codes(torch.tensor([0]), torch.zeros(1, 4))
