"""Priors made of convolutions: what all three promise, then the two forms of PixelCNN."""

import math
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from vqlib.generate.causal_conv import CausalConv2d, MaskedConv2d
from vqlib.generate.condition import ClassCondition, CoordinateCondition, MapCondition, NoCondition
from vqlib.generate.pixelcnn import GatedPixelCNNConfig, PixelCNNConfig
from vqlib.generate.pixelsnail import PixelSNAILConfig
from vqlib.generate.prior import Prior, negative_log_likelihood
from vqlib.generate.sampling import Sampling
from vqlib.generate.text import TextCondition

K, GRID = 7, (3, 4)
T = math.prod(GRID)
KINDS = {
    "plain": (PixelCNNConfig, {"num_layers": 2, "first_kernel_size": 5}),
    "gated": (GatedPixelCNNConfig, {"num_layers": 2, "first_kernel_size": 5}),
    "snail": (PixelSNAILConfig, {"num_blocks": 2, "num_residuals": 1, "num_heads": 2}),
}
# The condition, and its value for two pictures.
CONDITIONS = {
    "none": (NoCondition(), None),
    "class": (ClassCondition(3), torch.tensor([0, 2])),
    "map": (MapCondition(5, GRID), torch.arange(24).view(2, *GRID) % 5),
    "map of another size": (MapCondition(5, (2, 5)), torch.arange(20).view(2, 2, 5) % 5),
    "coordinates": (CoordinateCondition(GRID), torch.tensor([[0, 0, 6, 8], [3, 2, 6, 8]])),
    "text": (TextCondition(("a", "cat", "dog", "red"), 3), ["a cat", "a red dog"]),
}
every_kind = pytest.mark.parametrize("kind", KINDS)
every_condition = pytest.mark.parametrize("condition", CONDITIONS)


def built(kind: str, **options) -> Prior:
    """A small model in eval mode, with weights large enough that everything has a say."""
    config, shape = KINDS[kind]
    model = config(**{"num_codes": K, "grid": GRID, "hidden_channels": 8} | shape | options).build()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return model.eval()


def open_paths(model: Prior) -> Prior:
    """With weights above zero no path is cut by a ReLU, and none cancels another."""
    for parameter in model.double().parameters():
        torch.nn.init.uniform_(parameter, 0.01, 0.2)
    return model


def random_tokens(*shape: int) -> torch.Tensor:
    return torch.randint(K, shape)


@every_kind
@every_condition
def test_cached_sampling_draws_the_same_tokens(kind, condition):
    condition, value = CONDITIONS[condition]
    guidance = not isinstance(condition, NoCondition)
    model = built(kind, condition=condition, guidance=guidance, dropout=0.3)
    guided = [Sampling(top_k=4, guidance=2.0)] if guidance else []
    for sampling in [Sampling(), *guided]:
        cached, naive = (
            model.train().sample(value, sampling, count=2, cached=cached)
            for cached in (True, False)
        )
        assert torch.equal(cached, naive)
        assert len(cached.unique()) > 1


@every_kind
@pytest.mark.parametrize("grid", [(1, 1), (1, 5), (5, 1), (2, 9), (6, 3)])
def test_grids_of_any_shape_are_drawn_the_same_with_the_cache(kind, grid):
    model = built(kind, grid=grid)
    cached, naive = (model.sample(count=3, cached=cached) for cached in (True, False))
    assert cached.shape == (3, math.prod(grid))
    assert torch.equal(cached, naive)


@every_kind
@torch.no_grad()
def test_a_beginning_read_at_once_and_token_by_token_gives_the_logits_of_forward(kind):
    model = built(kind, condition=ClassCondition(3))
    prefix, cache = model.prefix(torch.tensor([0, 2])), model.empty_cache(2)
    for t in range(T):  # the same cache again and again: nothing of the use before is left
        tokens = random_tokens(2, T - 1)
        expected = model(tokens, prefix)
        got = [model.start(tokens[:, :t], prefix, cache)]
        got += [model.step(token, cache) for token in tokens[:, t:].unbind(1)]
        torch.testing.assert_close(torch.stack(got, 1), expected[:, t:], rtol=1e-4, atol=1e-4)


@every_kind
@torch.no_grad()
def test_a_shorter_beginning_and_beginnings_of_several_lengths(kind):
    model = built(kind)
    prefix, tokens = model.prefix(None, 3), random_tokens(3, T - 1)
    logits = model(tokens, prefix)
    for t in range(T):
        assert_close = torch.testing.assert_close
        assert_close(model(tokens[:, :t], prefix), logits[:, : t + 1], rtol=1e-4, atol=1e-4)
    lengths = torch.tensor([0, 6, T - 1])
    got = model.next_logits(tokens, lengths, prefix)
    torch.testing.assert_close(got, logits[range(3), lengths], rtol=1e-4, atol=1e-4)


@every_kind
@given(seed=st.integers(0, 2**31), t=st.integers(0, T - 2))
@torch.no_grad()
def test_a_token_never_changes_its_own_logits_or_those_before(kind, seed, t):
    torch.manual_seed(seed)
    model, tokens = built(kind), random_tokens(1, T - 1)
    changed = tokens.clone()
    changed[:, t] = (changed[:, t] + torch.randint(1, K, ())) % K
    logits, others = (model(x, model.prefix(None, 1)) for x in (tokens, changed))
    assert torch.equal(logits[:, : t + 1], others[:, : t + 1])


@every_kind
def test_log_prob_is_that_of_one_token_after_the_other(kind):
    condition, value = CONDITIONS["map of another size"]
    model, tokens = built(kind, condition=condition), random_tokens(2, T)
    log_p = model.log_prob(tokens, value)
    prefix = model.prefix(value)
    for t in range(T):
        expected = model(tokens[:, :t], prefix)[:, -1].log_softmax(-1)[range(2), tokens[:, t]]
        torch.testing.assert_close(log_p[:, t], expected, rtol=1e-4, atol=1e-4)


@every_kind
@every_condition
def test_every_place_sees_the_ids_that_lie_there(kind, condition):
    condition, value = CONDITIONS[condition]
    model = open_paths(built(kind, condition=condition))
    prefix, embedded = model.prefix(value, 2)[:1], []
    model.condition_embedding.register_forward_hook(lambda *call: embedded.append(call[2]))
    logits = model(random_tokens(1, T - 1), prefix)
    lying = condition.spread(torch.eye(prefix.shape[1])[None], *GRID)[0] > 0  # (P, h, w)
    for t in range(T):
        (gradient,) = torch.autograd.grad(logits[:, t].sum(), embedded[0], retain_graph=True)
        ids = lying.flatten(1)[:, t]
        assert ids.any()
        assert gradient[0, ids].abs().amax(1).min() > 0


@every_kind
def test_one_batch_is_learned_by_heart(kind):
    config, shape = KINDS[kind]
    options = {"num_codes": K, "grid": (4, 4), "condition": ClassCondition(4)}
    model = config(**options, **shape, hidden_channels=16).build()
    tokens, prefix = random_tokens(4, 16), model.prefix(torch.arange(4))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(80):
        loss = negative_log_likelihood(model(tokens[:, :-1], prefix), tokens)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05
    assert torch.equal(model.sample(torch.arange(4), Sampling(top_k=1)), tokens)


@every_kind
def test_no_weight_is_idle(kind):
    """Data-parallel training waits for the gradient of each."""
    model = open_paths(built(kind, condition=ClassCondition(3)))
    model.log_prob(random_tokens(1, T), torch.tensor([1])).sum().backward()
    assert all(
        parameter.grad is not None and parameter.grad.any() for parameter in model.parameters()
    )


@every_kind
def test_dropout_acts_in_training_only(kind):
    model, tokens = built(kind, dropout=0.5), random_tokens(1, T - 1)
    prefix = model.prefix(None, 1)
    assert torch.equal(model(tokens, prefix), model(tokens, prefix))
    model.train()
    assert not torch.equal(model(tokens, prefix), model(tokens, prefix))


@every_kind
def test_wrong_inputs_are_named(kind):
    model = built(kind, condition=ClassCondition(3))
    prefix = model.prefix(torch.tensor([0]))
    with pytest.raises(ValueError, match="12 tokens given, but a picture of 12.* first 11"):
        model(torch.zeros(1, 12).long(), prefix)
    with pytest.raises(ValueError, match="12 tokens given"):
        model.start(torch.zeros(1, 12).long(), prefix, model.empty_cache(1))
    with pytest.raises(ValueError, match="a prefix of 2 ids given, .* condition has 1"):
        model(torch.zeros(1, 3).long(), prefix.repeat(1, 2))
    with pytest.raises(ValueError, match="4 tokens per picture, but the model has 12"):
        model.log_prob(torch.zeros(1, 4).long(), torch.tensor([0]))


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        *((kind, {"hidden_channels": 0}, "hidden_channels is 0") for kind, _ in KINDS.values()),
        *((kind, {"dropout": 1.0}, r"dropout is 1.0; .*\[0, 1\)") for kind, _ in KINDS.values()),
        (PixelCNNConfig, {"hidden_channels": 9}, "hidden_channels is 9; it must be even"),
        (PixelCNNConfig, {"num_layers": 0}, "num_layers is 0"),
        (GatedPixelCNNConfig, {"kernel_size": 4}, "kernel_size is 4; it must be odd"),
        (GatedPixelCNNConfig, {"first_kernel_size": 1}, "first_kernel_size is 1; .*at least 3"),
        (PixelSNAILConfig, {"num_blocks": 0}, "num_blocks is 0"),
        (PixelSNAILConfig, {"num_residuals": -1}, "num_residuals is -1"),
        (PixelSNAILConfig, {"kernel_size": 0}, "kernel_size is 0"),
        (
            PixelSNAILConfig,
            {"hidden_channels": 10, "num_heads": 4},
            "hidden_channels 10 is not a multiple of num_heads 4",
        ),
    ],
)
def test_wrong_shapes_of_a_model_are_named(config, options, message):
    with pytest.raises(ValueError, match=message):
        config(**options)


def seen(model: Prior) -> dict[tuple[int, int], set[tuple[int, int]]]:
    """By place, the places whose tokens its logits depend on: where there is a gradient."""
    (h, w), embedded = model.config.grid, []
    model.token_embedding.register_forward_hook(lambda *call: embedded.append(call[2]))
    logits = model(random_tokens(1, h * w - 1), model.prefix(None, 1))
    found = {}
    for t, place in enumerate(product(range(h), range(w))):
        (gradient,) = torch.autograd.grad(logits[:, t].sum(), embedded[0], retain_graph=True)
        found[place] = {(i, j) for i, j in gradient.view(h, w, -1).any(2).nonzero().tolist()}
    return found


def before(place: tuple[int, int], grid: tuple[int, int]) -> set[tuple[int, int]]:
    return {other for other in product(*map(range, grid)) if other < place}


@pytest.mark.parametrize(("num_layers", "reach"), [(1, 3), (2, 4), (6, 8)])
def test_the_gated_form_sees_every_earlier_token_within_its_reach(num_layers, reach):
    grid = (6, 7)
    model = open_paths(built("gated", grid=grid, num_layers=num_layers, hidden_channels=4))
    for (i, j), places in seen(model).items():
        near = {(a, b) for a, b in before((i, j), grid) if max(i - a, abs(j - b)) <= reach}
        assert places == near


def test_the_plain_form_has_a_blind_spot_that_no_number_of_layers_removes():
    grid = (6, 7)
    model = built("plain", grid=grid, num_layers=9, first_kernel_size=3, hidden_channels=4)
    found = seen(open_paths(model))
    for (i, j), places in found.items():
        earlier = before((i, j), grid)
        blind = {(a, b) for a, b in earlier if b - j > i - a}  # beyond the slanted line
        assert places == earlier - blind
    assert before((1, 4), grid) - found[1, 4] == {(0, 6)}


def test_masks_a_and_b():
    a, b = (MaskedConv2d(1, 1, 3, sees_itself=sees).mask.tolist() for sees in (False, True))
    assert a == [[1, 1, 1], [1, 0, 0]]
    assert b == [[1, 1, 1], [1, 1, 0]]


@pytest.mark.parametrize("sees_itself", [False, True])
def test_a_masked_window_is_a_full_one_with_zeros(sees_itself):
    conv, x = MaskedConv2d(2, 3, 5, sees_itself=sees_itself), torch.randn(1, 2, 6, 7)
    full = torch.zeros(3, 2, 5, 5)
    full[:, :, :2] = conv.weight[:, :, :2]
    full[:, :, 2, : 2 + sees_itself] = conv.weight[:, :, 2, : 2 + sees_itself]
    torch.testing.assert_close(conv(x), F.conv2d(x, full, conv.bias, padding=2))


@given(
    rows=st.tuples(st.integers(-3, 0), st.integers(-3, 0)).map(sorted),
    columns=st.tuples(st.integers(-3, 3), st.integers(-3, 3)).map(sorted),
)
def test_a_window_is_what_its_rows_and_columns_say(rows, columns):
    rows, columns = range(rows[0], rows[1] + 1), range(columns[0], columns[1] + 1)
    conv, x = CausalConv2d(2, 3, rows=rows, columns=columns), torch.randn(1, 2, 3, 4)
    full = torch.zeros(3, 2, 7, 7)
    full[:, :, rows[0] + 3 : rows[-1] + 4, columns[0] + 3 : columns[-1] + 4] = conv.weight
    expected = F.conv2d(x, full, conv.bias, padding=3)
    torch.testing.assert_close(conv(x), expected, rtol=1e-4, atol=1e-5)
