"""Likelihoods: the same number in every unit, and of the picture's tokens alone."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from vqlib.compress.palette import ColorPaletteConfig, fit_palette
from vqlib.data import digits
from vqlib.generate import (
    GPT,
    ClassCondition,
    GPTConfig,
    MapCondition,
    NoCondition,
    Order,
    TextCondition,
)
from vqlib.measure import Likelihood, bits_per_image, measure_likelihood

CONFIG = GPTConfig(8, (2, 3), NoCondition(), num_layers=1, num_heads=2, width=8, dropout=0.3)
SHAPE = {"image_shape": (3, 16, 24), "progress": False}
CONDITIONS = {
    "nothing": (NoCondition(), None),
    "class": (ClassCondition(3), torch.arange(10) % 3),
    "map": (MapCondition(9, (7, 5)), torch.arange(350).view(10, 7, 5) % 9),
    "text": (TextCondition(("moon", "sun"), 2), ["sun", "moon sun"] * 5),
}


def test_the_units_by_hand():
    found = Likelihood(4.8, 256, (3, 256, 256))
    assert found.bits_per_token == pytest.approx(6.9249, abs=1e-4)
    assert found.bits_per_image == pytest.approx(1772.78, abs=1e-2)
    assert found.bits_per_dimension == pytest.approx(0.0090168, abs=1e-7)


@given(
    st.floats(0, 20), st.integers(1, 4096), st.tuples(*[st.integers(1, 512)] * 3), st.integers(1, 9)
)
def test_units_follow_from_each_other(nats, num_tokens, shape, factor):
    found = Likelihood(nats, num_tokens, shape)
    assert found.bits_per_token * math.log(2) == pytest.approx(nats)
    assert found.bits_per_image == pytest.approx(found.bits_per_token * num_tokens)
    assert found.bits_per_dimension * math.prod(shape) == pytest.approx(found.bits_per_image)
    finer = Likelihood(nats / factor, num_tokens * factor, shape)  # as much in more tokens
    assert finer.bits_per_dimension == pytest.approx(found.bits_per_dimension)


@pytest.mark.parametrize("kind", CONDITIONS)
def test_a_prior_that_knows_nothing_costs_what_plain_numbers_cost(kind):
    condition, values = CONDITIONS[kind]
    model = GPT(replace(CONFIG, condition=condition))
    nn.init.zeros_(model.head.weight)
    found = measure_likelihood(model, torch.randint(8, (10, 6)), values, **SHAPE)
    assert found.bits_per_token == pytest.approx(3)
    assert found.bits_per_image == pytest.approx(bits_per_image(8, 6))
    assert found.bits_per_dimension == pytest.approx(18 / (3 * 16 * 24))


@pytest.mark.parametrize("kind", CONDITIONS)
def test_it_is_the_mean_over_all_pictures_in_eval_mode(kind):
    condition, values = CONDITIONS[kind]
    model = GPT(replace(CONFIG, condition=condition, order=Order("spiral_in"))).train()
    tokens = torch.randint(8, (10, 6))
    found = measure_likelihood(model, tokens, values, batch_size=4, **SHAPE)  # 4, 4 and 2
    assert model.training
    assert found.nats_per_token == pytest.approx(
        -model.eval().log_prob(tokens, values).mean().item(), rel=1e-6
    )
    assert (found.num_tokens, found.image_shape) == (6, (3, 16, 24))


def test_a_lossless_codec_makes_it_the_likelihood_of_pixels():
    levels = digits(image_size=8).images[:20].add(1).mul(2).round()  # five greys
    x = levels / 2 - 1
    codec = fit_palette(x, ColorPaletteConfig(5, image_size=8, image_channels=1))
    assert torch.equal(codec.decode(codec.encode(x)), x)
    model = GPT(GPTConfig(5, (8, 8), num_layers=1, num_heads=1, width=4))
    nn.init.zeros_(model.head.weight)
    tokens = codec.encode(x).flatten(1)
    found = measure_likelihood(model, tokens, image_shape=(1, 8, 8), progress=False)
    assert found.bits_per_dimension == pytest.approx(math.log2(5))  # one of five greys per pixel


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((-0.1, 4, (1, 2, 2)), "nats_per_token is -0.1; it must be 0 or more"),
        ((math.nan, 4, (1, 2, 2)), "nats_per_token is nan"),
        ((1.0, 0, (1, 2, 2)), "num_tokens is 0 and image_shape"),
        ((1.0, 4, (1, 0, 2)), r"image_shape \(1, 0, 2\); all of these must be at least 1"),
    ],
)
def test_likelihoods_that_cannot_be(values, message):
    with pytest.raises(ValueError, match=message):
        Likelihood(*values)


@pytest.mark.parametrize(
    ("shape", "values", "options", "message"),
    [
        ((0, 6), None, {}, "0 pictures, batch_size is 64; both must be at least 1"),
        ((4, 6), None, {"batch_size": 0}, "4 pictures, batch_size is 0"),
        ((4, 6), torch.arange(5) % 3, {}, "5 conditions for 4 pictures; give one for each"),
        ((4, 5), torch.arange(4) % 3, {}, "5 tokens per picture, but the model has 6"),
        ((4, 6), torch.arange(4), {}, r"classes range over \[0, 3\]"),
    ],
)
def test_what_cannot_be_measured_is_named(shape, values, options, message):
    model = GPT(replace(CONFIG, condition=ClassCondition(3)))
    with pytest.raises(ValueError, match=message):
        measure_likelihood(model, torch.zeros(shape, dtype=torch.int64), values, **SHAPE | options)
