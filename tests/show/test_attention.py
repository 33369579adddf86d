"""The weights are those of the model, and the widget shows each of them where it belongs."""

import re
from urllib.parse import unquote

import pytest
import torch
from ipywidgets import HTML

from vqlib.generate import GPT, ClassCondition, GPTConfig, MapCondition
from vqlib.generate.gpt import Block
from vqlib.show.attention import attention_weights, attention_widget


def small_gpt(condition, **options) -> GPT:
    torch.manual_seed(0)
    shape = {"num_codes": 7, "grid": (2, 3), "num_layers": 2, "num_heads": 2, "width": 8}
    model = GPT(GPTConfig(condition=condition, **shape, **options))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    return model


def given(model, count=3):
    g = torch.Generator().manual_seed(1)
    tokens = torch.randint(7, (count, 5), generator=g)
    prefix = torch.randint(4, (count, model.config.condition.length), generator=g)
    return tokens, prefix


MODELS = {
    "class": lambda: small_gpt(ClassCondition(4)),
    "dropout": lambda: small_gpt(ClassCondition(4), dropout=0.5),
    "prefix": lambda: small_gpt(MapCondition(4, (1, 2))),
    "full prefix": lambda: small_gpt(MapCondition(4, (1, 2)), prefix_attention="full"),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_the_weights_give_what_the_attention_gives(make):
    model = make()
    tokens, prefix = given(model)
    weights = attention_weights(model, tokens, prefix)
    S = prefix.shape[1] + 5
    assert weights.shape == (3, 2, 2, S, S)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 2, 2, S))

    seen = []
    model.eval().blocks[1].attention.register_forward_hook(lambda _, x, y: seen.append((x[0], y)))
    model(tokens, prefix)
    (x, y), attention = seen[0], model.blocks[1].attention
    v = attention.query_key_value(x).chunk(3, dim=-1)[2].unflatten(-1, (2, 4)).transpose(1, 2)
    mixed = (weights[:, 1] @ v).transpose(1, 2).flatten(2)
    torch.testing.assert_close(attention.projection(mixed), y)


def test_what_is_hidden_weighs_nothing():
    causal, full = (MODELS[name]() for name in ("prefix", "full prefix"))
    assert not attention_weights(causal, *given(causal)).triu(1).any()
    assert (attention_weights(full, *given(full))[..., 0, 1] > 0).all()
    assert not attention_weights(full, *given(full)).triu(2).any()


def test_mode_and_hooks_are_left_as_they_were():
    model = MODELS["dropout"]().train()
    attention_weights(model, *given(model))
    assert model.training
    assert all(not block.attention._forward_pre_hooks for block in model.blocks)
    assert isinstance(model.blocks[0], Block)


def test_each_place_of_the_sliders_shows_its_row():
    model = MODELS["class"]()
    weights = attention_weights(model, *given(model, 1))[0].mean(1)  # (L, S, S)
    widget = attention_widget(weights, (2, 3), rows=("l", ["1", "2"]))
    layers = widget.children[-1].children
    assert [len(layer.children) for layer in layers] == [6, 6]
    for layer, matrix in zip(layers, weights, strict=True):
        for t, picture in enumerate(layer.children):
            assert isinstance(picture, HTML)
            written = re.findall(r">([\d.]+)</text>", unquote(picture.value))
            assert written == [f"{weight:.2f}" for weight in matrix[t, : t + 1]]
            assert unquote(picture.value).count("?</text>") == 1


def test_matrices_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="2 matrices of 5 positions"):
        attention_widget(torch.ones(2, 5, 5), (2, 3), rows=("l", ["1", "2"]))
    with pytest.raises(ValueError, match="for 1 values"):
        attention_widget(torch.ones(2, 6, 6), (2, 3), rows=("l", ["1"]))
