"""The quantizer: nearest codes, the straight-through gradient, losses, usage."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vqlib.compress import quantize
from vqlib.compress.quantize import (
    VectorQuantizer,
    code_counts,
    codebook_usage,
    nearest_code,
    perplexity,
    straight_through,
)


def textbook_nearest(z: torch.Tensor, codebook: torch.Tensor) -> torch.Tensor:
    """All differences written out in float64."""
    differences = z.double()[:, None] - codebook.double()[None]
    return differences.square().sum(-1).argmin(1)


def separated_quantizer(num_codes: int = 8, code_dim: int = 3) -> VectorQuantizer:
    quantizer = VectorQuantizer(num_codes, code_dim)
    torch.nn.init.normal_(quantizer.codebook)
    return quantizer


@given(
    st.integers(1, 40), st.integers(2, 30), st.integers(1, 8), st.integers(0, 2**31), st.booleans()
)
def test_nearest_code_equals_the_textbook(n, k, d, seed, in_blocks):
    generator = torch.Generator().manual_seed(seed)
    z, codebook = torch.randn(n, d, generator=generator), torch.randn(k, d, generator=generator)
    with pytest.MonkeyPatch.context() as patch:
        if in_blocks:
            patch.setitem(quantize.BLOCK, "cpu", (3, 4))
        got = nearest_code(z, codebook)
    distance = (z - codebook[got]).square().sum(1)
    best = (z - codebook[textbook_nearest(z, codebook)]).square().sum(1)
    torch.testing.assert_close(distance, best)  # equal up to ties within float32 rounding


def test_of_equally_near_codes_the_first_wins():
    codebook = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]])
    z = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    assert nearest_code(z, codebook).tolist() == [0, 0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(quantize.BLOCK, "cpu", (1, 1))
        assert nearest_code(z, codebook).tolist() == [0, 0]


def test_nearest_code_stays_float32_under_autocast():
    codebook = torch.tensor([[1000.0], [1001.0]])  # bfloat16 has no 1001
    with torch.autocast("cpu", torch.bfloat16):
        assert nearest_code(torch.tensor([[1000.9]]), codebook).tolist() == [1]


def test_straight_through_gives_the_gradient_of_z_q_to_z_exactly():
    z = torch.randn(2, 3, 4, 4, requires_grad=True)
    z_q = torch.randn(2, 3, 4, 4, requires_grad=True)
    out = straight_through(z, z_q)
    torch.testing.assert_close(out, z_q)
    upstream = torch.randn_like(out)
    gradient_z, gradient_z_q = torch.autograd.grad(out, (z, z_q), upstream, allow_unused=True)
    assert torch.equal(gradient_z, upstream)
    assert gradient_z_q is None


def test_the_quantizer_passes_the_decoders_gradient_to_the_encoder_unchanged():
    quantizer = separated_quantizer()
    z = torch.randn(2, 3, 4, 4, requires_grad=True)
    z_q = quantizer(z).z_q
    z_q.retain_grad()
    (z_q * torch.randn_like(z_q)).sum().backward()
    assert torch.equal(z.grad, z_q.grad)
    assert quantizer.codebook.grad is None


def test_each_loss_moves_its_own_side():
    quantizer = separated_quantizer()
    z = torch.randn(2, 3, 4, 4, requires_grad=True)
    quantized = quantizer(z)
    to_z, to_codes = torch.autograd.grad(
        quantized.codebook_loss, (z, quantizer.codebook), allow_unused=True, retain_graph=True
    )
    assert to_z is None
    assert to_codes.norm() > 0
    to_z, to_codes = torch.autograd.grad(
        quantized.commitment_loss, (z, quantizer.codebook), allow_unused=True
    )
    assert to_z.norm() > 0
    assert to_codes is None
    # Both are the same number: the mean squared distance, unweighted.
    assert quantized.codebook_loss == quantized.commitment_loss
    distance = (z - quantizer.lookup(quantized.tokens)).square().mean()
    torch.testing.assert_close(quantized.codebook_loss, distance)


def test_losses_are_float32_for_bfloat16_latents():
    quantized = separated_quantizer()(torch.randn(1, 3, 2, 2, dtype=torch.bfloat16))
    assert quantized.z_q.dtype == torch.bfloat16
    assert quantized.codebook_loss.dtype == torch.float32


@given(st.integers(0, 2**31))
def test_quantizing_what_is_quantized_changes_nothing(seed):
    torch.manual_seed(seed)
    quantizer = separated_quantizer()
    tokens = torch.randint(8, (2, 4, 4))
    assert torch.equal(quantizer(quantizer.lookup(tokens)).tokens, tokens)


def test_lookup_puts_each_code_at_its_position():
    quantizer = separated_quantizer()
    tokens = torch.randint(8, (2, 4, 5))
    z_q = quantizer.lookup(tokens)
    assert z_q.shape == (2, 3, 4, 5)
    assert torch.equal(z_q[1, :, 3, 4], quantizer.codebook[tokens[1, 3, 4]])


def test_wrong_latents_and_tokens_are_named():
    quantizer = separated_quantizer()
    with pytest.raises(ValueError, match=r"latents have 5 channels.*code_dim=3"):
        quantizer(torch.zeros(1, 5, 2, 2))
    with pytest.raises(ValueError, match=r"\[-1, 8\].*codes 0 to 7"):
        quantizer.lookup(torch.tensor([[[-1, 8]]]))


def test_usage_and_perplexity():
    assert code_counts(torch.tensor([[0, 2], [2, 2]]), 4).tolist() == [1, 0, 3, 0]
    counts = torch.tensor([5, 5, 0, 0])
    assert codebook_usage(counts) == 0.5
    assert perplexity(counts) == pytest.approx(2.0)
    assert perplexity(torch.tensor([7, 0, 0])) == pytest.approx(1.0)
    assert perplexity(torch.full((64,), 3)) == pytest.approx(64.0)
    with pytest.raises(ValueError, match="at least one token"):
        perplexity(torch.zeros(4, dtype=torch.int64))
