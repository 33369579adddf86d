"""The transformer: causality, equality with attention written out, errors."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vqlib.generate import GPT, GPTConfig, negative_log_likelihood
from vqlib.generate.gpt import CausalSelfAttention

CONFIG = GPTConfig(num_codes=11, num_conditions=3, num_tokens=9, num_layers=2, num_heads=2, width=8)


def noisy_gpt(config: GPTConfig = CONFIG) -> GPT:
    """Weights far from the small initial ones, so that every path shows in the logits."""
    model = GPT(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model.eval()


@given(st.integers(0, 7), st.integers(0, 2**31))
def test_changing_token_t_never_changes_logits_before_it(t, seed):
    torch.manual_seed(seed)
    model = noisy_gpt()
    tokens = torch.randint(11, (2, 8))
    changed = tokens.clone()
    changed[:, t] = (changed[:, t] + 1) % 11
    condition = torch.tensor([0, 2])
    before, after = model(tokens, condition), model(changed, condition)
    # logits[:, i] predicts token i from the tokens before it: i ≤ t may not see token t.
    assert torch.equal(before[:, : t + 1], after[:, : t + 1])
    assert not torch.equal(before[:, t + 1 :], after[:, t + 1 :])


def test_every_position_sees_the_condition():
    model = noisy_gpt()
    tokens = torch.randint(11, (1, 8))
    first, second = (model(tokens, torch.tensor([c])) for c in (0, 1))
    assert (first != second).any(dim=-1).all()


def test_attention_equals_the_formula_written_out():
    attention = CausalSelfAttention(CONFIG).eval()
    x = torch.randn(2, 5, 8)
    q, k, v = attention.query_key_value(x).split(8, dim=-1)
    heads = []
    for h in range(2):
        part = slice(4 * h, 4 * h + 4)
        scores = q[..., part] @ k[..., part].transpose(1, 2) / math.sqrt(4)
        scores = scores.masked_fill(torch.ones(5, 5).triu(1).bool(), -math.inf)
        heads.append(scores.softmax(-1) @ v[..., part])
    torch.testing.assert_close(attention(x), attention.projection(torch.cat(heads, dim=-1)))


def test_logits_are_for_codes_alone_and_one_per_next_token():
    logits = noisy_gpt()(torch.randint(11, (2, 4)), torch.tensor([0, 1]))
    assert logits.shape == (2, 5, 11)
    assert noisy_gpt()(torch.empty(2, 0, dtype=torch.int64), torch.tensor([0, 1])).shape[1] == 1


def test_shapes_and_values_are_the_same_in_train_and_eval_mode_without_dropout():
    model = noisy_gpt()
    tokens, condition = torch.randint(11, (2, 8)), torch.tensor([0, 1])
    assert torch.equal(model.train()(tokens, condition), model.eval()(tokens, condition))


def test_nll_is_the_mean_over_image_tokens_of_the_factors_logs():
    model = noisy_gpt()
    tokens, condition = torch.randint(11, (2, 9)), torch.tensor([0, 1])
    total = 0.0
    for i in range(9):
        log_p = model(tokens[:, :i], condition)[:, -1].log_softmax(-1)
        total -= log_p[torch.arange(2), tokens[:, i]].mean().item()
    nll = negative_log_likelihood(model, tokens, condition)
    assert nll.item() == pytest.approx(total / 9, rel=1e-5)


def test_an_untrained_model_knows_nothing():
    nll = negative_log_likelihood(GPT(CONFIG), torch.randint(11, (64, 9)), torch.zeros(64).long())
    assert nll.item() == pytest.approx(math.log(11), rel=0.02)


def test_wrong_inputs_are_named():
    model, condition = noisy_gpt(), torch.tensor([0])
    with pytest.raises(ValueError, match="9 tokens given.*num_tokens=9"):
        model(torch.zeros(1, 9).long(), condition)
    with pytest.raises(ValueError, match=r"condition ids range over \[3, 3\].*0 to 2"):
        model(torch.zeros(1, 2).long(), torch.tensor([3]))
    with pytest.raises(ValueError, match="4 tokens per picture.*num_tokens=9"):
        negative_log_likelihood(model, torch.zeros(1, 4).long(), condition)
    with pytest.raises(ValueError, match="width 10 is not a multiple of num_heads 4"):
        GPTConfig(width=10, num_heads=4)
    with pytest.raises(ValueError, match="dropout is 1"):
        GPTConfig(dropout=1.0)
