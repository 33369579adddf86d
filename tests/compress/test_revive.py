"""Against codebook collapse: where codes start, and how dead ones come back."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from torch import Tensor

from vqlib.compress import (
    DeadCodeRestart,
    EMACodes,
    GradientCodes,
    NormalizedCodes,
    Quantizer,
    code_counts,
    initialize_codes,
    kmeans,
)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def inertia(points: Tensor, centres: Tensor) -> float:
    """Sum of squared distances to the nearest centre."""
    return torch.cdist(points.double(), centres.double()).amin(1).square().sum().item()


def random_start(points: Tensor, num_clusters: int, seed: int) -> Tensor:
    """Where `kmeans` with this seed begins."""
    return kmeans(points, num_clusters, iterations=0, generator=seeded(seed))


def spread(quantizer: Quantizer) -> Quantizer:
    """Codes that lie at random, as after some training."""
    K, D = quantizer.num_codes, quantizer.code_dim
    quantizer.replace_codes(torch.arange(K), torch.randn(K, D))
    return quantizer


def blobs(num_blobs: int, each: int, code_dim: int = 2) -> tuple[Tensor, Tensor]:
    """Tight clouds far from each other: their middles and all points, blob by blob."""
    angles = torch.arange(num_blobs) * (2 * torch.pi / num_blobs)
    middles = torch.zeros(num_blobs, code_dim)
    middles[:, 0], middles[:, 1] = 50 * angles.cos(), 50 * angles.sin()
    points = middles.repeat_interleave(each, 0) + torch.randn(num_blobs * each, code_dim)
    return middles, points


@pytest.mark.parametrize("iterations", [1, 5, 300])
def test_kmeans_equals_scikit_learns_from_the_same_start(iterations):
    _, points = blobs(6, 40, 3)
    start = random_start(points, 5, seed=1)
    reference = KMeans(5, init=start.numpy(), n_init=1, max_iter=iterations, tol=0).fit(points)
    got = kmeans(points, 5, iterations=iterations, generator=seeded(1))
    torch.testing.assert_close(got, torch.tensor(reference.cluster_centers_).float())


@given(n=st.integers(2, 60), k=st.integers(2, 20), d=st.integers(1, 5), seed=st.integers(0, 2**31))
def test_iterating_never_makes_it_worse(n, k, d, seed):
    points = torch.randn(n, d, generator=seeded(seed))
    start = kmeans(points, k, iterations=0, generator=seeded(seed))
    few = kmeans(points, k, iterations=3, generator=seeded(seed))
    more = kmeans(points, k, iterations=9, generator=seeded(seed))
    assert few.shape == (k, d)
    assert inertia(points, few) <= inertia(points, start) + 1e-4
    assert inertia(points, more) <= inertia(points, few) + 1e-4


def test_separated_blobs_are_found():
    middles, points = blobs(4, 50)
    for seed in range(20):  # a start with a point of each blob; others may stay in a bad optimum
        start = random_start(points, 4, seed)
        if len(set(torch.cdist(start, middles).argmin(1).tolist())) == 4:
            break
    centres = kmeans(points, 4, generator=seeded(seed))
    order = torch.cdist(middles, centres).argmin(1)
    torch.testing.assert_close(centres[order], points.view(4, 50, 2).mean(1))


def test_a_centre_without_points_moves_to_one():
    points = torch.tensor([[5.0], [5.0], [5.0], [9.0]])  # most starts have two centres at 5
    starts = [random_start(points, 2, seed) for seed in range(10)]
    assert any((start == 5).all() for start in starts)
    for seed in range(10):
        centres = kmeans(points, 2, iterations=50, generator=seeded(seed))
        assert sorted(centres.flatten().tolist()) == [5, 9]


def test_fewer_points_than_clusters():
    points = torch.randn(3, 2)
    centres = kmeans(points, 8, generator=seeded(0))
    distances = torch.cdist(points, centres)
    assert distances.amin(1).max() < 1e-6  # each point is a centre
    assert distances.amin(0).max() < 0.1  # the others lie near a point
    assert len(centres.unique(dim=0)) == 8  # none twice


def test_kmeans_takes_its_randomness_from_the_generator():
    points = torch.randn(100, 3)
    same = [kmeans(points, 7, generator=seeded(5)) for _ in range(2)]
    assert torch.equal(*same)
    assert not torch.equal(same[0], kmeans(points, 7, generator=seeded(6)))


@pytest.mark.parametrize("kind", [GradientCodes(), EMACodes(), NormalizedCodes(low_dim=3)], ids=str)
def test_initialized_codes_are_where_the_latents_are(kind):
    quantizer = kind.build(16, 4)
    z = 5 + 0.5 * torch.randn(4, 4, 8, 8)  # far from where the codes start
    before = quantizer.tokens(z), quantizer.eval()(z).commitment_loss
    initialize_codes(quantizer, z, generator=seeded(0))
    after = quantizer.tokens(z), quantizer(z).commitment_loss
    used = [(code_counts(tokens, 16) > 0).sum() for tokens in (before[0], after[0])]
    assert used[0] < 15 <= used[1]
    assert after[1] < 0.5 * before[1]


def test_initialized_codes_are_the_centres_of_kmeans():
    quantizer = GradientCodes().build(5, 3)
    z = torch.randn(2, 3, 4, 4)
    initialize_codes(quantizer, z, generator=seeded(3))
    rows = torch.stack([z[b, :, i, j] for b in range(2) for i in range(4) for j in range(4)])
    assert torch.equal(quantizer.codebook, kmeans(rows, 5, generator=seeded(3)))


def test_a_restart_comes_before_every_so_many_steps_and_not_at_the_end():
    restarts = DeadCodeRestart(6, every=3)
    assert [step for step in range(10) if restarts.due(step)] == [3, 6, 9]
    restarts = DeadCodeRestart(6, every=3, until=9)
    assert [step for step in range(20) if restarts.due(step)] == [3, 6]
    with pytest.raises(ValueError, match="every is 0"):
        DeadCodeRestart(6, every=0)


def six_latents() -> Tensor:
    return torch.arange(12.0).view(1, 2, 2, 3)


def test_exactly_the_unused_codes_restart():
    quantizer, restarts = spread(GradientCodes().build(6, 2)), DeadCodeRestart(6, every=3)
    before = quantizer.codebook.clone()
    for tokens in ([0, 0, 2], [5, 5, 5], [4, 4, 2]):  # 1 and 3 in none of the three steps
        restarts.count(torch.tensor([[tokens]]))
    assert torch.equal(quantizer.codebook, before)  # counting moves nothing
    assert restarts.restart(quantizer, six_latents(), 2) == 2
    moved = (quantizer.codebook != before).any(1)
    assert moved.nonzero().flatten().tolist() == [1, 3]
    places = {tuple(place) for place in quantizer.codebook[moved].tolist()}
    assert len(places) == 2
    assert places <= {tuple(latent) for latent in six_latents()[0].flatten(1).T.tolist()}
    # Counting begins anew: what was in use before no longer counts.
    restarts.count(torch.tensor([[[1, 3, 5]]]))
    assert restarts.restart(quantizer, six_latents(), 5) == 3


def test_where_no_code_is_dead_nothing_moves():
    quantizer, restarts = spread(GradientCodes().build(6, 2)), DeadCodeRestart(6, every=1)
    before = quantizer.codebook.clone()
    restarts.count(torch.arange(6).view(1, 2, 3))
    assert restarts.restart(quantizer, six_latents(), 0) == 0
    assert torch.equal(quantizer.codebook, before)


def test_the_choice_of_latents_depends_on_seed_and_step_only():
    def chosen(seed: int, step: int) -> Tensor:
        quantizer = spread(GradientCodes().build(8, 2))
        DeadCodeRestart(8, every=1, seed=seed).restart(quantizer, z, step)
        return quantizer.codebook.detach()

    z = torch.randn(2, 2, 8, 8)
    assert torch.equal(chosen(1, 0), chosen(1, 0))  # though the global generator has moved
    assert not torch.equal(chosen(1, 0), chosen(2, 0))
    assert not torch.equal(chosen(1, 0), chosen(1, 1))


def test_more_dead_codes_than_latents_get_places_of_their_own():
    quantizer, restarts = spread(EMACodes().build(64, 2)), DeadCodeRestart(64, every=1)
    restarts.count(torch.zeros(1, 2, 2, dtype=torch.int64))
    assert restarts.restart(quantizer, torch.randn(1, 2, 2, 2), 0) == 63
    assert len(quantizer.codebook[1:].unique(dim=0)) == 63


def test_the_counts_are_part_of_a_checkpoint():
    first, second = DeadCodeRestart(6, every=2), DeadCodeRestart(6, every=2)
    first.count(torch.tensor([[[0, 2, 5]]]))
    second.load_state_dict(first.state_dict())
    second.count(torch.tensor([[[1, 3, 3]]]))
    assert second.restart(GradientCodes().build(6, 2), six_latents(), 1) == 1  # code 4
