"""The whole codec: shapes, round trips, errors, and that it learns."""

from dataclasses import replace

import pytest
import torch

from vqlib.compress import (
    VQVAE,
    AutoencoderConfig,
    EMACodes,
    GradientCodes,
    NormalizedCodes,
    VQVAEConfig,
    vqvae_cifar10,
    vqvae_digits,
    vqvae_loss,
)
from vqlib.compress.gumbel import GumbelCodes
from vqlib.data import digits
from vqlib.measure.grid_pattern import grid_energy


@pytest.mark.parametrize("config", [vqvae_digits(), vqvae_cifar10()], ids=["digits", "cifar10"])
def test_shapes_and_ranges(config):
    model = VQVAE(config)
    channels, side = config.autoencoder.image_channels, config.grid_size
    x = torch.rand(2, channels, 32, 32) * 2 - 1
    tokens = model.encode(x)
    assert (tokens.shape, tokens.dtype) == ((2, side, side), torch.int64)
    assert 0 <= tokens.min() <= tokens.max() < config.num_codes
    x_hat = model.decode(tokens)
    assert (x_hat.shape, x_hat.dtype) == (x.shape, torch.float32)
    assert x_hat.abs().max() <= 1


def test_forward_sees_the_same_tokens_as_encode_and_decodes_them():
    model = VQVAE(vqvae_digits())
    torch.nn.init.normal_(model.quantizer.codebook)
    x = digits().images[:4]
    x_hat, quantized = model(x)
    assert torch.equal(quantized.tokens, model.encode(x))
    torch.testing.assert_close(x_hat.clamp(-1, 1), model.decode(quantized.tokens))


def test_any_multiple_of_f_is_taken():
    model = VQVAE(vqvae_digits())
    tokens = model.encode(torch.zeros(1, 1, 40, 64))
    assert tokens.shape == (1, 5, 8)
    assert model.decode(tokens).shape == (1, 1, 40, 64)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 32, 32), "3 channels, this model takes 1"),
        ((1, 1, 30, 32), r"30×32.*multiples of f = 8"),
        ((1, 1, 32, 4), r"32×4.*multiples of f = 8"),
    ],
)
def test_wrong_images_are_named(shape, message):
    with pytest.raises(ValueError, match=message):
        VQVAE(vqvae_digits()).encode(torch.zeros(shape))


def test_wrong_configurations_are_named():
    with pytest.raises(ValueError, match="image_channels is 0"):
        AutoencoderConfig(image_channels=0)
    with pytest.raises(ValueError, match="num_downsamplings is 0"):
        AutoencoderConfig(num_downsamplings=0)
    with pytest.raises(ValueError, match="num_codes is 1"):
        VQVAEConfig(num_codes=1)
    with pytest.raises(ValueError, match="image_size is 30"):
        VQVAEConfig(image_size=30)


def test_beta_stands_on_the_commitment_term():
    model = VQVAE(vqvae_digits())
    torch.nn.init.normal_(model.quantizer.codebook)
    x = digits().images[:4]
    x_hat, quantized = model(x)
    loss, logs = vqvae_loss(x, x_hat, quantized, codebook_weight=0.0, commitment_weight=3.0)
    expected = (x_hat - x).square().mean() + 3 * quantized.commitment_loss
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert not model.quantizer.codebook.grad.any()  # no weight on the codebook term
    assert set(logs) == {"loss", "reconstruction", "codebook", "commitment"}
    assert not any(value.requires_grad for value in logs.values())


def test_it_overfits_one_batch():
    model = VQVAE(vqvae_digits())
    x = digits().images[:8]
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    losses = []
    for _ in range(150):
        x_hat, quantized = model(x)
        loss, logs = vqvae_loss(x, x_hat, quantized)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(logs["reconstruction"].item())
    assert losses[-1] < 0.05 * losses[0]


@pytest.mark.parametrize(("f", "channels"), [(1, 3), (2, 1), (3, 3)])
def test_repeated_pixels_and_transposed_convolutions_take_and_give_the_same_shapes(f, channels):
    x = torch.rand(2, channels, 32, 32) * 2 - 1
    for upsampling in ("transposed", "nearest"):
        network = AutoencoderConfig(
            image_channels=channels, hidden_channels=8, num_downsamplings=f, upsampling=upsampling
        )
        model = VQVAE(VQVAEConfig(network, num_codes=8))
        x_hat, _ = model(x)
        assert x_hat.shape == x.shape
        assert model.decoder.last_layer.shape[-1] == (4 if upsampling == "transposed" else 3)
    with pytest.raises(ValueError, match="upsampling is 'bilinear'; use one of 'transposed'"):
        AutoencoderConfig(upsampling="bilinear")


def test_an_untrained_decoder_of_repeated_pixels_leaves_no_grid():
    torch.manual_seed(0)
    z = torch.randn(64, 16, 16, 16)
    energies = {}
    for upsampling in ("transposed", "nearest"):
        network = AutoencoderConfig(hidden_channels=16, code_dim=16, upsampling=upsampling)
        _, decoder = network.build()
        with torch.no_grad():
            energies[upsampling] = grid_energy(decoder(z), 4)
    assert energies["transposed"] > 3 * energies["nearest"]


@pytest.mark.parametrize(
    "codes", [GradientCodes(), EMACodes(), NormalizedCodes(), GumbelCodes()], ids=str
)
def test_without_quantizing_the_latents_pass_unchanged_and_every_weight_has_a_gradient(codes):
    torch.manual_seed(0)
    model = VQVAE(replace(vqvae_digits(), codes=codes))
    x = digits().images[:2]
    x_hat, quantized = model(x, quantize=False)
    assert torch.equal(quantized.z_q, model.latents(x))
    assert quantized.codebook_loss == quantized.commitment_loss == 0
    (x_hat.mean() + quantized.codebook_loss).backward()
    assert all(weight.grad is not None for weight in model.parameters())
    assert all((weight.grad == 0).all() for weight in model.quantizer.parameters())
