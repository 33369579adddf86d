"""Samples beside real pictures, and real pictures beside one another."""

import pytest
import torch

from vqlib.compress.perceptual import FeatureNet
from vqlib.measure import OfflineFeatures, compare_statistics, frechet, measure_samples
from vqlib.measure.frechet import gathered


@pytest.fixture(scope="module")
def extractor() -> OfflineFeatures:
    torch.manual_seed(0)
    return OfflineFeatures(FeatureNet(10, widths=(4, 6)))


def images(count: int, *, seed: int, shift: float = 0.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 4, 4, generator=generator) - 0.5 + shift
    return coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)


def test_the_distance_is_that_of_frechet_and_the_floor_that_of_real_pictures(extractor):
    real, drawn = images(90, seed=0), images(40, seed=1, shift=0.4)
    options = {"reference_name": "squares", "progress": False}
    found = measure_samples(drawn, real, extractor, batch_size=7, **options)
    expected = frechet(real, drawn, extractor, **options)
    assert found.distance.protocol == expected.protocol
    assert found.distance.distance == pytest.approx(expected.distance, rel=1e-5)
    protocol = found.floor.protocol
    assert (protocol.num_generated, protocol.num_reference) == (40, 50)
    assert protocol.reference == "the rest of squares"
    assert found.beside.protocol == protocol
    assert found.beside.difference(found.floor) > 4 * found.floor.distance > 0
    same = measure_samples(images(60, seed=5), images(60, seed=6), extractor, **options)
    assert same.beside.distance == pytest.approx(same.floor.distance, rel=0.6)
    assert same.distance.distance < same.beside.distance


def test_the_floor_is_of_as_many_pictures_as_there_are_or_of_half_the_real_ones(extractor):
    """It takes them from all parts: in a sorted set the first half is no fair sample."""
    real = torch.cat([images(40, seed=0, shift=-0.4), images(40, seed=1, shift=0.4)])
    options = {"reference_name": "squares", "progress": False}
    floors = [
        measure_samples(images(n, seed=2), real, extractor, **options).floor for n in (60, 10)
    ]
    assert [(f.protocol.num_generated, f.protocol.num_reference) for f in floors] == [
        (40, 40),
        (10, 70),
    ]
    sides = [gathered(half, extractor, label="", progress=False) for half in real.split(40)]
    sorted_halves = compare_statistics(*sides, reference_name="squares")
    assert 10 * floors[0].distance < sorted_halves.distance


@pytest.mark.filterwarnings("default:.*the covariance is singular")
def test_too_few_pictures(extractor):
    options = {"reference_name": "squares", "progress": False}
    assert measure_samples(images(2, seed=0), images(3, seed=1), extractor, **options).floor is None
    with pytest.raises(ValueError, match="there are 1 samples and 9 real pictures"):
        measure_samples(images(1, seed=0), images(9, seed=1), extractor, **options)


def test_statistics_that_are_put_together_are_those_of_all(extractor):
    x = images(30, seed=3)
    one, two = (gathered(part, extractor, label="", progress=False) for part in x.split(12)[:2])
    both = gathered(x[:24], extractor, label="", progress=False)
    one.merge(two)
    assert one.digest == both.digest and one.features.count == 24
    torch.testing.assert_close(one.features.covariance, both.features.covariance)
    larger = gathered(torch.zeros(2, 3, 20, 20), extractor, label="", progress=False)
    with pytest.raises(ValueError, match=r"images are \(16, 16\), the others \(20, 20\)"):
        one.merge(larger)
