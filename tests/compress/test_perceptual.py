"""Perceptual distances: frozen, deterministic, and finite where networks see nothing."""

import pytest
import torch
from torch import Tensor, nn

from vqlib.compress import LPIPS, FeatureDistance, FeatureNet
from vqlib.compress.perceptual import Frozen, unit_normalized


@pytest.fixture(scope="module")
def lpips_random() -> LPIPS:
    """VGG16 with random weights takes seconds to make: one for all tests."""
    torch.manual_seed(0)
    return LPIPS(pretrained=False)


@pytest.fixture(scope="module")
def feature_distance() -> FeatureDistance:
    torch.manual_seed(0)
    nets = [FeatureNet(10, widths=widths) for widths in ((8, 12), (6, 9))]
    for net in nets:
        for name, parameter in net.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)  # so that there are images without any feature
    return FeatureDistance(*nets)


@pytest.fixture(params=["lpips_random", "feature_distance"])
def distance(request) -> Frozen:
    return request.getfixturevalue(request.param)


def images(count: int = 3, channels: int = 3) -> Tensor:
    return torch.rand(count, channels, 32, 32) * 2 - 1


def featureless(distance: Frozen) -> Tensor:
    """An image of which the network, having no biases, sees nothing at all."""
    if isinstance(distance, LPIPS):  # it subtracts a mean colour first
        return distance.net.scaling_layer.shift.expand(1, 3, 32, 32).clone()
    return torch.zeros(1, 3, 32, 32)


def test_one_number_per_pair(distance):
    x, y = images(), images()
    d = distance(x, y)
    assert (d.shape, d.dtype) == ((3,), torch.float32)
    assert (d > 0).all()
    assert not distance(x, x).any()
    torch.testing.assert_close(distance(y, x), d)
    torch.testing.assert_close(distance(x[1:2], y[1:2])[0], d[1])  # pairs do not mix


def test_a_stronger_change_is_further_away(distance):
    x, noise = images(), 0.1 * torch.randn(3, 3, 32, 32)
    assert (distance(x, x + noise) < distance(x, x + 4 * noise)).all()


def test_nothing_in_it_is_ever_trained(distance):
    parent = nn.Sequential(distance, nn.Dropout()).train()
    assert parent[1].training
    assert not any(module.training for module in distance.modules())
    assert not any(parameter.requires_grad for parameter in distance.parameters())
    x, y = images(), images()
    assert torch.equal(distance(x, y), distance(x, y))


def test_dropout_inside_it_would_show(lpips_random):
    # The package puts dropout before its weights; without eval mode two calls would differ.
    dropouts = [m for m in lpips_random.modules() if isinstance(m, nn.Dropout)]
    assert len(dropouts) == 5
    x, y = images(1), images(1)
    try:
        for dropout in dropouts:
            dropout.training = True
        assert not torch.equal(lpips_random(x, y), lpips_random(x, y))
    finally:
        lpips_random.train()
    assert torch.equal(lpips_random(x, y), lpips_random(x, y))


def test_the_gradient_reaches_both_images(distance):
    x, y = images().requires_grad_(), images().requires_grad_()
    distance(x, y).sum().backward()
    for image in (x, y):
        assert image.grad.isfinite().all()
        assert image.grad.flatten(1).norm(dim=1).min() > 0
    assert all(parameter.grad is None for parameter in distance.parameters())


def test_images_without_features_have_a_finite_gradient(distance):
    nothing = featureless(distance)
    for other in (nothing, images(1)):
        x = nothing.clone().requires_grad_()
        d = distance(x, other)
        d.sum().backward()
        assert d.isfinite().all()
        assert x.grad.isfinite().all()
    assert not distance(nothing, nothing).any()


def test_normalising_a_zero_vector_has_a_finite_gradient():
    for scale in (0.0, 1e-30, 1e-3, 1e3):
        features = torch.full((1, 4, 2, 2), scale, requires_grad=True)
        unit = unit_normalized(features)
        unit.square().sum().backward()
        assert features.grad.isfinite().all()
        if scale >= 1e-3:
            torch.testing.assert_close(unit.norm(dim=1), torch.ones(1, 2, 2), rtol=1e-4, atol=0)
    naive = torch.zeros(1, 4, 2, 2, requires_grad=True)
    (naive / (naive.square().sum(1, keepdim=True).sqrt() + 1e-10)).sum().backward()
    assert naive.grad.isnan().all()  # what the ε inside the root is for


def test_lpips_agrees_with_its_package(lpips_random):
    x, y = images(), images()
    package = lpips_random.net(x, y).flatten()
    torch.testing.assert_close(lpips_random(x, y), package, rtol=1e-4, atol=1e-4)


def test_feature_distance_equals_its_formula(feature_distance):
    x, y = images(2), images(2)
    expected = torch.zeros(2)
    for net in feature_distance.nets:
        for f, g in zip(net.features(x), net.features(y), strict=True):
            f, g = (h / h.norm(dim=1, keepdim=True).clamp(min=1e-8) for h in (f, g))
            expected += (f - g).square().sum(1).mean((1, 2)) / 2
    torch.testing.assert_close(feature_distance(x, y), expected, rtol=1e-3, atol=1e-5)


def test_the_distance_of_several_networks_is_their_mean(feature_distance):
    x, y = images(2), images(2)
    alone = [FeatureDistance(net)(x, y) for net in feature_distance.nets]
    torch.testing.assert_close(feature_distance(x, y), torch.stack(alone).mean(0))
    with pytest.raises(ValueError, match="at least one FeatureNet"):
        FeatureDistance()


def test_grey_images_are_three_equal_channels(distance):
    x, y = images(channels=1), images(channels=1)
    torch.testing.assert_close(distance(x, y), distance(x.repeat(1, 3, 1, 1), y.repeat(1, 3, 1, 1)))
    with pytest.raises(ValueError, match=r"4 channels; grey \(1\) or colour \(3\)"):
        distance(images(channels=4), images(channels=4))


def test_autocast_does_not_touch_it(distance):
    x, y = images(1), images(1)
    plain = distance(x, y)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(distance(x, y), plain)
        half = distance(x.bfloat16(), y.bfloat16())
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, plain, rtol=0.05, atol=0.01)


def test_the_digest_names_the_weights(distance):
    before = distance.digest
    assert len(before) == 64
    assert distance.digest == before
    weight = next(distance.parameters())
    kept = weight[0, 0].clone()
    with torch.no_grad():
        weight[0, 0] += 1e-3
    assert distance.digest != before
    with torch.no_grad():
        weight[0, 0] = kept
    assert distance.digest == before


def test_feature_net_halves_the_size_from_stage_to_stage():
    net = FeatureNet(7, widths=(4, 6, 8))
    x = torch.zeros(2, 3, 32, 24)
    shapes = [tuple(f.shape) for f in net.features(x)]
    assert shapes == [(2, 4, 32, 24), (2, 6, 16, 12), (2, 8, 8, 6)]
    assert net(x).shape == (2, 7)
    assert all(p.requires_grad for p in net.parameters())  # itself it can be trained


def test_vgg16s_weights_are_read_without_unpickling_and_land_in_their_layers(monkeypatch):
    from torchvision.models.vgg import cfgs, make_layers

    layers = make_layers(cfgs["D"])
    state = {f"features.{name}": value for name, value in layers.state_dict().items()}

    def fetch(url: str, *, check_hash: bool, weights_only: bool) -> dict[str, Tensor]:
        assert url.endswith("vgg16-397923af.pth") and check_hash and weights_only
        return state

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fetch)
    net = LPIPS().net.net
    x = torch.rand(1, 3, 32, 32)
    for features, last in zip(net(x), (4, 9, 16, 23, 30), strict=True):
        torch.testing.assert_close(features, layers[:last](x))
