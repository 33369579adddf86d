"""The contract of stage 2: every model with every condition scores and draws the same way."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.generate.small import (
    ALL_CASES,
    CODES,
    CONDITIONS,
    GRID,
    MAKERS,
    Case,
    case,
    prior_of,
    tokens_for,
)
from vqlib.generate import Known, NoCondition, Prior, PriorConfig, Sampling, noise
from vqlib.generate.prior import evaluating, stepping
from vqlib.generate.steps import Steps, Uncached

T = GRID[0] * GRID[1]
every_case = pytest.mark.parametrize("chosen", ALL_CASES, ids=lambda c: f"{c[0]}-{c[1]}-{c[2]}")
guided_case = pytest.mark.parametrize(
    "chosen", [c for c in ALL_CASES if c[2] != 1], ids=lambda c: f"{c[0]}-{c[1]}"
)
every_prior = pytest.mark.parametrize("maker", MAKERS)


def by_hand(case: Case, sampling: Sampling, seed: int) -> Tensor:
    """The definition: a token after the other, each from the logits of all before it."""
    prior, value, guidance = case
    prefix, u = prior.prefix(value, 2), noise(seed, 2, T)
    sequence, picture = torch.empty(2, 0).long(), torch.empty(2, T).long()
    for i in prior.order.permutation(*GRID).tolist():
        logits = prior(sequence, prefix)[:, -1]
        if guidance != 1:
            without = prior(sequence, prior.without_condition().expand_as(prefix))[:, -1]
            logits = guidance * logits + (1 - guidance) * without
        token = sampling.draw(logits, u[:, i])
        sequence = torch.cat([sequence, token[:, None]], dim=1)
        picture[:, i] = token
    return picture


@every_case
@torch.no_grad()
def test_drawing_with_a_cache_is_drawing_without_is_the_definition(chosen):
    made = case(*chosen)
    sampling = Sampling(temperature=1.7, top_k=5, top_p=0.95, guidance=made.guidance)
    expected = by_hand(made, sampling, seed=7)
    for cached in (True, False):
        drawn = made.prior.sample(made.value, sampling, count=2, seed=7, cached=cached)
        assert drawn.dtype == torch.int64 and not drawn.is_inference()
        assert torch.equal(drawn, expected)


@every_case
@torch.no_grad()
def test_steps_give_the_logits_of_the_whole(chosen):
    prior, value, guidance = case(*chosen)
    sequence, prefix = tokens_for(prior), prior.prefix(value, 2)
    whole = prior(sequence[:, :-1], prefix)
    assert whole.shape == (2, T, CODES)
    if guidance != 1:
        without = prior(sequence[:, :-1], prior.without_condition().expand_as(prefix))
        whole = guidance * whole + (1 - guidance) * without
    for steps in (stepping(prior, guidance), stepping(prior, guidance, cached=False)):
        assert isinstance(steps, Steps)
        cache = steps.empty_cache(2)
        for begin in (5, 0, T - 1, 1):  # the cache is used again, and nothing of before is left
            logits = steps.start(sequence[:, :begin], prefix, cache)
            torch.testing.assert_close(logits, whole[:, begin])
            for t in range(begin + 1, min(begin + 6, T)):
                logits = steps.step(sequence[:, t - 1], cache)
                torch.testing.assert_close(logits, whole[:, t])
        for lengths in ([0, 9], [9, 4]):
            beginnings = (sequence[:, :9], torch.tensor(lengths), prefix)
            torch.testing.assert_close(steps.next_logits(*beginnings), whole[[0, 1], lengths])
            if guidance == 1:  # what a model gets that has nothing faster
                plain = Prior.next_logits(prior, *beginnings)
                torch.testing.assert_close(plain, whole[[0, 1], lengths])


@every_prior
@torch.no_grad()
def test_what_comes_later_is_not_seen(maker):
    prior = prior_of(maker)
    sequence, prefix = tokens_for(prior)[:, :-1], prior.prefix(None, 2)
    whole = prior(sequence, prefix)
    for t in range(T - 1):
        changed = sequence.clone()
        changed[:, t] = (changed[:, t] + 1) % CODES
        logits = prior(changed, prefix)
        assert torch.equal(logits[:, : t + 1], whole[:, : t + 1])
        assert not torch.equal(logits[:, t + 1 :], whole[:, t + 1 :])


@every_prior
@pytest.mark.parametrize("kind", [kind for kind in CONDITIONS if kind != "none"])
@torch.no_grad()
def test_the_condition_is_seen_at_every_token(maker, kind):
    prior = prior_of(maker, kind, guidance=True)
    prefix, tokens = prior.prefix(CONDITIONS[kind][1]), tokens_for(prior)[:, :-1]
    logits, V = prior(tokens, prefix), prior.config.num_ids
    others = torch.stack([prior(tokens, (prefix + n) % V) for n in range(1, V)])
    assert (others != logits).any(dim=-1).any(dim=0).all()


@every_case
@torch.no_grad()
def test_log_prob_is_that_of_each_token_after_those_before_in_its_place(chosen):
    prior, value, _ = case(*chosen)
    picture, prefix = tokens_for(prior), prior.prefix(value, 2)
    log_p = prior.log_prob(picture, value)
    sequence, rows = torch.empty(2, 0).long(), torch.arange(2)
    for i in prior.order.permutation(*GRID).tolist():
        expected = prior(sequence, prefix)[:, -1].log_softmax(-1)[rows, picture[:, i]]
        torch.testing.assert_close(log_p[:, i], expected.float())
        sequence = torch.cat([sequence, picture[:, i : i + 1]], dim=1)


def all_pictures(num_codes: int, num_tokens: int) -> Tensor:
    """Every picture there is, in rows."""
    return torch.cartesian_prod(*[torch.arange(num_codes)] * num_tokens)


@every_prior
@torch.no_grad()
def test_samples_have_the_probabilities_that_log_prob_says(maker):
    prior = prior_of(maker, num_codes=2, grid=(2, 2))
    p = prior.log_prob(all_pictures(2, 4)).sum(1).exp()
    assert p.sum().item() == pytest.approx(1, abs=1e-5)
    drawn = prior.sample(count=4000) @ torch.tensor([8, 4, 2, 1])
    frequency = drawn.bincount(minlength=16) / 4000
    assert (frequency - p).abs().max() < 4 * math.sqrt(0.25 / 4000)
    assert (frequency - p).abs().sum() < 0.1
    assert (frequency - 1 / 16).abs().sum() > 0.2  # and it is not all the same


@every_case
def test_a_picture_is_the_same_alone_and_among_others(chosen):
    prior, value, guidance = case(*chosen)
    sampling = Sampling(temperature=3.0, guidance=guidance)
    together = prior.sample(value, sampling, count=2, seed=3)
    assert torch.equal(together, prior.sample(value, sampling, count=2, seed=[3, 4]))
    for n in range(2):
        alone = prior.sample(
            None if value is None else value[n : n + 1], sampling, count=1, seed=3 + n
        )
        assert torch.equal(alone, together[n : n + 1])
    assert not torch.equal(together, prior.sample(value, sampling, count=2, seed=5))


@every_prior
def test_known_tokens_are_kept_and_change_only_what_comes_later(maker):
    prior = prior_of(maker, "class")
    value, sequence = CONDITIONS["class"][1], prior.order.permutation(*GRID).tolist()
    free = prior.sample(value, seed=1)
    changed_later = 0
    for t, i in enumerate(sequence):
        # What is not kept does not matter: here it is no code at all.
        tokens, keep = torch.full((2, T), -9), torch.zeros(2, T).bool()
        tokens[1, i], keep[1, i] = (free[1, i] + 1) % CODES, True
        drawn = prior.sample(value, seed=1, known=Known(tokens, keep))
        assert drawn[1, i] == tokens[1, i]
        assert torch.equal(drawn[0], free[0])
        assert torch.equal(drawn[1, sequence[:t]], free[1, sequence[:t]])
        changed_later += not torch.equal(drawn[1, sequence[t + 1 :]], free[1, sequence[t + 1 :]])
    assert changed_later > 2


@every_case
def test_what_would_be_drawn_anyway_changes_nothing_when_it_is_known(chosen):
    prior, value, guidance = case(*chosen)
    sampling, keep = Sampling(guidance=guidance), torch.rand(2, *GRID) < 0.5
    free = prior.sample(value, sampling, count=2, seed=2)
    known = Known(free.view(2, *GRID), keep)
    for cached in (True, False):
        drawn = prior.sample(value, sampling, count=2, seed=2, known=known, cached=cached)
        assert torch.equal(drawn, free)
    other, all_kept = tokens_for(prior), torch.ones(2, T).bool()
    assert torch.equal(prior.sample(value, sampling, count=2, known=Known(other, all_kept)), other)


@guided_case
def test_no_condition_is_an_id_that_no_condition_has(chosen):
    prior, value, _ = case(*chosen)
    without, condition = prior.without_condition(), prior.config.condition
    assert without.tolist() == [[condition.num_ids] * condition.length]
    assert prior.prefix(value).max() < condition.num_ids


@guided_case
def test_guidance_of_one_is_none_and_of_zero_ignores_the_condition(chosen):
    prior, value, guidance = case(*chosen)
    swapped = value[::-1] if isinstance(value, list) else value.flip(0)

    def drawn(condition: Any, *options: Sampling) -> Tensor:
        return torch.cat([prior.sample(condition, *options, seed=s) for s in (0, 2, 4, 6)])

    plain, none = drawn(value), drawn(value, Sampling(guidance=0.0))
    assert torch.equal(drawn(value, Sampling(guidance=1.0)), plain)
    assert torch.equal(drawn(swapped, Sampling(guidance=0.0)), none)
    assert not torch.equal(plain, none)
    strong = Sampling(guidance=guidance)
    assert not torch.equal(plain, drawn(value, strong))
    assert not torch.equal(drawn(value, strong), drawn(swapped, strong))


@every_prior
@pytest.mark.parametrize("guidance", [0.0, 2.0])
def test_a_model_that_was_not_made_for_guidance_refuses_it(maker, guidance):
    prior = prior_of(maker, "class")
    with pytest.raises(ValueError, match="train one with guidance in its configuration"):
        prior.sample(torch.tensor([0]), Sampling(guidance=guidance))


def tensors_in(thing: Any) -> Iterator[Tensor]:
    """All that a cache holds, whatever it is made of."""
    if isinstance(thing, Tensor):
        yield thing
    elif isinstance(thing, dict):
        yield from tensors_in(list(thing.values()))
    elif isinstance(thing, list | tuple):
        for part in thing:
            yield from tensors_in(part)
    elif hasattr(thing, "__dict__") and not isinstance(thing, nn.Module):
        yield from tensors_in(vars(thing))


def size(cache: Any) -> int:
    return sum(x.numel() for x in tensors_in(cache))


@every_case
@torch.no_grad()
def test_the_memory_of_a_cache_is_reserved_once(chosen):
    prior, value, guidance = case(*chosen)
    steps = stepping(prior, guidance)
    cache = steps.empty_cache(2)
    # Held as tensors: an address that became free could be given out again.
    reserved, prefix = list(tensors_in(cache)), prior.prefix(value, 2)
    before = {(x.data_ptr(), x.shape) for x in reserved}
    steps.start(torch.empty(2, 0).long(), prefix, cache)
    after_start = size(cache)
    for t in range(1, T):
        steps.step(torch.full((2,), t % CODES), cache)
        assert before <= {(x.data_ptr(), x.shape) for x in tensors_in(cache)}
        assert size(cache) == after_start
    steps.start(torch.zeros(2, 3).long(), prefix, cache)
    assert before <= {(x.data_ptr(), x.shape) for x in tensors_in(cache)}
    # The plain way has no such memory: that is what this test can see.
    naive = Uncached(prior)
    cache = naive.empty_cache(2)
    naive.start(torch.empty(2, 0).long(), prefix, cache)
    small = size(cache)
    naive.step(torch.tensor([0, 1]), cache)
    assert size(cache) == small + 2


@every_prior
@pytest.mark.parametrize("training", [True, False])
def test_sampling_leaves_the_mode_and_the_global_generator_alone(maker, training):
    prior = prior_of(maker, "class", dropout=0.5)
    value = CONDITIONS["class"][1]
    expected, without_gradients = prior.sample(value), torch.is_grad_enabled()
    prior.train(training)
    state = torch.get_rng_state()
    assert torch.equal(prior.sample(value), expected)  # no dropout inside, in both modes
    assert torch.equal(torch.get_rng_state(), state)
    assert {module.training for module in prior.modules()} == {training}
    assert torch.is_grad_enabled() == without_gradients


def test_the_mode_comes_back_after_an_error_too():
    model = nn.Sequential(nn.Dropout()).train()
    with pytest.raises(KeyboardInterrupt), evaluating(model):
        assert not model[0].training
        raise KeyboardInterrupt
    assert model.training and model[0].training


@every_prior
def test_scores_can_be_learned_from(maker):
    prior, captions = prior_of(maker, "text"), CONDITIONS["text"][1]
    prior.log_prob(tokens_for(prior), captions).sum().backward()
    without_gradient = [
        n for n, p in prior.named_parameters() if p.grad is None or not p.grad.any()
    ]
    assert without_gradient == []


@every_prior
def test_wrong_arguments_are_named(maker):
    prior, two = prior_of(maker, "class"), torch.tensor([0, 2])
    with pytest.raises(ValueError, match="how many pictures"):
        prior_of(maker).sample()
    with pytest.raises(ValueError, match="count is 0; it must be at least 1"):
        prior_of(maker).sample(count=0)
    with pytest.raises(ValueError, match=r"11 tokens per picture.*has 12: a grid of \(3, 4\)"):
        prior.log_prob(torch.zeros(2, 11).long(), two)
    with pytest.raises(ValueError, match=r"classes have the shape \(2,\).*shape \(3,\)"):
        prior.log_prob(torch.zeros(3, 12).long(), two)
    with pytest.raises(ValueError, match=r"classes have the shape \(2,\).*shape \(3,\)"):
        prior.sample(two, count=3)
    with pytest.raises(ValueError, match="2 seeds for 3 pictures"):
        prior_of(maker).sample(count=3, seed=[1, 2])
    for shape in [(1, 12), (2, 11), (2, 4, 4)]:
        known = Known(torch.zeros(shape).long(), torch.ones(shape).bool())
        with pytest.raises(ValueError, match="12 for each of 2 pictures are expected"):
            prior.sample(two, known=known)
    for t in (12, 13):
        with pytest.raises(ValueError, match=f"{t} tokens given, but a picture of 12"):
            prior(torch.zeros(1, t).long(), torch.tensor([[0]]))
    with pytest.raises(ValueError, match="a prefix of 2 ids given"):
        prior(torch.zeros(1, 3).long(), torch.tensor([[0, 0]]))


def test_a_mask_of_another_shape_than_its_tokens_is_named():
    with pytest.raises(
        ValueError, match=r"tokens have the shape \(1, 2, 3\), the mask \(1, 3, 2\)"
    ):
        Known(torch.zeros(1, 2, 3).long(), torch.ones(1, 3, 2).bool())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_codes": 0}, "num_codes is 0; it must be at least 1"),
        ({"grid": (3, 0)}, r"grid is \(3, 0\); rows and columns"),
        ({"guidance": True}, "guidance needs a condition to exaggerate"),
        ({"condition": NoCondition(), "guidance": True}, "guidance needs a condition"),
    ],
)
def test_wrong_configurations_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        PriorConfig(**options)
