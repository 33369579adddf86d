"""The Fréchet distance between Gaussians, and Gaussians fitted to a stream."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from vqlib.measure import GaussianStatistics, frechet_distance

NONE = torch.zeros(2)


def random_gaussian(seed: int, dim: int, num_samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dim, dim, generator=generator, dtype=torch.float64)
    samples = torch.randn(num_samples, dim, generator=generator, dtype=torch.float64) @ mixing + 3
    return samples.mean(0), samples.T.cov()


def test_one_dimension_by_hand():
    # N(1, 2²) and N(3, 3²): (1 − 3)² + (2 − 3)²
    got = frechet_distance(
        torch.tensor([1.0]), torch.tensor([[4.0]]), torch.tensor([3.0]), torch.tensor([[9.0]])
    )
    assert got == pytest.approx(5.0, abs=1e-12)


def test_two_dimensions_by_hand():
    # Axes in line: each by itself, (3 − 1)² + (4 − 2)², and 3² + 4² between the means.
    got = frechet_distance(
        NONE, torch.diag(torch.tensor([9.0, 4.0])), torch.tensor([3.0, 4.0]), torch.eye(2)
    )
    assert got == pytest.approx((3 - 1) ** 2 + (2 - 1) ** 2 + 25, abs=1e-12)
    # Axes askew: for 2×2 matrices Tr √M = √(Tr M + 2 √det M), here with Tr = 10 and det = 12.
    one, two = torch.tensor([[2.0, 1.0], [1.0, 2.0]]), torch.diag(torch.tensor([1.0, 4.0]))
    expected = 4 + 5 - 2 * (10 + 2 * 12**0.5) ** 0.5
    assert frechet_distance(NONE, one, NONE, two) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("dim", [3, 24])
def test_equals_the_formula_with_scipys_matrix_root(dim):
    mean_1, cov_1 = random_gaussian(1, dim, 10 * dim)
    mean_2, cov_2 = random_gaussian(2, dim, 10 * dim)
    root = sqrtm(cov_1.numpy() @ cov_2.numpy())
    expected = ((mean_1 - mean_2) ** 2).sum().item() + np.trace(
        (cov_1 + cov_2).numpy() - 2 * root.real
    )
    got = frechet_distance(mean_1, cov_1, mean_2, cov_2)
    assert got == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(mean_2, cov_2, mean_1, cov_1) == pytest.approx(got, rel=1e-9)
    rotation = torch.linalg.qr(random_gaussian(3, dim, 10 * dim)[1]).Q
    turned = (
        rotation @ mean_1,
        rotation @ cov_1 @ rotation.T,
        rotation @ mean_2,
        rotation @ cov_2 @ rotation.T,
    )
    assert frechet_distance(*turned) == pytest.approx(got, rel=1e-9)


@pytest.mark.parametrize("num_samples", [8, 400], ids=["rank 7 of 40", "full rank"])
def test_singular_covariances_are_as_good_as_others(num_samples):
    mean, cov = random_gaussian(4, 40, num_samples)
    total = cov.trace().item()
    assert 0 <= frechet_distance(mean, cov, mean, cov) < 1e-12 * total
    # Twice as wide along every axis: each deviation s becomes 2s, so d² is the sum of all s².
    assert frechet_distance(mean, cov, mean, 4 * cov) == pytest.approx(total, rel=1e-12)
    noise = torch.randn(40, 40, generator=torch.Generator().manual_seed(0)).double()
    nearly = cov + 1e-13 * total * (noise + noise.T)  # some eigenvalues are now negative
    assert 0 <= frechet_distance(mean, cov, mean, nearly) < 1e-9 * total


def test_deviations_in_unrelated_directions_do_not_overlap():
    one, two = torch.zeros(4, 4), torch.zeros(4, 4)
    one[0, 0], two[3, 3] = 2.0, 5.0
    assert frechet_distance(torch.zeros(4), one, torch.zeros(4), two) == pytest.approx(7.0)
    assert frechet_distance(torch.zeros(4), one, torch.zeros(4), 0 * two) == pytest.approx(2.0)


def test_what_is_no_gaussian_is_refused():
    with pytest.raises(ValueError, match="not a covariance.*-1 to 1"):
        frechet_distance(NONE, torch.eye(2), NONE, torch.diag(torch.tensor([1.0, -1.0])))
    with pytest.raises(ValueError, match="mean_2 has entries that are not finite"):
        frechet_distance(NONE, torch.eye(2), NONE + torch.nan, torch.eye(2))


@given(
    cuts=st.lists(st.integers(0, 30), max_size=6).map(sorted),
    offset=st.sampled_from([0.0, -5.0, 1e6]),
    merged=st.booleans(),
)
def test_a_stream_gives_what_the_whole_gives(cuts, offset, merged):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(30, 5, generator=generator, dtype=torch.float64) + offset
    stream = GaussianStatistics(5)
    for part in features.tensor_split(cuts):  # some parts are empty
        if merged:
            other = GaussianStatistics(5)
            other.update(part)
            stream.merge(other)
        else:
            stream.update(part)
    assert stream.count == 30
    torch.testing.assert_close(stream.mean, features.mean(0), rtol=1e-12, atol=1e-12)
    # Far from zero the input itself has only 10 digits after the point.
    torch.testing.assert_close(stream.covariance, features.T.cov(), rtol=0, atol=1e-8)


def test_features_that_do_not_fit_are_refused():
    statistics = GaussianStatistics(3)
    with pytest.raises(ValueError, match="there are 4 features, expected dim=3"):
        statistics.update(torch.zeros(2, 4))
    with pytest.raises(ValueError, match="not finite"):
        statistics.update(torch.tensor([[0.0, torch.inf, 0.0]]))
    with pytest.raises(ValueError, match="other statistics have dim=4, these have 3"):
        statistics.merge(GaussianStatistics(4))
    statistics.update(torch.zeros(1, 3))
    with pytest.raises(ValueError, match="at least 2 samples, there are 1"):
        _ = statistics.covariance
    with pytest.raises(ValueError, match="dim is 0"):
        GaussianStatistics(0)
