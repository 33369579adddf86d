"""PixelSNAIL's attention; what it shares with the other priors is in test_pixelcnn.py."""

from itertools import product

import pytest
import torch

from tests.generate.test_pixelcnn import before, built, open_paths, random_tokens, seen
from vqlib.generate.pixelsnail import AttentionBefore, background

C, GRID, HEADS = 6, (2, 4), 3
T = 8


def attention_by_hand(attention: AttentionBefore, u: torch.Tensor, tokens: torch.Tensor):
    """Place by place and head by head: softmax over what comes before, nothing for the first."""
    places = background(*GRID)
    content = attention.key_value(torch.cat([tokens, u, places], 1))
    queries, (keys, values) = attention.query(torch.cat([u, places], 1)), content.chunk(2, 1)
    y = torch.zeros_like(u)
    for t, head in product(range(1, T), range(HEADS)):
        part = slice(head * C // HEADS, (head + 1) * C // HEADS)
        score = keys[:t, part] @ queries[t, part] / (C // HEADS) ** 0.5
        y[t, part] = score.softmax(0) @ values[:t, part]
    return y


def test_attention_is_softmax_over_the_places_before():
    attention = AttentionBefore(C, GRID, HEADS)
    u, tokens = torch.randn(2, 3, T, C)
    expected = torch.stack([attention_by_hand(attention, u[n], tokens[n]) for n in range(3)])
    torch.testing.assert_close(attention(u, tokens), expected)


def test_the_first_place_gets_zeros_and_finite_gradients():
    attention = AttentionBefore(C, GRID, HEADS)
    u = torch.randn(1, T, C, requires_grad=True)
    for S in (1, T):
        y = attention(u[:, :S], torch.randn(1, S, C))
        assert torch.equal(y[:, 0], torch.zeros(1, C))
        (gradient,) = torch.autograd.grad(y.sum(), u, allow_unused=S == 1)
        assert gradient.isfinite().all()


def test_keys_and_values_know_their_own_token_and_queries_do_not():
    attention = AttentionBefore(C, GRID, HEADS)
    u, tokens = torch.randn(1, T, C), torch.randn(1, T, C)
    changed = tokens.clone()
    changed[:, 3] += 1
    y, z = attention(u, tokens), attention(u, changed)
    assert torch.equal(y[:, :4], z[:, :4])
    assert ((y - z)[:, 4:].abs().amax(2) > 1e-6).all()


@pytest.mark.parametrize("num_blocks", [1, 2])
def test_every_earlier_token_is_seen_however_far(num_blocks):
    grid = (5, 7)
    model = open_paths(built("snail", grid=grid, num_blocks=num_blocks))
    assert seen(model) == {place: before(place, grid) for place in product(*map(range, grid))}


def test_without_the_attention_far_tokens_and_those_above_to_the_right_are_not_seen(monkeypatch):
    grid = (5, 7)
    model = open_paths(built("snail", grid=grid, num_blocks=1))
    monkeypatch.setattr(AttentionBefore, "forward", lambda self, u, *_: torch.zeros_like(u))
    for (i, j), places in seen(model).items():
        # The first layer sees one to the right above, two windows of 2 × 2 reach two further.
        assert places <= {(a, b) for a, b in before((i, j), grid) if i - a <= 3 and b - j <= 1}
        assert {(a, b) for a, b in before((i, j), grid) if i - a <= 1 and abs(b - j) <= 1} <= places


def test_the_background_is_row_and_column():
    assert background(2, 4).tolist() == [
        [i / 2 - 0.5, j / 4 - 0.5] for i, j in product(range(2), range(4))
    ]


@torch.no_grad()
def test_the_cache_holds_one_key_and_value_for_each_known_token():
    model = built("snail")
    prefix, cache, tokens = model.prefix(None, 2), model.empty_cache(2), random_tokens(2, 11)
    model.start(tokens[:, :5], prefix, cache)
    lengths = [cache.attended.length]
    for token in tokens[:, 5:].unbind(1):
        model.step(token, cache)
        lengths.append(cache.attended.length)
    assert lengths == list(range(5, 12))
    whole = model.empty_cache(2)
    model.start(tokens, prefix, whole)
    for layer in range(2):
        for name in ("keys", "values"):
            stepped, read = (getattr(c.attended, name)[layer][:, :, :11] for c in (cache, whole))
            torch.testing.assert_close(stepped, read, rtol=1e-4, atol=1e-5)
