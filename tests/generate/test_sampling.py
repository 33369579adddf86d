"""From logits to tokens: temperature, top-k, top-p, guidance, and the numbers that decide."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vqlib.generate import Sampling, guided_logits, noise, top_k_logits, top_p_logits

LARGEST = 1 - 2**-53
"""The largest number that `noise` can give."""


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def exact(numbers: list[float]) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def uniform(count: int) -> torch.Tensor:
    """Evenly spread numbers in [0, 1)."""
    return torch.arange(count, dtype=torch.float64) / count


@given(
    st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), min_size=1, max_size=12), st.integers(1, 15)
)
def test_top_k_keeps_exactly_k_of_the_largest_also_among_ties(values, k):
    logits = torch.tensor([values])
    kept = top_k_logits(logits, k)[0]
    # Of equal logits the first ones stay.
    expected = sorted(range(len(values)), key=lambda code: (-values[code], code))[:k]
    assert (kept > -math.inf).nonzero().flatten().tolist() == sorted(expected)
    assert torch.equal(kept[expected], logits[0][expected])


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


def test_top_p_in_numbers():
    logits = torch.tensor([[0.1, 0.4, 0.2, 0.3]]).log()
    for p, codes in [(1e-9, [1]), (0.39, [1]), (0.41, [1, 3]), (0.71, [1, 2, 3]), (1.0, range(4))]:
        kept = (top_p_logits(logits, p)[0] > -math.inf).nonzero().flatten()
        assert kept.tolist() == list(codes)
    kept = top_p_logits(torch.zeros(1, 4), 0.5)[0] > -math.inf  # reached is enough
    assert kept.tolist() == [True, True, False, False]


def test_top_p_of_one_keeps_every_code_of_a_large_codebook():
    logits = torch.randn(8, 16_384, generator=seeded()) * 3
    assert torch.equal(top_p_logits(logits, 1.0), logits)


def test_top_p_after_top_k_takes_its_mass_from_what_top_k_left():
    # p = (.4, .3, .2, .1): of the two top-k leaves, .4/.7 = 57 % is enough for p = .5.
    logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
    assert Sampling(top_k=2, top_p=0.5).probabilities(logits).tolist() == [[1, 0, 0, 0]]


@given(st.integers(0, 2**31), st.sampled_from([0.5, 1.0, 2.0]))
def test_temperature_divides_the_logits(seed, temperature):
    logits = torch.randn(3, 6, generator=seeded(seed))
    expected = (logits / temperature).exp()
    torch.testing.assert_close(
        Sampling(temperature=temperature).probabilities(logits),
        expected / expected.sum(-1, keepdim=True),
    )


def test_extreme_temperatures_are_greedy_or_even():
    logits = torch.tensor([[10.0, 30.0, 20.0]])
    for temperature in (1e-3, 2e-38):
        assert Sampling(temperature=temperature).probabilities(logits).tolist() == [[0, 1, 0]]
    even = Sampling(temperature=1e30).probabilities(logits)
    torch.testing.assert_close(even, torch.full((1, 3), 1 / 3))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_probabilities_are_float32_for_logits_of_any_type(dtype):
    p = Sampling(temperature=0.7, top_k=4, top_p=0.9).probabilities(torch.randn(2, 6).to(dtype))
    assert p.dtype == torch.float32
    torch.testing.assert_close(p.sum(-1), torch.ones(2))


def test_a_draw_is_the_inverse_of_the_distribution_function():
    # Probabilities .25, 0, .5, .25 add up to .25, .25, .75, 1; at a step the next code begins.
    logits = torch.tensor([[0.25, 0.0, 0.5, 0.25]]).log()
    u = [0, 0.25 - 2**-53, 0.25, 0.5, 0.75 - 2**-53, 0.75, LARGEST]
    assert Sampling().draw(logits.expand(7, 4), exact(u)).tolist() == [0, 0, 2, 2, 2, 3, 3]


def test_the_rarest_code_has_its_share_too():
    logits = torch.tensor([[0.0, -20.0, 0.0]])
    p = Sampling().probabilities(logits)[0].double()
    u = (p[0] + exact([0.01, 0.99]) * p[1]) / p.sum()  # a billionth of all numbers
    assert Sampling().draw(logits.expand(2, 3), u).tolist() == [1, 1]


@given(st.integers(0, 2**31), st.integers(1, 40))
def test_draws_follow_the_distribution_function_of_the_probabilities(seed, num_codes):
    generator = seeded(seed)
    logits = torch.randn(16, num_codes, generator=generator) * 4
    u = torch.rand(16, dtype=torch.float64, generator=generator)
    sampling = Sampling(temperature=1.3, top_k=20, top_p=0.95)
    tokens = sampling.draw(logits, u)
    assert tokens.dtype == torch.int64
    rows = sampling.probabilities(logits).tolist(), u.tolist(), tokens.tolist()
    for p, x, token in zip(*rows, strict=True):
        total = math.fsum(p)
        assert math.fsum(p[:token]) - 1e-12 <= x * total < math.fsum(p[: token + 1]) + 1e-12


@given(
    st.lists(st.sampled_from([-math.inf, -200.0, 0.0, 1.0]), min_size=1, max_size=12),
    st.integers(0, 11),
    st.sampled_from([None, 1, 3]),
    st.sampled_from([None, 0.3, 1.0]),
)
def test_codes_of_probability_zero_are_never_drawn(values, one, top_k, top_p):
    values[one % len(values)] = 0.5
    sampling, u = Sampling(top_k=top_k, top_p=top_p), exact([0, 1e-300, 0.3, 0.5, LARGEST])
    logits = torch.tensor([values]).expand(5, -1)
    tokens = sampling.draw(logits, u)
    assert (sampling.probabilities(logits).gather(1, tokens[:, None]) > 0).all()


@pytest.mark.parametrize("num_codes", [3, 1000, 16_384])
def test_the_ends_of_large_distributions_are_codes_too(num_codes):
    logits = torch.randn(50, num_codes, generator=seeded())
    first, last = (Sampling().draw(logits, exact([u] * 50)) for u in (0, LARGEST))
    assert (first == 0).all()
    assert (last == num_codes - 1).all()


def test_frequencies_are_the_probabilities():
    logits = torch.tensor([[0.0, 2.0, 1.0, -1.0]])
    u = noise(0, 1, 20_000)[0]
    counts = Sampling().draw(logits.expand(20_000, 4), u).bincount(minlength=4)
    torch.testing.assert_close(counts / 20_000, logits[0].softmax(-1), atol=0.01, rtol=0)
    counts = Sampling().draw(logits.expand(20_000, 4), uniform(20_000)).bincount(minlength=4)
    torch.testing.assert_close(counts / 20_000, logits[0].softmax(-1), atol=1e-4, rtol=0)


def test_top_k_of_one_is_greedy():
    logits = torch.randn(30, 7)
    assert torch.equal(Sampling(top_k=1).draw(logits, uniform(30)), logits.argmax(-1))


def test_guidance_moves_logits_away_from_those_without_the_condition():
    with_condition, without = torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[1.0, 3.0, 2.0]])
    for guidance, expected in [(0.0, [1, 3, 2]), (1.0, [1, 2, 4]), (3.0, [1, 0, 8])]:
        assert guided_logits(with_condition, without, guidance).tolist() == [expected]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature is 0.0.*a top-k of 1 is greedy"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"top_k": 0}, "top_k is 0"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"top_p": math.nan}, "top_p is nan"),
        ({"guidance": -1.0}, "guidance is -1.0"),
        ({"guidance": math.nan}, "guidance is nan"),
        ({"guidance": math.inf}, "guidance is inf"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Sampling(**options)


def test_wrong_options_of_the_functions_are_named():
    with pytest.raises(ValueError, match="top_k is 0"):
        top_k_logits(torch.zeros(1, 3), 0)
    with pytest.raises(ValueError, match="top_p is 0"):
        top_p_logits(torch.zeros(1, 3), 0.0)


def test_each_picture_has_its_own_numbers():
    together = noise(5, 4, 9)
    assert together.dtype == torch.float64 and together.shape == (4, 9)
    assert torch.equal(together, noise([5, 6, 7, 8], 4, 9))
    assert torch.equal(together[[3, 0]], noise([8, 5], 2, 9))
    assert torch.equal(together[2:3], noise(7, 1, 9))
    assert len(set(noise(0, 200, 5).flatten().tolist())) == 1000


@pytest.mark.parametrize("first", [0, 10**6, 2**40, 2**63 - 500])
def test_the_numbers_are_evenly_spread_over_time_and_over_neighbouring_seeds(first):
    u = noise(first, 400, 20)
    assert u.min() >= 0 and u.max() <= LARGEST
    for sequence in (u.flatten(), u[:, 0], u[:, -1], u[0]):
        n = len(sequence)
        gap = (sequence.sort().values - uniform(n)).abs().max()
        assert gap < 2 / math.sqrt(n)  # Kolmogorov and Smirnov: p < 0.001
    neighbours = torch.corrcoef(torch.stack([u[:-1, 0], u[1:, 0], u[:-1, 1]]))
    assert neighbours.fill_diagonal_(0).abs().max() < 0.2


def test_the_numbers_leave_the_global_generator_alone():
    state = torch.get_rng_state()
    noise(3, 2, 5)
    assert torch.equal(torch.get_rng_state(), state)


def test_wrong_seeds_are_named():
    with pytest.raises(ValueError, match="2 seeds for 3 pictures; give one for each"):
        noise([1, 2], 3, 4)
    with pytest.raises(ValueError, match="seed is -1; use 0 or more"):
        noise([1, -1], 2, 4)
    with pytest.raises(ValueError, match="count is 0; draw at least 1 picture"):
        noise(0, 0, 4)
