"""The recipe of the prior: what it is trained on, what it measures, when it stops."""

import json
import math
import os
import signal
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

from tests.train.small import QUIET, SHORT, vqgan_digits
from vqlib.compress import initialize_codes
from vqlib.course.pretrained import load_pretrained
from vqlib.data import digits
from vqlib.generate import (
    GPT,
    ClassCondition,
    CoordinateCondition,
    GPTConfig,
    MapCondition,
    NoCondition,
    Order,
    TextCondition,
    negative_log_likelihood,
)
from vqlib.saved import load_model
from vqlib.saved.run_folder import BEST, latest_checkpoint
from vqlib.tokens import TokenGrids, tokenize
from vqlib.train import PriorRecipe, Trained, Watch, loop, prior, train_prior, validation_nll
from vqlib.train.prior import Best, corrupted, dropped, parameter_groups

CONFIG = GPTConfig(
    num_codes=7,
    grid=(2, 2),
    condition=ClassCondition(3),
    num_layers=1,
    num_heads=2,
    width=16,
    dropout=0.3,
)
STILL = replace(CONFIG, dropout=0.0)
CONDITIONS = {
    "nothing": (NoCondition(), None),
    "class": (ClassCondition(3), torch.tensor([0, 1, 2, 0, 1, 2])),
    "map": (MapCondition(9, (5, 4)), torch.arange(120).view(6, 5, 4) % 9),
    "coordinates": (CoordinateCondition((2, 2), 8), None),
    "text": (TextCondition(("a", "moon", "sun"), 4), ["a sun", "a moon", "sun", "", "moon", "a"]),
}


def pictures(count: int = 3) -> TokenGrids:
    """As many tokens as classes, always the same."""
    tokens = torch.randint(7, (count, 2, 2), generator=torch.Generator().manual_seed(0))
    return TokenGrids(tokens, torch.arange(count) % 3)


def train(data=None, config=CONFIG, watch=None, folder=None, resume=False, **recipe) -> Trained:
    recipe = PriorRecipe(**SHORT | {"batch_size": 3, "warmup_steps": 5} | recipe)
    options = {"folder": folder, "resume": resume, **QUIET}
    return train_prior(data or pictures(), config, recipe, watch or Watch(), **options)


def same_weights(one: torch.nn.Module, two: torch.nn.Module) -> bool:
    state = two.state_dict()
    return all(torch.equal(tensor, state[name]) for name, tensor in one.state_dict().items())


def test_a_few_tokens_are_learned_by_heart():
    trained = train(steps=120, learning_rate=1e-2)
    assert trained.history[0]["loss"] == pytest.approx(math.log(7), abs=0.1)
    assert validation_nll(trained.model, pictures()) < 0.1
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
    train(folder=tmp_path, steps=1, weight_decay=0.3)
    saved = json.loads((latest_checkpoint(tmp_path) / "training.json").read_text())
    assert [group["weight_decay"] for group in saved["param_groups"]["optimizer"]] == [0.3, 0.0]


# What the model sees, and what it has to predict


def watched(monkeypatch) -> list[tuple[Tensor, Tensor, Tensor]]:
    """What the model is given in training and what the loss asks for: tokens, prefix, sequence."""
    inputs, seen = [], []
    forward, loss = GPT.forward, prior.negative_log_likelihood

    def look(self, tokens, prefix):
        inputs.append((tokens, prefix))
        return forward(self, tokens, prefix)

    def look_again(logits, sequence):
        seen.append((*inputs[-1], sequence))
        return loss(logits, sequence)

    monkeypatch.setattr(GPT, "forward", look)
    monkeypatch.setattr(prior, "negative_log_likelihood", look_again)
    return seen


def test_pkeep_changes_what_is_seen_and_never_what_is_asked_for(monkeypatch):
    seen = watched(monkeypatch)
    tokens = torch.randint(64, (200, 4, 4))
    config = replace(STILL, num_codes=64, grid=(4, 4), condition=NoCondition())
    train(TokenGrids(tokens), config, batch_size=200, steps=5, pkeep=0.6)
    assert len(seen) == 5
    known = {tuple(row) for row in tokens.flatten(1).tolist()}
    shares = []
    for tokens, _, sequence in seen:
        assert {tuple(row) for row in sequence.tolist()} == known
        assert tokens.shape == (200, 15)
        shares.append((tokens != sequence[:, :-1]).float().mean())
    expected = 0.4 * 63 / 64  # a random code may be the right one
    assert torch.stack(shares).mean() == pytest.approx(expected, abs=0.02)  # 5 standard deviations
    assert not torch.equal(seen[0][0] != seen[0][2][:, :-1], seen[1][0] != seen[1][2][:, :-1])


@given(st.integers(2, 9), st.floats(0.01, 0.99))
def test_corrupted_tokens_are_codes_at_random(num_codes, pkeep):
    tokens = torch.zeros(200, 100, dtype=torch.int64)
    result = corrupted(tokens, num_codes, pkeep)
    counts = torch.bincount(result.flatten(), minlength=num_codes) / result.numel()
    expected = torch.full((num_codes,), (1 - pkeep) / num_codes)
    expected[0] += pkeep
    assert len(counts) == num_codes
    assert (counts - expected).abs().max() < 0.025
    assert not tokens.any()  # a copy
    assert corrupted(tokens, num_codes, 1.0) is tokens


def test_some_pictures_are_learned_without_their_condition(monkeypatch):
    seen = watched(monkeypatch)
    condition = MapCondition(9, (2, 3))
    config = replace(STILL, condition=condition, guidance=True)
    maps = torch.randint(9, (200, 2, 3))
    data = TokenGrids(torch.randint(7, (200, 2, 2)), maps)
    train(data, config, batch_size=200, steps=5, condition_dropout=0.3)
    known, gone = {tuple(row) for row in maps.flatten(1).tolist()}, []
    for tokens, prefix, sequence in seen:
        assert torch.equal(tokens, sequence[:, :-1])
        without = (prefix == 9).all(1)
        assert {tuple(row) for row in prefix[~without].tolist()} <= known  # whole or not at all
        gone.append(without.float().mean())
    assert torch.stack(gone).mean() == pytest.approx(0.3, abs=0.075)  # 5 standard deviations


def test_without_dropout_the_prefix_is_left_alone():
    model = GPT(replace(CONFIG, guidance=True))
    ids = torch.tensor([[0], [2]])
    assert dropped(ids, model, 0.0) is ids
    ids = torch.zeros(1000, 1, dtype=torch.int64)
    assert set(dropped(ids, model, 0.5).flatten().tolist()) == {0, 3}
    assert torch.equal(model.without_condition(), torch.tensor([[3]]))


@pytest.mark.parametrize("guidance", [False, True])
def test_guidance_and_condition_dropout_belong_together(guidance):
    config = replace(CONFIG, guidance=guidance)
    share = 0.0 if guidance else 0.1
    message = f"condition_dropout is {share} and the model's guidance is {guidance}"
    with pytest.raises(ValueError, match=message):
        train(config=config, condition_dropout=share)


# The numbers


@pytest.mark.parametrize("order", [Order(), Order("spiral_in")])
@pytest.mark.parametrize("kind", CONDITIONS)
def test_the_loss_counts_the_tokens_of_the_picture_alone(kind, order):
    condition, values = CONDITIONS[kind]
    config = replace(STILL, condition=condition, order=order)
    tokens = torch.randint(7, (6, 2, 2))
    data = TokenGrids(tokens, values)
    first = train(data, config, batch_size=6, steps=1, seed=5).history[0]
    torch.manual_seed(5)
    model = GPT(config)
    log_p = model.log_prob(tokens.flatten(1), values)
    assert log_p.shape == (6, 4)
    assert first["loss"] == pytest.approx(-log_p.mean().item(), rel=1e-5)
    assert first["bits"] == pytest.approx(first["loss"] / math.log(2), rel=1e-6)
    assert validation_nll(model, data) == pytest.approx(first["loss"], rel=1e-5)
    torch.nn.init.zeros_(model.head.weight)  # knows nothing: log K per token, whatever the prefix
    assert validation_nll(model, data) == pytest.approx(math.log(7), rel=1e-6)


def test_the_nll_of_a_data_set_is_the_mean_over_its_pictures():
    model, data = GPT(CONFIG).train(), pictures(10)
    in_batches = validation_nll(model, data, batch_size=4)  # 4, 4 and 2
    assert model.training
    assert in_batches == validation_nll(model, data, batch_size=4)  # no dropout
    tokens = data.tokens.flatten(1)
    logits = model.eval()(tokens[:, :-1], data.values[:, None])
    at_once = negative_log_likelihood(logits, tokens).item()
    assert in_batches == pytest.approx(at_once, rel=1e-6)


def test_tokenizing_in_batches_is_encoding():
    codec, x = load_pretrained("digits_vqvae"), digits().images[:10]
    tokens = tokenize(codec, x, batch_size=4)
    assert len(tokens.unique()) > 10
    assert (tokens.shape, tokens.dtype) == ((10, 4, 4), torch.int64)
    assert torch.equal(tokens, codec.encode(x))


def test_tokenizing_knows_no_dropout():
    codec, x = vqgan_digits().build(), digits().images[:10]
    initialize_codes(codec.quantizer, codec.latents(x), generator=torch.Generator())
    assert not torch.equal(codec.encode(x), codec.encode(x))
    tokens = tokenize(codec, x)
    assert codec.training
    assert torch.equal(tokens, codec.eval().encode(x))


# Held-out pictures


def opposites() -> tuple[TokenGrids, Watch]:
    """What is learned and what is held out have no code in common: each step makes it worse."""
    labels = torch.zeros(3, dtype=torch.int64)
    held_out = TokenGrids(torch.full((3, 2, 2), 5), labels)
    return TokenGrids(torch.zeros(3, 2, 2, dtype=torch.int64), labels), Watch(held_out)


STOPPING = {
    "steps": 20,
    "schedule": "constant",
    "learning_rate": 1e-2,
    "validate_every": 2,
    "patience": 2,
}


def test_training_stops_when_it_no_longer_helps_and_the_best_model_is_returned(tmp_path):
    data, watch = opposites()
    trained = train(data, watch=watch, folder=tmp_path, **STOPPING)
    assert (trained.stopped_early, trained.steps_done) == (True, 6)  # best at 2, then two looks
    looks = {entry["step"]: entry["held_out"] for entry in trained.history if "held_out" in entry}
    assert list(looks) == [2, 4, 6]
    assert looks[2] < looks[4] < looks[6]
    two_steps = train(data, **STOPPING | {"steps": 2, "validate_every": None, "patience": None})
    assert not two_steps.stopped_early
    assert same_weights(trained.model, two_steps.model)
    assert same_weights(load_model(tmp_path / BEST), two_steps.model)
    assert not same_weights(load_model(latest_checkpoint(tmp_path)), two_steps.model)
    assert latest_checkpoint(tmp_path).name == "step_00000006"


def test_resuming_what_has_stopped_early_trains_no_further(tmp_path):
    data, watch = opposites()
    stopped = train(data, watch=watch, folder=tmp_path, **STOPPING)
    again = train(data, watch=watch, folder=tmp_path, resume=True, **STOPPING)
    assert (again.stopped_early, again.steps_done) == (True, 6)
    assert again.history == stopped.history
    assert same_weights(again.model, stopped.model)


def interrupt_after(step: int, monkeypatch) -> None:
    """Send this process the signal of Ctrl-C while the given step is being logged."""
    log = loop.Run.log

    def log_and_interrupt(self, now, logs):
        log(self, now, logs)
        if now + 1 == step:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(loop.Run, "log", log_and_interrupt)


def without_seconds(history: list[dict]) -> list[dict]:
    return [{k: v for k, v in entry.items() if k != "seconds"} for entry in history]


@pytest.mark.parametrize("moment", [1, 3, 4, 5])
def test_an_interrupted_run_stops_where_it_would_have_stopped(tmp_path, monkeypatch, moment):
    data, watch = opposites()
    options = STOPPING | {"pkeep": 0.9, "ema_decay": 0.5}
    whole = train(data, watch=watch, folder=tmp_path / "whole", **options)
    with monkeypatch.context() as patch:
        interrupt_after(moment, patch)
        first = train(data, watch=watch, folder=tmp_path / "parts", **options)
    assert (first.stopped_early, first.steps_done) == (False, moment)
    torch.manual_seed(12345)  # a new process would start elsewhere
    second = train(data, watch=watch, folder=tmp_path / "parts", resume=True, **options)
    assert (second.stopped_early, second.steps_done) == (True, whole.steps_done)
    assert without_seconds(second.history) == without_seconds(whole.history)
    assert same_weights(second.model, whole.model)
    one, two = (
        load_file(latest_checkpoint(tmp_path / name) / "training.safetensors")
        for name in ("whole", "parts")
    )
    assert {"best.nll", "best.waited", "best.model.head.weight"} <= one.keys() == two.keys()
    assert [name for name in one if not torch.equal(one[name], two[name])] == []
    assert same_weights(load_model(tmp_path / "parts" / BEST), whole.model)


@pytest.mark.parametrize("ema_decay", [None, 0.5])
def test_the_returned_model_is_the_one_of_the_lowest_number(tmp_path, ema_decay):
    tokens = torch.randint(7, (40, 2, 2))
    data, held_out = TokenGrids(tokens[:20] // 2), TokenGrids(tokens[20:] // 2)
    config = replace(STILL, condition=NoCondition())
    options = {"steps": 60, "learning_rate": 1e-2, "validate_every": 5, "ema_decay": ema_decay}
    trained = train(data, config, Watch(held_out), tmp_path, batch_size=20, **options)
    assert not trained.stopped_early
    looks = [entry["held_out"] for entry in trained.history if "held_out" in entry]
    assert len(looks) == 12
    assert min(looks) < looks[-1]  # so few pictures are soon learned by heart
    assert validation_nll(trained.model, held_out) == pytest.approx(min(looks), rel=1e-6)
    assert same_weights(load_model(tmp_path / BEST), trained.model)


def test_looking_changes_nothing_in_training():
    plain = train(steps=6)
    looked = train(steps=6, watch=Watch(pictures(4)), validate_every=2)
    losses = [[entry["loss"] for entry in trained.history] for trained in (plain, looked)]
    assert losses[0] == losses[1]  # dropout draws the same numbers


@given(st.floats(1e-3, 10))
def test_an_equal_number_is_no_improvement(nll):
    best = Best(GPT(STILL))
    assert not best.looked
    assert best.improved(GPT(STILL), nll)
    assert best.looked
    assert not best.improved(GPT(STILL), nll)  # which float32 may have rounded up
    assert not best.exhausts(2)
    assert not best.improved(GPT(STILL), math.nan)
    assert best.exhausts(2)
    assert not best.exhausts(None)
    assert best.improved(GPT(STILL), nll / 2)
    assert not best.exhausts(1)


def test_samples_are_drawn_and_change_nothing(tmp_path):
    def draw(model: GPT) -> Tensor:
        tokens = model.sample(torch.tensor([1]), seed=3)
        return tokens.view(1, 2, 2) / 3.5 - 1

    plain = train(steps=5, folder=tmp_path / "plain")
    drawn = train(steps=5, folder=tmp_path / "drawn", watch=Watch(draw=draw), sample_every=2)
    names = [path.name for path in sorted((tmp_path / "drawn" / "samples").iterdir())]
    assert names == [f"step_{step:08d}.png" for step in (2, 4, 5)]
    assert same_weights(plain.model, drawn.model)


# What is refused


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weight_decay": -0.1}, "weight_decay is -0.1; it must be 0 or more"),
        ({"pkeep": 0.0}, r"pkeep is 0.0; it must be in \(0, 1\]"),
        ({"pkeep": 1.5}, r"pkeep is 1.5; it must be in \(0, 1\]"),
        ({"condition_dropout": 1.0}, r"condition_dropout is 1.0; use \[0, 1\)"),
        ({"condition_dropout": -0.1}, r"condition_dropout is -0.1; use \[0, 1\)"),
        ({"validate_every": 0}, "validate_every is 0; use at least 1, or none"),
        ({"validate_every": 1, "patience": 0}, "patience is 0; use at least 1, or none"),
        ({"sample_every": -1}, "sample_every is -1; use at least 1, or none"),
        ({"patience": 3}, "patience needs validate_every"),
    ],
)
def test_recipes_that_cannot_be(wrong, message):
    with pytest.raises(ValueError, match=message):
        PriorRecipe(**wrong)


def test_validation_needs_held_out_pictures():
    with pytest.raises(ValueError, match="validate_every needs held-out pictures"):
        train(validate_every=2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (TokenGrids(torch.zeros(3, 2, 1, dtype=torch.int64)), "2×1 tokens are smaller than"),
        (TokenGrids(torch.full((3, 2, 2), 7), torch.arange(3)), r"range over \[7, 7\], but"),
        (
            TokenGrids(torch.zeros(3, 2, 2, dtype=torch.int64), torch.arange(3) + 1),
            r"classes range over \[1, 3\]",
        ),
        (
            TokenGrids(torch.zeros(2, 2, 2, dtype=torch.int64), torch.arange(2)),
            "batch_size is 3.*has 2 images",
        ),
    ],
)
def test_data_that_do_not_fit_the_model(data, message):
    with pytest.raises(ValueError, match=message):
        train(data, steps=1)


def test_a_prior_is_resumed_with_the_same_pictures(tmp_path):
    recipe = PriorRecipe(**SHORT, steps=2)
    config = GPTConfig(64, (4, 4), num_layers=1, num_heads=1, width=8)
    tokens = torch.randint(64, (50, 4, 4), generator=torch.Generator().manual_seed(0))
    train_prior(TokenGrids(tokens), config, recipe, folder=tmp_path, **QUIET)
    with pytest.raises(ValueError, match="other tokens .of 50 pictures, now of 40 pictures"):
        few = TokenGrids(tokens[:40])
        train_prior(few, config, recipe, folder=tmp_path, resume=True, **QUIET)
