"""Pixels as tokens: the palette keeps what it can, and stands where a VQVAE stands."""

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor

from vqlib.compress import VQVAE, kmeans, vqvae_digits
from vqlib.compress.palette import ColorPalette, ColorPaletteConfig, fit_palette
from vqlib.data import photos, stack
from vqlib.measure.reconstruction import measure_codec, psnr


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images_of(colors: Tensor, height: int, width: int, count: int = 2) -> Tensor:
    """Images in which each of the colours occurs, at random places."""
    order = torch.arange(count * height * width) % len(colors)
    pixels = colors[order[torch.randperm(len(order))]]
    return pixels.view(count, height, width, -1).permute(0, 3, 1, 2)


def eight_bit_colors(count: int, channels: int = 3, seed: int = 0) -> Tensor:
    """That many different colours as picture files have them."""
    numbers = torch.tensor(random.Random(seed).sample(range(256**channels), count))
    return (numbers[:, None] // 256 ** torch.arange(channels) % 256) / 127.5 - 1


@pytest.fixture(scope="module")
def photo() -> Tensor:
    return stack(photos("train", size=64), limit=12)


@given(
    st.integers(2, 60),
    st.integers(1, 3),
    st.tuples(st.integers(6, 12), st.integers(6, 12)),
    st.integers(0, 2**31),
)
def test_pictures_with_as_many_colours_as_the_palette_come_back_exactly(K, channels, size, seed):
    torch.manual_seed(seed)
    colors = eight_bit_colors(K, channels, seed)
    x = images_of(colors, *size)
    palette = fit_palette(x, ColorPaletteConfig(len(colors), image_channels=channels))
    tokens = palette.encode(x)
    assert torch.equal(palette.decode(tokens), x)
    assert len(tokens.unique()) == len(colors)
    few = images_of(colors[: len(colors) // 2], 5, 9, count=1)  # other places, fewer colours
    assert torch.equal(palette.decode(palette.encode(few)), few)


def test_each_pixel_gets_its_nearest_colour(photo):
    palette = fit_palette(photo, ColorPaletteConfig(32), sample=2000)
    tokens, x_hat = palette.encode(photo), palette.decode(palette.encode(photo))
    chosen = (photo - x_hat).square().sum(1)
    for color in palette.colors:
        assert (chosen <= (photo - color.view(3, 1, 1)).square().sum(1) + 1e-5).all()
    assert torch.equal(x_hat[3, :, 50, 7], palette.colors[tokens[3, 50, 7]])


def test_more_colours_are_closer_to_a_photo(photo):
    def quality(K: int) -> float:
        palette = fit_palette(photo, ColorPaletteConfig(K, image_size=64), sample=20_000)
        return psnr(palette.decode(palette.encode(photo)), photo).mean().item()

    by_size = [quality(K) for K in (16, 64, 256)]
    assert by_size[0] > 20
    assert by_size[1] > by_size[0] + 3 and by_size[2] > by_size[1] + 3


def test_the_colours_are_the_centres_of_kmeans_over_the_pixels(photo):
    few = photo[:1, :, ::4, ::4]  # 256 pixels, so that all are taken
    palette = fit_palette(few, ColorPaletteConfig(8), seed=5)
    pixels = torch.stack([few[0, :, i, j] for i in range(16) for j in range(16)])
    assert torch.equal(palette.colors, kmeans(pixels, 8, generator=seeded(5)))


def test_a_white_background_costs_few_colours():
    noise = torch.rand(4, 3, 32, 32) * 2 - 1
    x = torch.where(torch.rand(4, 1, 32, 32) < 0.05, noise, torch.ones(()))
    palette, plain = fit_palette(x, ColorPaletteConfig(64)), ColorPalette(ColorPaletteConfig(64))
    plain.colors.copy_(kmeans(x.permute(0, 2, 3, 1).flatten(0, 2), 64, generator=seeded(0)))
    assert len(plain.encode(x).unique()) < 55  # the other centres all lie on white
    assert len(palette.encode(x).unique()) > 60
    assert len(palette.colors.unique(dim=0)) == 64
    error = [(codec.decode(codec.encode(x)) - x).square().mean() for codec in (palette, plain)]
    assert error[0] < error[1]


def test_colours_depend_on_the_seed_alone(photo):
    def colors(seed: int) -> Tensor:
        torch.rand(7)  # the global generator plays no part
        return fit_palette(photo, ColorPaletteConfig(16), sample=3000, seed=seed).colors

    assert torch.equal(colors(1), colors(1))
    assert not torch.equal(colors(1), colors(2))


def test_the_sample_is_drawn_from_all_images():
    x = torch.linspace(-1, 1, 40).view(40, 1, 1, 1).expand(40, 3, 8, 8).contiguous()
    palette = fit_palette(x, ColorPaletteConfig(8), sample=500)
    error = (palette.decode(palette.encode(x)) - x).abs().amax((1, 2, 3))
    assert error.max() < 0.4  # eight steps from black to white, though none lies evenly


@pytest.mark.parametrize(
    ("model", "channels"),
    [(VQVAE(vqvae_digits()), 1), (ColorPaletteConfig(64, 32, 3).build(), 3)],
    ids=["VQVAE", "ColorPalette"],
)
def test_it_is_used_like_a_vqvae(model, channels):
    config = model.config
    x = torch.rand(2, channels, config.image_size, config.image_size) * 2 - 1
    tokens = model.encode(x)
    assert (tokens.shape, tokens.dtype) == ((2, config.grid_size, config.grid_size), torch.int64)
    assert 0 <= tokens.min() <= tokens.max() < config.num_codes
    x_hat = model.decode(tokens)
    assert (x_hat.shape, x_hat.dtype) == (x.shape, torch.float32)
    assert x_hat.abs().max() <= 1
    assert not x_hat.requires_grad
    assert model.encode(x[..., :16]).shape == (2, config.grid_size, config.grid_size // 2)
    assert type(config.build()) is type(model)
    measured = measure_codec(model, x, progress=False)
    assert measured["bits_per_image"] == config.grid_size**2 * 6  # log₂ 64 bits for each token
    with pytest.raises(ValueError, match=r"\[-1, 64\].*codes 0 to 63"):
        model.decode(torch.tensor([[[-1, 64]]]))
    with pytest.raises(ValueError, match=f"2 channels, this model takes {channels}"):
        model.encode(torch.zeros(1, 2, 32, 32))


def test_the_state_holds_the_colours(tmp_path, photo):
    palette = fit_palette(photo, ColorPaletteConfig(16), sample=1000)
    save_file(palette.state_dict(), tmp_path / "palette.safetensors")
    again = ColorPalette(palette.config)
    assert not again.colors.any()  # until then
    again.load_state_dict(load_file(tmp_path / "palette.safetensors"))
    assert torch.equal(again.encode(photo), palette.encode(photo))
    assert list(palette.state_dict()) == ["colors"] and palette.colors.shape == (16, 3)


def test_too_few_colours_are_named():
    x = images_of(eight_bit_colors(5), 8, 8)
    with pytest.raises(ValueError, match=r"num_codes is 6, but the 128 .* only 5 .*lower"):
        fit_palette(x, ColorPaletteConfig(6))
    with pytest.raises(ValueError, match=r"num_codes is 4, but the 3 pixels .*sample"):
        fit_palette(x, ColorPaletteConfig(4), sample=3)


@pytest.mark.parametrize(
    ("shape", "sample", "message"),
    [
        ((2, 1, 8, 8), 100, "1 channels, this model takes 3"),
        ((2, 3, 0, 8), 100, "images are 0×8"),
        ((0, 3, 8, 8), 100, "0 images"),
        ((2, 3, 8, 8), 0, "sample is 0; .*at least 1"),
    ],
)
def test_wrong_images_are_named(shape, sample, message):
    with pytest.raises(ValueError, match=message):
        fit_palette(torch.zeros(shape), ColorPaletteConfig(4), sample=sample)


@pytest.mark.parametrize(
    ("field", "value"), [("num_codes", 1), ("image_size", 0), ("image_channels", 0)]
)
def test_wrong_configurations_are_named(field, value):
    with pytest.raises(ValueError, match=f"{field} is {value}"):
        ColorPaletteConfig(**{field: value})
