"""The Fréchet distance between sets of images, and the protocol it carries."""

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vqlib.compress.perceptual import FeatureNet
from vqlib.data import digits
from vqlib.measure import (
    FrechetProtocol,
    FrechetResult,
    ImageStatistics,
    OfflineFeatures,
    compare_statistics,
    frechet,
    frechet_distance,
)

PROTOCOL = FrechetProtocol(
    extractor="Inception-v3 (FID, 2048)",
    extractor_digest="6726",
    feature_dim=2048,
    image_size=(299, 299),
    resize="bilinear",
    reference="flowers",
    reference_digest="abcd",
    num_reference=7000,
    num_generated=5000,
)
OTHER = {
    "extractor": "offline network",
    "extractor_digest": "6727",
    "feature_dim": 64,
    "image_size": (256, 256),
    "resize": "none",
    "reference": "pets",
    "reference_digest": "abce",
    "num_reference": 7001,
    "num_generated": 4999,
}


class Pooled:
    """Four features: the mean brightness of each quarter."""

    name, digest, dim, image_size, resize = "quarters", "0" * 64, 4, None, "none"

    def __call__(self, images):
        return torch.nn.functional.adaptive_avg_pool2d(images.mean(1, keepdim=True), 2).flatten(1)


class Pictures:
    """A data set with no more than a length and an index."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index]


@pytest.fixture(scope="module")
def pictures():
    return digits("held_out").images[:60]


def measure(reference, generated, **options):
    options = {"reference_name": "digits", "progress": False} | options
    return frechet(reference, generated, Pooled(), **options)


def test_the_distance_is_that_of_the_features(pictures):
    noisy = (pictures + 0.5 * torch.randn_like(pictures)).clamp(-1, 1)
    f, g = Pooled()(pictures).double(), Pooled()(noisy).double()
    expected = frechet_distance(f.mean(0), f.T.cov(), g.mean(0), g.T.cov())
    result = measure(pictures, noisy)
    assert result.distance == pytest.approx(expected, rel=1e-9)
    assert expected > 0.01
    assert measure(pictures, pictures).distance == pytest.approx(0, abs=1e-12)
    assert result.protocol == FrechetProtocol(
        extractor="quarters",
        extractor_digest="0" * 64,
        feature_dim=4,
        image_size=(32, 32),
        resize="none",
        reference="digits",
        reference_digest=result.protocol.reference_digest,
        num_reference=60,
        num_generated=60,
    )


def test_every_kind_of_source_gives_the_same_result(pictures):
    generated = pictures.flip(3)
    expected = measure(pictures, generated)
    statistics = ImageStatistics(Pooled())
    for part in pictures.split(7):
        statistics.update(part)
    sources = {
        "data set": Pictures(pictures),
        "list of images": list(pictures),
        "list of batches": list(pictures.split(13)),
        "generator of batches": (part for part in pictures.tensor_split([0, 50])),
        "shuffled": pictures[torch.randperm(60, generator=torch.Generator().manual_seed(1))],
        "statistics": statistics,
    }
    for name, source in sources.items():
        result = measure(source, generated, batch_size=9)
        assert result.protocol == expected.protocol, name
        assert result.distance == pytest.approx(expected.distance, rel=1e-6), name


def test_another_pixel_makes_another_reference(pictures):
    changed = pictures.clone()
    changed[17, 0, 3, 4] += 2 / 255
    one, two = measure(pictures, pictures), measure(changed, pictures)
    with pytest.raises(ValueError, match="they differ in reference_digest: '[0-9a-f]+' and"):
        one.difference(two)
    # The same bytes in another shape are other images.
    wide = pictures.view(60, 1, 16, 64)
    assert measure(wide, wide).protocol.reference_digest != one.protocol.reference_digest


def test_results_of_one_protocol_compare():
    near, far = FrechetResult(3.25, PROTOCOL), FrechetResult(4.75, PROTOCOL)
    assert near < far
    assert far > near
    assert far.difference(near) == 1.5
    assert min([far, near]) is near
    assert str(near) == "FID 3.25 (5,000 images against 7,000 of flowers)"


@pytest.mark.parametrize("field", OTHER)
def test_every_difference_of_protocol_is_refused_and_named(field):
    assert set(OTHER) == set(FrechetProtocol.__annotations__)
    one = FrechetResult(3.0, PROTOCOL)
    two = FrechetResult(4.0, replace(PROTOCOL, **{field: OTHER[field]}))
    for compare in (one.difference, one.__lt__):
        with pytest.raises(ValueError, match=f"differ in {field}: .* and ") as caught:
            compare(two)
        assert not any(f" {name}: " in str(caught.value) for name in OTHER if name != field)


def test_all_differing_fields_are_named():
    with pytest.raises(ValueError) as caught:
        _ = FrechetResult(3.0, PROTOCOL) < FrechetResult(4.0, FrechetProtocol(**OTHER))
    assert all(f"{name}: " in str(caught.value) for name in OTHER)


def test_only_inceptions_distance_is_called_fid():
    assert FrechetResult(1.0, PROTOCOL).name == "FID"
    offline = FrechetResult(1.0, replace(PROTOCOL, extractor=OfflineFeatures.name))
    assert offline.name == "Fréchet distance (offline network)"


@given(distance=st.floats(0, 1e9), name=st.text(), side=st.integers(1, 4096))
def test_json_and_back(distance, name, side):
    result = FrechetResult(distance, replace(PROTOCOL, reference=name, image_size=(side, side)))
    back = FrechetResult.from_json(json.loads(json.dumps(result.to_json())))
    assert back == result
    assert back.difference(result) == 0


@pytest.mark.parametrize("missing", ["distance", "protocol", "resize"])
def test_incomplete_json_is_refused(missing):
    values = FrechetResult(1.0, PROTOCOL).to_json()
    (values if missing in values else values["protocol"]).pop(missing)
    with pytest.raises(ValueError, match=f"not a Fréchet result.*{missing}"):
        FrechetResult.from_json(values)


def test_too_few_images(pictures):
    with pytest.raises(ValueError, match="60 reference and 1 generated images; .* at least 2"):
        measure(pictures, pictures[:1])
    with pytest.raises(ValueError, match="0 reference"):
        measure(pictures[:0], pictures)
    with pytest.warns(UserWarning, match="4 images for 4 features: the covariance is singular"):
        assert measure(pictures, pictures[:4]).distance > 0
    measure(pictures, pictures[:5])  # no warning


def test_images_that_cannot_be_compared_are_refused(pictures):
    with pytest.raises(ValueError, match=r"reference images are \(32, 32\), generated ones \(16"):
        measure(pictures, pictures[..., ::2, ::2])
    with pytest.raises(ValueError, match=r"several shapes, \(1, 32, 32\) and \(1, 16, 16\)"):
        measure([*pictures, pictures[0, :, ::2, ::2]], pictures)
    statistics = ImageStatistics(Pooled())
    statistics.update(pictures)
    with pytest.raises(ValueError, match="are 16×16, those before 32×32, and quarters takes"):
        statistics.update(pictures[..., ::2, ::2])
    with pytest.raises(ValueError, match=r"range over \[0, 255\], expected \[-1, 1\]"):
        measure(pictures, pictures.add(1).mul(127.5))
    with pytest.raises(ValueError, match="range over"):
        measure(pictures, pictures.where(pictures < 0.9, torch.nan))
    with pytest.raises(ValueError, match=r"\(C, H, W\) or batches \(B, C, H, W\), got tuple"):
        measure(Pictures([(picture, 3) for picture in pictures]), pictures)
    with pytest.raises(ValueError, match="batch_size is 0"):
        measure(pictures, pictures, batch_size=0)


def test_statistics_of_two_networks_are_refused(pictures):
    one, two = ImageStatistics(Pooled()), ImageStatistics(Pooled())
    two.extractor.digest = "1" * 64
    one.update(pictures)
    two.update(pictures)
    message = r"quarters \(weights 1{8}…\): use one extractor"
    with pytest.raises(ValueError, match=message):
        compare_statistics(one, two, reference_name="digits")
    with pytest.raises(ValueError, match="use one extractor"):
        measure(two, two)


def test_the_offline_network_sees_noise(pictures):
    extractor = OfflineFeatures(FeatureNet(10, widths=(4, 8))).train()
    assert not extractor.training
    features = extractor(pictures)
    assert features.shape == (60, extractor.dim) == (60, 8)
    assert not features.requires_grad
    torch.testing.assert_close(extractor(pictures.expand(-1, 3, -1, -1)), features)
    results = []
    for strength in (0.0, 0.2, 0.5):
        noisy = (pictures + strength * torch.randn_like(pictures)).clamp(-1, 1)
        results.append(frechet(pictures, noisy, extractor, reference_name="d", progress=False))
    assert results[0].distance < 1e-6 * results[1].distance
    assert results[0] < results[1] < results[2]
    assert results[0].protocol.extractor_digest == extractor.digest
