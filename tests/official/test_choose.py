"""Which tensors of a file are the model: prefixes, averages, and names to leave out."""

import re

import pytest
import torch

from tests.official.released_layout import averages, small, state_dict
from vqlib.official.choose import averaged, first_stages, transformers, without


def behind(prefix, state):
    return {prefix + name: it for name, it in state.items()}


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "first_stage_model.", "module.vae.0."])
def test_a_first_stage_is_found_behind_any_prefix(prefix):
    state = behind(prefix, state_dict(small(lpips=True)))
    assert first_stages(state) == [prefix]
    assert first_stages(state | behind(f"{prefix}model_ema.", state)) == [prefix]
    assert transformers(state) == []


@pytest.mark.parametrize("prefix", ["", "module.", "a.b."])
def test_a_transformer_is_found_with_its_codecs(prefix):
    parts = ("first_stage_model.", "cond_stage_model.")
    state = {name: it for at in parts for name, it in behind(at, state_dict(small())).items()}
    assert first_stages(behind(prefix, state)) == [prefix + at for at in sorted(parts)]
    assert transformers(behind(prefix, state)) == []
    whole = state | {"transformer.tok_emb.weight": torch.zeros(2, 2)}
    assert transformers(behind(prefix, whole)) == [prefix]
    assert transformers({"cond_stage_model.transformer.text_model.head": torch.zeros(1)}) == []


def test_averages_stand_for_weights():
    state = state_dict(small(disc_layers=1))
    found = averaged(state | averages(state))
    assert list(found.state) == list(state)
    buffers = [name for name in state if re.search(r"\.running_|\.num_batches_tracked", name)]
    assert len(buffers) == 3  # of the batch normalisation; they have no averages
    for name, it in found.state.items():
        assert torch.equal(it, state[name] if name in buffers else state[name] / 2), name
    assert found.num_averages == len(state) - 3


def test_averages_whose_names_have_dots_do_as_well():
    state = state_dict(small())
    halves = {f"model_ema.{name}": it / 2 for name, it in state.items()}
    found = averaged(state | halves)
    assert all(torch.equal(it, state[name] / 2) for name, it in found.state.items())
    assert (list(found.state), found.num_averages) == (list(state), len(state))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({}, "there are no averages of the weights: no name begins with model_ema."),
        ({"model_ema.decay": 0.9, "model_ema.num_updates": 1}, "there are no averages"),
        ({"model_ema.encoderweight": 1.0}, "model_ema.encoderweight is the average of a tensor t"),
    ],
)
def test_averages_that_are_not_there_are_named(extra, message):
    tensors = {name: torch.tensor(value) for name, value in extra.items()}
    with pytest.raises(ValueError, match=message):
        averaged(state_dict(small()) | tensors)


def test_names_are_left_out_by_patterns():
    state = {name: torch.zeros(1) for name in ("a.b", "a.c.d", "e", "x[0]")}
    assert list(without(state, [])) == list(state)
    assert list(without(state, ["a.*"])) == ["e", "x[0]"]
    assert list(without(state, ["*.b", "e"])) == ["a.c.d", "x[0]"]
    with pytest.raises(ValueError, match=r"no tensor's name fits 'b'.* The first name is a\.b"):
        without(state, ["e", "b"])
