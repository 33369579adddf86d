"""VQGAN's network: its parts against formulas, its presets against the paper's numbers."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from vqlib.compress import VQGANAutoencoderConfig, VQVAEConfig, vqgan, vqgan_f16
from vqlib.compress.layers import (
    Downsample,
    NormResBlock,
    SpatialAttention,
    Upsample,
    group_norm,
)
from vqlib.compress.vqvae import VQVAE


def narrow(f: int) -> VQVAEConfig:
    """The preset of this factor, 16 times narrower."""
    config = vqgan(f, num_codes=32)
    autoencoder = replace(config.autoencoder, base_channels=8, latent_channels=6, code_dim=4)
    return replace(config, autoencoder=autoencoder)


def test_f16_has_the_sizes_of_the_paper():
    with torch.device("meta"):
        model = VQVAE(vqgan_f16())
    for half, millions, tensors in ((model.encoder, 29.298, 144), (model.decoder, 42.450, 194)):
        assert sum(p.numel() for p in half.parameters()) / 1e6 == pytest.approx(millions, abs=5e-4)
        assert len(list(half.parameters())) == tensors
    assert model.config.grid_size == 16
    assert model.quantizer.codebook.shape == (1024, 256)
    assert [layer.weight.shape for layer in (model.to_codes, model.from_codes)] == [
        (256, 256, 1, 1)
    ] * 2


@pytest.mark.parametrize("f", [2, 4, 8, 16, 32])
def test_each_preset_gives_its_grid_at_any_multiple_of_f(f):
    config = narrow(f)
    assert config.autoencoder.downsampling_factor == f
    model = VQVAE(config).eval()
    x = torch.rand(2, 3, 2 * f, 3 * f) * 2 - 1
    tokens = model.encode(x)
    assert (tokens.shape, tokens.dtype) == ((2, 2, 3), torch.int64)
    x_hat, quantized = model(x)
    assert (x_hat.shape, x_hat.dtype) == (x.shape, torch.float32)
    assert torch.equal(quantized.tokens, tokens)
    # Many layers turn the rounding of z + (z_q − z) into a little more.
    torch.testing.assert_close(x_hat.clamp(-1, 1), model.decode(tokens), rtol=0, atol=1e-3)
    with pytest.raises(ValueError, match=rf"{2 * f}×{3 * f + 1}.*multiples of f = {f}"):
        model.encode(torch.zeros(1, 3, 2 * f, 3 * f + 1))


def test_every_parameter_learns():
    model = VQVAE(narrow(4))
    x_hat, quantized = model(torch.randn(1, 3, 16, 16))
    (x_hat.square().mean() + quantized.codebook_loss + quantized.commitment_loss).backward()
    # A key's bias shifts all of a query's scores alike, which softmax does not see.
    still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert all(name.endswith("key.bias") for name in still)


def test_attention_stands_at_the_lowest_resolution_only():
    for f in (4, 16):
        encoder, decoder = narrow(f).autoencoder.build()
        for half, lowest, blocks in ((encoder, -1, 2), (decoder, 0, 3)):
            for level in half.levels:
                kind = SpatialAttention if level is half.levels[lowest] else nn.Identity
                assert [type(layer) for layer in level.attention] == [kind] * blocks
        assert decoder.last_layer is decoder.conv_out.weight


@pytest.mark.parametrize("levels", [(), (0,), (1, 2), (0, 1, 2)])
def test_attention_stands_where_it_is_wanted_in_both_halves(levels):
    autoencoder = replace(narrow(4).autoencoder, attention_levels=levels)
    encoder, decoder = autoencoder.build()
    for half in (encoder.levels, decoder.levels[::-1]):  # full resolution first
        found = [isinstance(level.attention[0], SpatialAttention) for level in half]
        assert found == [i in levels for i in range(3)]
    x = torch.rand(1, 3, 8, 8)
    assert decoder(encoder(x)).shape == x.shape


def test_the_middle_may_do_without_attention():
    halves = replace(narrow(4).autoencoder, middle_attention=False, attention_levels=()).build()
    for half in halves:
        assert not any(isinstance(layer, SpatialAttention) for layer in half.modules())
    assert isinstance(narrow(4).autoencoder.build()[0].middle.attention, SpatialAttention)


def test_dropout_is_off_in_evaluation_only():
    config = VQGANAutoencoderConfig(
        base_channels=8, channel_multipliers=(1, 2), latent_channels=4, code_dim=4, dropout=0.5
    )
    encoder, _ = config.build()
    x = torch.randn(1, 3, 8, 8)
    assert not torch.equal(encoder(x), encoder(x))
    encoder.eval()
    assert torch.equal(encoder(x), encoder(x))


def test_attention_equals_softmax_written_out():
    attention = SpatialAttention(8)
    x = torch.randn(2, 8, 3, 5)
    normed = attention.norm(x).flatten(2)  # (B, C, N), N = h·w
    q, k, v = (
        torch.einsum("oc,bcn->bon", layer.weight[:, :, 0, 0], normed) + layer.bias[:, None]
        for layer in (attention.query, attention.key, attention.value)
    )
    scores = torch.einsum("bcn,bcm->bnm", q, k) / 8**0.5
    weights = scores.exp() / scores.exp().sum(2, keepdim=True)
    mixed = torch.einsum("bnm,bcm->bcn", weights, v).view(2, 8, 3, 5)
    torch.testing.assert_close(attention(x), x + attention.out(mixed))


def test_group_norm_has_32_groups_where_they_fit():
    for channels, groups in ((256, 32), (32, 32), (48, 16), (24, 8), (5, 1)):
        norm = group_norm(channels)
        assert (norm.num_groups, norm.eps) == (groups, 1e-6)


@pytest.mark.parametrize(("channels_in", "channels_out"), [(8, 8), (8, 16)])
def test_residual_block_equals_its_formula(channels_in, channels_out):
    block = NormResBlock(channels_in, channels_out)
    x = torch.randn(2, channels_in, 4, 4)
    h = block.norm1(x)
    h = block.norm2(block.conv1(h * h.sigmoid()))
    expected = block.shortcut(x) + block.conv2(h * h.sigmoid())
    torch.testing.assert_close(block(x), expected)
    assert isinstance(block.shortcut, nn.Identity) == (channels_in == channels_out)


def test_downsampling_pads_right_and_below_only():
    layer = Downsample(1)
    nn.init.ones_(layer.conv.weight)
    nn.init.zeros_(layer.conv.bias)
    x = torch.arange(1.0, 17).view(1, 1, 4, 4)  # rows 1 2 3 4, 5 6 7 8, …
    # Sums over 3×3 windows that begin at rows and columns 0 and 2; what lies outside is zero.
    expected = [[1 + 2 + 3 + 5 + 6 + 7 + 9 + 10 + 11, 3 + 4 + 7 + 8 + 11 + 12]]
    expected += [[9 + 10 + 11 + 13 + 14 + 15, 11 + 12 + 15 + 16]]
    assert layer(x)[0, 0].tolist() == expected
    assert Downsample(3)(torch.zeros(2, 3, 6, 10)).shape == (2, 3, 3, 5)


def test_upsampling_repeats_pixels_before_its_convolution():
    layer = Upsample(1)
    nn.init.dirac_(layer.conv.weight)  # the convolution passes its input on
    nn.init.zeros_(layer.conv.bias)
    got = layer(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    assert got[0, 0].tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: vqgan(6), "f is 6; presets exist for 2, 4, 8, 16, 32"),
        (lambda: vqgan(16, image_size=40), "image_size is 40.*multiple of f = 16"),
        (lambda: VQGANAutoencoderConfig(image_channels=0), "image_channels is 0"),
        (lambda: VQGANAutoencoderConfig(code_dim=0), "code_dim is 0"),
        (lambda: VQGANAutoencoderConfig(channel_multipliers=()), r"channel_multipliers is \(\)"),
        (lambda: VQGANAutoencoderConfig(channel_multipliers=(1, 0)), r"is \(1, 0\)"),
        (
            lambda: VQGANAutoencoderConfig(attention_levels=(3, 5)),
            r"attention_levels is \(3, 5\); the levels are 0 \(full resolution\) to 4",
        ),
    ],
    ids=[
        "f",
        "image_size",
        "image_channels",
        "code_dim",
        "no-levels",
        "empty-level",
        "attention_levels",
    ],
)
def test_wrong_configurations_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()
