"""The recipe of the prior: what decays, and its numbers over whole data sets."""

import json
import math

import pytest
import torch

from tests.train.small import QUIET, SHORT
from vqlib.compress import vqvae_digits
from vqlib.data import digits
from vqlib.generate import GPT, GPTConfig, negative_log_likelihood
from vqlib.train import PriorRecipe, tokenize, train_prior, validation_nll
from vqlib.train.checkpoint import latest_checkpoint
from vqlib.train.prior import parameter_groups

CONFIG = GPTConfig(
    num_codes=7, num_conditions=3, num_tokens=4, num_layers=1, num_heads=2, width=16, dropout=0.3
)


def test_a_few_tokens_are_learned_by_heart():
    tokens, conditions = torch.randint(7, (3, 4)), torch.arange(3)
    recipe = PriorRecipe(**SHORT | {"batch_size": 3}, steps=80, learning_rate=1e-2, warmup_steps=5)
    trained = train_prior(tokens, conditions, CONFIG, recipe, **QUIET)
    assert trained.history[0]["loss"] == pytest.approx(math.log(7), abs=0.1)
    assert validation_nll(trained.model, tokens, conditions) < 0.1
    assert not trained.model.training


def test_only_the_matrices_of_linear_layers_decay():
    model = GPT(CONFIG)
    decaying, rest = parameter_groups(model, 0.3)
    assert (decaying["weight_decay"], rest["weight_decay"]) == (0.3, 0.0)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    chosen = {names[id(parameter)] for parameter in decaying["params"]}
    others = {names[id(parameter)] for parameter in rest["params"]}
    assert chosen | others == set(names.values())
    assert chosen == {
        "blocks.0.attention.query_key_value.weight",
        "blocks.0.attention.projection.weight",
        "blocks.0.mlp.0.weight",
        "blocks.0.mlp.2.weight",
        "head.weight",
    }


def test_the_recipes_decay_reaches_the_optimiser(tmp_path):
    recipe = PriorRecipe(**SHORT | {"batch_size": 3}, steps=1, weight_decay=0.3)
    tokens, conditions = torch.randint(7, (3, 4)), torch.arange(3)
    train_prior(tokens, conditions, CONFIG, recipe, folder=tmp_path, **QUIET)
    saved = json.loads((latest_checkpoint(tmp_path) / "training.json").read_text())
    assert [group["weight_decay"] for group in saved["param_groups"]["optimizer"]] == [0.3, 0.0]


def test_the_nll_of_a_data_set_is_the_mean_over_its_pictures():
    model = GPT(CONFIG).train()
    tokens, conditions = torch.randint(7, (10, 4)), torch.randint(3, (10,))
    in_batches = validation_nll(model, tokens, conditions, batch_size=4)  # 4, 4 and 2
    assert model.training
    assert in_batches == validation_nll(model, tokens, conditions, batch_size=4)  # no dropout
    at_once = negative_log_likelihood(model.eval(), tokens, conditions).item()
    assert in_batches == pytest.approx(at_once, rel=1e-6)


def test_tokenizing_in_batches_is_encoding():
    codec, x = vqvae_digits().build(), digits().images[:10]
    tokens = tokenize(codec, x, batch_size=4)
    assert (tokens.shape, tokens.dtype) == ((10, 16), torch.int64)
    assert torch.equal(tokens.view(10, 4, 4), codec.encode(x))
