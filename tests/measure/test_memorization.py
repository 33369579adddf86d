"""Nearest training images: found among all pairs, and copies stand out against held-out images."""

import sys
from functools import partial

import pytest
import torch
from torch import Tensor

from vqlib.compress import LPIPS, FeatureDistance
from vqlib.course.pretrained import load_perceptual
from vqlib.data import TensorImages, digits
from vqlib.measure import memorization, nearest_images
from vqlib.measure.memorization import Embedding

QUIET = {"progress": False}


@pytest.fixture(scope="module")
def offline() -> FeatureDistance:
    return load_perceptual()


@pytest.fixture(scope="module")
def lpips_random() -> LPIPS:
    torch.manual_seed(0)
    return LPIPS(pretrained=False)


def pictures(count: int, channels: int = 3, seed: int = 0) -> Tensor:
    shape = (count, channels, 16, 16)
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def squared(x_hat: Tensor, x: Tensor) -> Tensor:
    """A distance without a network."""
    return (x_hat - x).square().mean(dim=(1, 2, 3))


class Squared:
    """The same, which says that it is one of points."""

    def embed(self, x: Tensor) -> Tensor:
        return x.flatten(1) / x[0].numel() ** 0.5

    def __call__(self, x_hat: Tensor, x: Tensor) -> Tensor:
        return squared(x_hat, x)


def all_pairs(samples: Tensor, training: Tensor, distance) -> Tensor:
    """(N, M), pair by pair."""
    return torch.stack([distance(one.expand_as(training), training) for one in samples])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["offline", "lpips_random"])
def test_points_are_as_far_apart_as_their_images(name, channels, request):
    distance = request.getfixturevalue(name)
    x, y = pictures(4, channels), pictures(4, channels, seed=1)
    assert isinstance(distance, Embedding)
    p, q = distance.embed(x), distance.embed(y)
    assert p.dtype == torch.float32
    torch.testing.assert_close((p - q).square().sum(1), distance(x, y), rtol=1e-5, atol=1e-7)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(distance.embed(x), p)


@pytest.mark.parametrize("name", ["offline", "lpips_random", squared, Squared()])
def test_the_nearest_of_all_pairs_is_found(name, request, monkeypatch):
    distance = request.getfixturevalue(name) if isinstance(name, str) else name
    module = sys.modules[nearest_images.__module__]
    monkeypatch.setattr(module, "AT_ONCE", 3)  # several passes
    samples, training = pictures(7), pictures(10, seed=1)
    training[:5] *= 0.7  # points of different lengths
    expected = all_pairs(samples, training, distance).min(1)
    assert len(expected.indices.unique()) > 1
    for source in (samples, TensorImages(samples), samples.split(4)):
        found = nearest_images(source, TensorImages(training), distance, batch_size=4, **QUIET)
        assert (found.index.dtype, found.distance.dtype) == (torch.int64, torch.float32)
        torch.testing.assert_close(found.distance, expected.values, rtol=1e-5, atol=1e-7)
        assert torch.equal(found.index, expected.indices)


def test_points_and_pairs_agree(offline):
    samples, training = digits("held_out").images[:10], digits().images[:60]
    fast = nearest_images(samples, training, offline, batch_size=25, **QUIET)
    slow = nearest_images(samples, training, partial(offline), batch_size=25, **QUIET)
    assert not isinstance(partial(offline), Embedding)
    assert torch.equal(fast.index, slow.index)
    torch.testing.assert_close(fast.distance, slow.distance)
    assert len(fast.index.unique()) > 3


def test_a_network_sees_each_image_once(offline, monkeypatch):
    seen = []
    embed = FeatureDistance.embed
    monkeypatch.setattr(
        FeatureDistance, "embed", lambda self, x: (seen.append(len(x)), embed(self, x))[1]
    )
    nearest_images(pictures(20), pictures(30), offline, batch_size=10, **QUIET)
    assert seen == [10] * 5


def test_a_copy_is_found_at_distance_zero(offline):
    training = digits().images[:50]
    numbers = torch.tensor([31, 4, 17])
    found = nearest_images(training[numbers], training, offline, batch_size=8, **QUIET)
    assert torch.equal(found.index, numbers)
    assert not found.distance.any()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_copies_stand_out_and_new_images_do_not(offline, share):
    # In their own order, neighbours are by the same writer.
    order = torch.randperm(297, generator=torch.Generator().manual_seed(0))
    training, real = digits().images[:300], digits("held_out").images[order]
    held_out, samples = real[:100], real[100:140].clone()
    copies = round(share * len(samples))
    noise = 0.02 * torch.randn(copies, 1, 32, 32)
    samples[:copies] = (training[:copies] + noise).clamp(-1, 1)
    found = memorization(samples, training, held_out, offline, **QUIET)
    counts = [found[f"num_{name}"] for name in ("samples", "training", "held_out")]
    assert counts == [40, 300, 100]
    assert found["distance"] == offline.name
    if share == 0:
        assert found["share_near"] < 0.2  # 5 % are expected
        assert found["median_samples"] == pytest.approx(found["median_held_out"], rel=0.2)
    else:
        assert found["share_near"] >= share
    if share == 1:
        assert found["median_samples"] < found["near"] / 2


def test_its_numbers_are_those_of_the_distances():
    training, held_out, samples = pictures(30), pictures(40, seed=1), pictures(21, seed=2)
    samples = samples * 0.9
    found = memorization(samples, training, held_out, squared, quantile=0.25, **QUIET)
    mine = all_pairs(samples, training, squared).min(1).values
    reference = all_pairs(held_out, training, squared).min(1).values
    near = reference.sort().values[9:11]  # a quarter of forty lies below
    assert near[0] <= found["near"] <= near[1]
    assert found["share_near"] == pytest.approx((mine < found["near"]).sum().item() / 21)
    assert found["median_samples"] == pytest.approx(mine.sort().values[10].item())
    assert found["median_held_out"] == pytest.approx(reference.sort().values[19].item())
    assert found["distance"] == "perceptual distance"


@pytest.mark.parametrize("quantile", [0.0, 1.0, -0.1])
def test_quantiles_that_cannot_be(quantile):
    with pytest.raises(ValueError, match=rf"quantile is {quantile}; it must be in \(0, 1\)"):
        memorization(pictures(2), pictures(2), pictures(2), squared, quantile=quantile)


def test_too_few_held_out_images_are_named():
    with pytest.raises(ValueError, match="19 held-out images do not tell where 0.05.*use 20 or"):
        memorization(pictures(2), pictures(2), pictures(19), squared, **QUIET)


@pytest.mark.parametrize(
    ("samples", "training", "message"),
    [
        (pictures(0), pictures(2), "there are no samples"),
        (pictures(2), pictures(0), "there are no training images"),
        (pictures(2, 1), pictures(2), r"shape \(1, 16, 16\), training images \(3, 16, 16\)"),
        (pictures(2)[:, :, 1:], pictures(2), r"shape \(3, 15, 16\), training images \(3, 16, 16"),
    ],
)
def test_what_cannot_be_compared_is_named(samples, training, message):
    with pytest.raises(ValueError, match=message):
        nearest_images(samples, training, squared, **QUIET)
