"""The transformer: causality, equality with attention written out, errors."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.generate.small import CODES, noisy, prior_of, tokens_for
from vqlib.generate import (
    GPT,
    ClassCondition,
    GPTConfig,
    MapCondition,
    Order,
    negative_log_likelihood,
)
from vqlib.generate.attention import CausalSelfAttention, KeyValueCache

FULL_AND_CAUSAL = ("gpt_full_prefix", "gpt")


@settings(max_examples=20)
@given(st.integers(0, 10), st.integers(0, 2**31), st.sampled_from(FULL_AND_CAUSAL))
def test_changing_token_t_never_changes_logits_before_it(t, seed, maker):
    torch.manual_seed(seed)
    model = prior_of(maker, "text")
    tokens, prefix = tokens_for(model)[:, :-1], model.prefix(["a lake", "red"])
    changed = tokens.clone()
    changed[:, t] = (changed[:, t] + 1) % CODES
    before, after = model(tokens, prefix), model(changed, prefix)
    # logits[:, i] predicts token i from the tokens before it: i ≤ t may not see token t.
    assert torch.equal(before[:, : t + 1], after[:, : t + 1])
    assert (before[:, t + 1 :] != after[:, t + 1 :]).any(dim=-1).all()


@pytest.mark.parametrize("maker", FULL_AND_CAUSAL)
@pytest.mark.parametrize("number", range(6))
def test_every_token_sees_every_id_of_the_condition(maker, number):
    model = prior_of(maker, "map")
    tokens, prefix = tokens_for(model)[:, :-1], torch.zeros(2, 6).long()
    changed = prefix.clone()
    changed[:, number] = 1
    assert (model(tokens, prefix) != model(tokens, changed)).any(dim=-1).all()


def attention_by_hand(attention: CausalSelfAttention, x: Tensor, sees: Tensor) -> Tensor:
    """The formula, head by head."""
    C = x.shape[2]
    size = C // attention.num_heads
    q, k, v = attention.query_key_value(x).split(C, dim=-1)
    heads = []
    for h in range(attention.num_heads):
        part = slice(size * h, size * (h + 1))
        scores = q[..., part] @ k[..., part].transpose(1, 2) / math.sqrt(size)
        heads.append(scores.masked_fill(~sees, -math.inf).softmax(-1) @ v[..., part])
    return attention.projection(torch.cat(heads, dim=-1))


def test_attention_equals_the_formula_written_out():
    attention, x = noisy(CausalSelfAttention(8, 2)), torch.randn(2, 5, 8).double()
    causal = torch.ones(5, 5).bool().tril()
    torch.testing.assert_close(attention(x), attention_by_hand(attention, x, causal))
    mask = causal.clone()
    mask[:3, :3] = True
    torch.testing.assert_close(attention(x, mask), attention_by_hand(attention, x, mask))


@given(st.integers(1, 6))
def test_attention_with_a_cache_goes_on_where_it_was(first):
    attention, x = noisy(CausalSelfAttention(8, 2)), torch.randn(2, 6, 8).double()
    cache = KeyValueCache(2, 2, (2, 4), 6, like=x)
    parts = [attention(x[:, :first], cache=cache, layer=1)]
    for t in range(first, 6):
        cache.length = t
        parts.append(attention(x[:, t : t + 1], cache=cache, layer=1))
    whole = attention(x)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)
    torch.testing.assert_close(attention(x, last_only=True), whole[:, -1:])


def test_a_full_prefix_changes_what_its_ids_know_and_nothing_else():
    shape = {"num_codes": 5, "grid": (2, 3), "condition": MapCondition(4, (1, 3))}
    tokens, prefix = torch.randint(5, (2, 5)), torch.randint(4, (2, 3))

    def logits(num_layers: int, prefix_attention: str) -> Tensor:
        torch.manual_seed(0)
        options = {"num_layers": num_layers, "num_heads": 2, "width": 8}
        config = GPTConfig(**shape, **options, prefix_attention=prefix_attention)
        return noisy(GPT(config))(tokens, prefix)

    # Tokens see the whole prefix in any case; only a second layer sees what its ids have seen.
    torch.testing.assert_close(logits(1, "causal"), logits(1, "full"))
    assert (logits(2, "causal") != logits(2, "full")).any(dim=-1).all()


def test_logits_are_for_codes_alone_and_one_per_next_token():
    model = prior_of("gpt", "class")
    prefix = torch.tensor([[0], [1]])
    assert model(tokens_for(model)[:, :4], prefix).shape == (2, 5, CODES)
    assert model(torch.empty(2, 0).long(), prefix).shape == (2, 1, CODES)


def test_ids_of_the_condition_and_codes_are_never_the_same():
    model = prior_of("gpt", "class", guidance=True)
    assert model.condition_embedding.num_embeddings == 3 + 1
    assert model.token_embedding.num_embeddings == model.head.out_features == CODES
    assert model.without_condition().tolist() == [[3]]


def test_shapes_and_values_are_the_same_in_train_and_eval_mode_without_dropout():
    model = prior_of("gpt", "class")
    tokens, prefix = tokens_for(model)[:, :-1], torch.tensor([[0], [1]])
    assert torch.equal(model.train()(tokens, prefix), model.eval()(tokens, prefix))


def test_nll_is_the_mean_over_image_tokens_of_the_factors_logs():
    model = prior_of("gpt", "class")
    tokens, prefix = tokens_for(model), torch.tensor([[0], [1]])
    total = 0.0
    for i in range(12):
        log_p = model(tokens[:, :i], prefix)[:, -1].log_softmax(-1)
        total -= log_p[torch.arange(2), tokens[:, i]].mean().item()
    nll = negative_log_likelihood(model(tokens[:, :-1], prefix), tokens)
    assert nll.item() == pytest.approx(total / 12, rel=1e-5)
    of_rows = -model.log_prob(tokens, prefix[:, 0]).mean()
    assert nll.item() == pytest.approx(of_rows.item(), rel=1e-5)


def test_an_untrained_model_knows_nothing():
    config = GPTConfig(num_codes=11, grid=(3, 3), num_layers=2, num_heads=2, width=8)
    nll = -GPT(config).log_prob(torch.randint(11, (64, 9))).mean()
    assert nll.item() == pytest.approx(math.log(11), rel=0.02)


def test_the_order_is_that_of_the_configuration():
    order = Order("random", seed=3)
    model = GPTConfig(grid=(2, 2), num_layers=1, num_heads=1, width=4, order=order).build()
    assert model.order == order


def test_wrong_inputs_are_named():
    model = prior_of("gpt", "class")
    with pytest.raises(ValueError, match="12 tokens given.*picture of 12.*its first 11"):
        model(torch.zeros(1, 12).long(), torch.tensor([[0]]))
    with pytest.raises(ValueError, match="prefix of 2 ids given.*condition has 1; use `prefix`"):
        model(torch.zeros(1, 2).long(), torch.tensor([[0, 1]]))
    with pytest.raises(ValueError, match=r"range over \[3, 3\], this model knows 0 to 2"):
        model.prefix(torch.tensor([3]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_layers": 0}, "num_layers is 0"),
        ({"num_heads": 0}, "num_heads is 0"),
        ({"width": 10, "num_heads": 4}, "width 10 is not a multiple of num_heads 4"),
        ({"dropout": 1.0}, r"dropout is 1.0; it must be in \[0, 1\)"),
        ({"num_codes": 0}, "num_codes is 0"),
        ({"grid": (0, 4)}, r"grid is \(0, 4\)"),
        ({"guidance": True}, "guidance needs a condition"),
        ({"condition": ClassCondition(3), "guidance": True, "dropout": -0.5}, "dropout is -0.5"),
    ],
)
def test_wrong_configurations_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        GPTConfig(**options)


def test_an_unknown_attention_of_the_prefix_is_named():
    config = GPTConfig()
    object.__setattr__(config, "prefix_attention", "both")  # the type check would refuse it first
    with pytest.raises(ValueError, match="prefix_attention is 'both'; use 'causal' or 'full'"):
        config.__post_init__()
