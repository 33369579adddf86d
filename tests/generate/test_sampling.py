"""Temperature, top-k, top-p and generation."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vqlib.generate import GPT, GPTConfig, generate, sample_token, top_k_logits, top_p_logits

CONFIG = GPTConfig(num_codes=11, num_conditions=3, num_tokens=9, num_layers=2, num_heads=2, width=8)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(
    st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), min_size=1, max_size=12), st.integers(1, 15)
)
def test_top_k_keeps_exactly_k_of_the_largest_also_among_ties(values, k):
    logits = torch.tensor([values])
    kept = top_k_logits(logits, k)[0]
    finite = kept > -math.inf
    assert finite.sum() == min(k, len(values))
    assert torch.equal(kept[finite], logits[0][finite])
    assert sorted(kept[finite].tolist()) == sorted(values, reverse=True)[:k][::-1]


@given(st.integers(0, 2**31), st.floats(0.01, 1.0))
def test_top_p_keeps_the_smallest_set_that_reaches_p(seed, p):
    logits = torch.randn(1, 10, generator=seeded(seed)) * 3
    kept = top_p_logits(logits, p)[0] > -math.inf
    probability = logits[0].softmax(-1)
    mass = probability[kept].sum().item()
    least = probability[kept].min().item()
    assert mass >= p - 1e-5
    assert mass - least < p + 1e-5 or kept.sum() == 1
    assert kept.all() or least >= probability[~kept].max().item()


def test_top_p_after_top_k_takes_its_mass_from_what_top_k_left():
    # p = (.4, .3, .2, .1): of the two top-k leaves, .4/.7 = 57 % is enough for p = .5.
    logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log().expand(50, 4)
    tokens = sample_token(logits, top_k=2, top_p=0.5, generator=seeded())
    assert set(tokens.tolist()) == {0}


def test_temperature_and_frequencies():
    logits = torch.tensor([[0.0, 1.0]]).expand(20_000, 2)
    for temperature in (0.5, 1.0, 2.0):
        drawn = sample_token(logits, temperature=temperature, generator=seeded())
        expected = torch.sigmoid(torch.tensor(1.0 / temperature)).item()
        assert drawn.float().mean().item() == pytest.approx(expected, abs=0.02)


def test_top_k_of_one_is_greedy():
    logits = torch.randn(30, 7)
    assert torch.equal(sample_token(logits, top_k=1), logits.argmax(-1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"top_k": 0}, "top_k is 0"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_p": 1.5}, "top_p is 1.5"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        sample_token(torch.zeros(1, 4), **options)


def test_generate_completes_the_prompt_and_repeats_with_its_seed():
    model = GPT(CONFIG)
    condition, prompt = torch.tensor([0, 1]), torch.tensor([[3, 4], [5, 6]])
    tokens = generate(model, condition, prompt=prompt, generator=seeded(1))
    assert tokens.shape == (2, 9)
    assert torch.equal(tokens[:, :2], prompt)
    assert torch.equal(tokens, generate(model, condition, prompt=prompt, generator=seeded(1)))
    assert not torch.equal(tokens, generate(model, condition, prompt=prompt, generator=seeded(2)))
    with pytest.raises(ValueError, match="1 prompts for 2 conditions"):
        generate(model, condition, prompt=prompt[:1])


def test_greedy_generation_follows_the_models_own_argmax():
    model = GPT(CONFIG).eval()
    condition = torch.tensor([2])
    tokens = generate(model, condition, top_k=1)
    assert torch.equal(model(tokens[:, :-1], condition).argmax(-1), tokens)


def test_generating_leaves_the_mode_and_the_loss_as_they_were():
    model = GPT(GPTConfig(**{**CONFIG.__dict__, "dropout": 0.5})).train()
    tokens, condition = torch.randint(11, (2, 8)), torch.tensor([0, 1])

    def training_logits() -> torch.Tensor:
        torch.manual_seed(3)
        return model(tokens, condition)

    before = training_logits()
    generate(model, condition, generator=seeded())
    assert model.training
    assert torch.equal(training_logits(), before)
