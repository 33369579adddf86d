"""The critic: what one verdict sees, how it starts, and where its gradient goes."""

import pytest
import torch
from torch import Tensor, nn

from vqlib.compress import (
    PatchDiscriminator,
    hinge_discriminator_loss,
    hinge_generator_loss,
    nonsaturating_discriminator_loss,
    nonsaturating_generator_loss,
)
from vqlib.compress.discriminator import BatchNorm, PatchDiscriminatorConfig, four_a_group


def seen_by_one_verdict(discriminator: PatchDiscriminator, side: int) -> Tensor:
    """Rows and columns of a side×side image that move the verdict in the middle."""
    x = torch.randn(1, 3, side, side, requires_grad=True)
    verdicts = discriminator.eval()(x)  # in training, normalisation lets every pixel count
    middle = verdicts.shape[-1] // 2
    (gradient,) = torch.autograd.grad(verdicts[0, 0, middle, middle], x)
    return gradient.abs().sum((0, 1)).nonzero()


@pytest.mark.parametrize(("num_layers", "field"), [(1, 16), (2, 34), (3, 70)])
def test_receptive_field(num_layers, field):
    discriminator = PatchDiscriminator(base_channels=4, num_layers=num_layers)
    assert discriminator.receptive_field == field
    seen = seen_by_one_verdict(discriminator, 2 * field + 20)
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [field, field]


def test_the_default_is_the_papers_70_by_70_critic():
    discriminator = PatchDiscriminator()
    assert discriminator.receptive_field == 70
    first, *inner, last = discriminator.convolutions
    assert [conv.stride[0] for conv in discriminator.convolutions] == [2, 2, 2, 1, 1]
    assert [conv.out_channels for conv in discriminator.convolutions] == [64, 128, 256, 512, 1]
    assert all(conv.kernel_size == (4, 4) for conv in discriminator.convolutions)
    assert first.bias is not None
    assert last.bias is not None
    assert all(conv.bias is None for conv in inner)  # the norm that follows has one
    kinds = [type(layer) for layer in discriminator.layers]
    block = [nn.Conv2d, BatchNorm, nn.LeakyReLU]
    assert kinds == [nn.Conv2d, nn.LeakyReLU, *block, *block, *block, nn.Conv2d]
    assert discriminator(torch.zeros(2, 3, 64, 64)).shape == (2, 1, 6, 6)


def test_it_starts_as_dcgan_does():
    discriminator = PatchDiscriminator()
    for conv in discriminator.convolutions:
        assert abs(conv.weight.mean().item()) < 0.002
        assert conv.weight.std().item() == pytest.approx(0.02, rel=0.05)
    for norm in (layer for layer in discriminator.layers if isinstance(layer, BatchNorm)):
        assert norm.weight.mean().item() == pytest.approx(1, abs=0.01)
        assert norm.weight.std().item() == pytest.approx(0.02, rel=0.2)
        assert not norm.bias.any()


@pytest.mark.parametrize("num_layers", [1, 2, 3, 4])
def test_images_too_small_for_a_verdict_are_named(num_layers):
    discriminator = PatchDiscriminator(1, base_channels=2, num_layers=num_layers)
    side = discriminator.smallest_image
    assert discriminator(torch.zeros(1, 1, side, side)).shape == (1, 1, 1, 1)
    with pytest.raises(ValueError, match=rf"{side - 1}×{side}.*at least {side}×{side}"):
        discriminator(torch.zeros(1, 1, side - 1, side))
    with pytest.raises(RuntimeError):  # the limit is true: convolutions fail below it
        discriminator.layers(torch.zeros(1, 1, side - 1, side))


@pytest.mark.parametrize("name", ["image_channels", "base_channels", "num_layers"])
def test_a_wrong_size_is_named(name):
    with pytest.raises(ValueError, match=f"{name} is 0; it must be at least 1"):
        PatchDiscriminator(**{name: 0})


def test_it_knows_its_shape():
    discriminator = PatchDiscriminator(1, base_channels=4, num_layers=2)
    assert discriminator.config == PatchDiscriminatorConfig(1, 4, 2)
    assert PatchDiscriminator().config == PatchDiscriminatorConfig()


@pytest.mark.parametrize(
    ("critic_loss", "generator_loss"),
    [
        (hinge_discriminator_loss, hinge_generator_loss),
        (nonsaturating_discriminator_loss, nonsaturating_generator_loss),
    ],
    ids=["hinge", "nonsaturating"],
)
def test_each_loss_moves_its_own_network(critic_loss, generator_loss):
    discriminator = PatchDiscriminator(base_channels=4, num_layers=2)
    generator = nn.Conv2d(3, 3, 1)
    x, x_hat = torch.randn(2, 3, 32, 32), generator(torch.randn(2, 3, 32, 32))
    critic_loss(discriminator(x), discriminator(x_hat.detach())).backward()
    assert all(p.grad is None for p in generator.parameters())
    assert all(p.grad is not None for p in discriminator.parameters())
    before = [p.grad.clone() for p in discriminator.parameters()]
    discriminator.requires_grad_(False)  # the generator's step only looks through it
    generator_loss(discriminator(x_hat)).backward()
    assert all(p.grad.norm() > 0 for p in generator.parameters())
    after = [p.grad for p in discriminator.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))


def test_alone_the_norm_is_pytorchs():
    mine, reference = BatchNorm(4), nn.BatchNorm2d(4)
    x = torch.randn(3, 4, 5, 5)
    for _ in range(2):
        assert torch.equal(mine(x), reference(x))
    assert torch.equal(mine.eval()(x), reference.eval()(x))
    assert torch.equal(mine.running_var, reference.running_var)


@pytest.mark.parametrize(
    ("norm", "kind"), [("batch", BatchNorm), ("group", nn.GroupNorm), ("none", None)]
)
def test_each_norm_stands_where_the_papers_have_batch_norm(norm, kind):
    critic = PatchDiscriminator(3, base_channels=8, num_layers=2, norm=norm)
    norms = [type(m) for m in critic.layers if isinstance(m, nn.BatchNorm2d | nn.GroupNorm)]
    assert norms == ([] if kind is None else [kind] * 2)
    inner = critic.convolutions[1:-1]
    assert all((conv.bias is None) == (norm != "none") for conv in inner)
    assert critic(torch.zeros(2, 3, 32, 32)).shape == (2, 1, 6, 6)
    with pytest.raises(ValueError, match="norm is 'layer'; use one of 'batch', 'group', 'none'"):
        PatchDiscriminatorConfig(norm="layer")


def test_only_batch_norm_lets_the_company_decide():
    torch.manual_seed(0)
    x = torch.randn(4, 3, 32, 32)
    for norm in ("batch", "group", "none"):
        critic = PatchDiscriminator(3, base_channels=8, num_layers=2, norm=norm)
        alone, together = critic(x[:1]), critic(torch.cat([x[:1], 3 * x[1:]]))[:1]
        assert torch.allclose(alone, together, atol=1e-5) == (norm != "batch")


@pytest.mark.parametrize(("channels", "groups"), [(16, 4), (4, 1), (6, 1), (2, 1)])
def test_groups_have_four_channels(channels, groups):
    assert four_a_group(channels).num_groups == groups
