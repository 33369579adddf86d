"""Models, data and options small enough to train in tenths of a second."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from vqlib.compress import FeatureDistance, FeatureNet, VQGANAutoencoderConfig, vqvae_digits
from vqlib.data import TensorImages, digits

QUIET = {"device": "cpu", "progress": False}
SHORT = {"batch_size": 8, "log_every": 1}
CRITIC = {"disc_layers": 2, "disc_channels": 8}


def images() -> TensorImages:
    """Fifty digits; which are mirrored decides the generator that they are drawn with."""
    return TensorImages(digits().images[:50], flip=True)


def label_maps_of_digits() -> Tensor:
    """Five labels: the background and four shades."""
    return digits().images[:50, 0].add(1).mul(2).round().long()


def vqgan_digits():
    """VQGAN's network, narrow and with dropout, on the grid of the digits codec."""
    autoencoder = VQGANAutoencoderConfig(
        image_channels=1,
        base_channels=4,
        channel_multipliers=(1, 1, 1, 2),
        num_res_blocks=1,
        latent_channels=8,
        code_dim=8,
        dropout=0.2,
    )
    return replace(vqvae_digits(), autoencoder=autoencoder)


def distance() -> FeatureDistance:
    """A perceptual network, always the same; untrained, but no features vanish."""
    torch.manual_seed(1)
    return FeatureDistance(FeatureNet(3, widths=(4, 8)))


def assert_close_weights(one: nn.Module, two: nn.Module, tolerance: float) -> None:
    """All weights but one in a thousand.

    Adam divides by the gradient's size: where a gradient is nothing but rounding, which differs
    between processors, numbers of threads and places in memory, the step is too.
    """
    pairs = [(t, two.state_dict()[name]) for name, t in one.state_dict().items()]
    apart = torch.cat([(a - b).abs().flatten() for a, b in pairs])
    assert (apart > tolerance).float().mean() <= 1e-3
    assert apart.max() <= 3e-3  # a few steps of Adam at most
