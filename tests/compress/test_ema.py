"""Codes as moving averages, against the formulas computed by hand."""

import numpy as np
import torch

from vqlib.compress import EMACodes
from vqlib.compress.ema import smoothed

DECAY, EPSILON = 0.9, 1e-2  # a large ε, so that a missing smoothing would show


def by_hand(codes: np.ndarray, batches: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    """VQVAE, appendix A.1: N_i ← γN_i + (1 − γ)n_i and m_i ← γm_i + (1 − γ)Σz; e_i = m_i / N_i."""
    K = len(codes)
    N, m, e = np.ones(K), codes.copy(), codes.copy()
    for rows in batches:
        nearest = [min(range(K), key=lambda k: ((z - e[k]) ** 2).sum()) for z in rows]
        for k in range(K):
            mine = [z for z, chosen in zip(rows, nearest, strict=True) if chosen == k]
            N[k] = DECAY * N[k] + (1 - DECAY) * len(mine)
            m[k] = DECAY * m[k] + (1 - DECAY) * np.sum(mine, axis=0)
        total = N.sum()
        e = m / ((N + EPSILON) / (total + K * EPSILON) * total)[:, None]
    return e, N, m


def test_three_updates_equal_those_by_hand():
    generator = np.random.default_rng(0)
    start = generator.normal(size=(5, 2))
    start[4] = 100.0  # far from every latent: never chosen
    batches = [generator.normal(size=(2 * 3 * 3, 2)) for _ in range(3)]
    quantizer = EMACodes(DECAY, EPSILON).build(5, 2)
    quantizer.replace_codes(torch.arange(5), torch.tensor(start).float())
    for rows in batches:
        z = torch.tensor(rows).float().view(2, 3, 3, 2).permute(0, 3, 1, 2)
        quantizer(z)
    codes, sizes, sums = by_hand(start, batches)
    np.testing.assert_allclose(quantizer.cluster_size, sizes, rtol=1e-5)
    np.testing.assert_allclose(quantizer.latent_sum, sums, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(quantizer.codebook, codes, rtol=1e-4, atol=1e-6)
    assert quantizer.cluster_size[4].item() == np.float32(DECAY**3)  # only decays
    assert set(quantizer.state_dict()) == {"codebook", "cluster_size", "latent_sum"}
    assert not list(quantizer.parameters())


def test_forward_uses_the_codes_of_before_the_update():
    quantizer = EMACodes(decay=0.5).build(4, 2)
    z = torch.randn(1, 2, 8, 8, requires_grad=True)
    before = quantizer.lookup(quantizer.tokens(z)).clone()
    quantized = quantizer(z)
    torch.testing.assert_close(quantized.z_q, before)
    moved = quantizer.lookup(quantized.tokens)
    assert not torch.allclose(moved, before)
    # The backward pass still sees what the forward pass saw, although the codes have moved.
    (gradient,) = torch.autograd.grad(quantized.commitment_loss, z)
    torch.testing.assert_close(gradient, 2 * (z - before).detach() / z.numel())


def test_codes_converge_to_the_means_of_their_latents():
    blobs = torch.tensor([[-4.0, 0.0], [4.0, 0.0], [0.0, 6.0]])
    points = blobs.repeat_interleave(50, 0) + 0.3 * torch.randn(150, 2)
    quantizer = EMACodes(decay=0.8).build(4, 2)
    quantizer.replace_codes(torch.arange(4), torch.cat([blobs * 0.5, torch.full((1, 2), 50.0)]))
    z = points.T.reshape(1, 2, 150, 1)
    for _ in range(100):
        quantizer(z)
    means = points.view(3, 50, 2).mean(1)
    torch.testing.assert_close(quantizer.codebook[:3], means, rtol=1e-4, atol=1e-4)
    # A code that nobody chooses is divided by a smoothed zero, not by zero.
    assert quantizer.cluster_size[3] < 1e-9
    assert quantizer.codebook[3].isfinite().all()


def test_smoothing_keeps_the_total_and_leaves_no_zero():
    counts = torch.tensor([0.0, 3.0, 7.0, 0.0])
    got = smoothed(counts, 0.5)
    torch.testing.assert_close(got, torch.tensor([0.5, 3.5, 7.5, 0.5]) / 12 * 10)
    assert got.sum() == counts.sum()


def test_a_replaced_code_counts_as_chosen_once():
    quantizer = EMACodes(decay=0.99).build(3, 2)
    for _ in range(50):
        quantizer(torch.full((1, 2, 8, 8), 2.0))
    place = torch.tensor([[-5.0, 5.0]])
    quantizer.replace_codes(torch.tensor([1]), place)
    assert quantizer.cluster_size[1] == 1
    quantizer(torch.full((1, 2, 8, 8), 2.0))  # nobody chooses it, yet it stays where it was put
    torch.testing.assert_close(quantizer.codebook[1:2], place, rtol=1e-3, atol=0)
