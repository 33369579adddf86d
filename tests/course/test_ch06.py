"""The checks of chapter 6 accept the right answers and name the usual mistakes."""

from math import ceil

import pytest
import torch
from torch.nn import functional as F

from tests.course.mistakes import mistake_of
from vqlib.course.checks import ch06
from vqlib.course.checks.report import Mistake
from vqlib.generate import GatedPixelCNNConfig
from vqlib.generate.causal_conv import MaskedConv2d

# --- 6.1 the mask -------------------------------------------------------------------------------


def build_mask(kernel_size, kind):
    mask, r = torch.ones(kernel_size, kernel_size), kernel_size // 2
    mask[r + 1 :] = 0
    mask[r, r + (kind == "B") :] = 0
    return mask


def of_vqlib(kernel_size, kind):
    conv = MaskedConv2d(1, 1, kernel_size, sees_itself=kind == "B")
    return F.pad(conv.mask, (0, 0, 0, kernel_size // 2))  # it leaves out the rows below


def in_order(kernel_size, kind):
    before = torch.arange(kernel_size**2) < kernel_size**2 // 2 + (kind == "B")
    return before.view(kernel_size, kernel_size)


def rows_below_only(kernel_size, kind):
    mask = torch.ones(kernel_size, kernel_size)
    mask[kernel_size // 2 + 1 :] = 0
    return mask


def rows_above_only(kernel_size, kind):
    mask = torch.zeros(kernel_size, kernel_size)
    mask[: kernel_size // 2] = 1
    return mask


def quadrant(kernel_size, kind):
    mask = build_mask(kernel_size, kind)
    mask[:, kernel_size // 2 + 1 :] = 0
    return mask


def other(kind):
    return "AB"[kind == "A"]


MASKS = {"the course's": build_mask, "vqlib's": of_vqlib, "by raster order": in_order}
WRONG_MASKS = {
    "unfinished": (lambda k, kind: ..., "returns nothing yet", "还没有返回值"),
    "a list": (lambda k, kind: [[1.0]], "a tensor of shape (3, 3)", "形状为 (3, 3) 的张量"),
    "one row": (lambda k, kind: build_mask(k, kind)[0], "gives shape (3,)", "shape (3,)"),
    "exchanged": (lambda k, kind: build_mask(k, other(kind)), "A hides the middle", "A 遮住中心"),
    "always A": (lambda k, kind: build_mask(k, "A"), "A and B are exchanged", "A 和 B 弄反了"),
    "always B": (lambda k, kind: build_mask(k, "B"), "A and B are exchanged", "A 和 B 弄反了"),
    "inverted": (lambda k, kind: 1 - build_mask(k, kind), "Zeros and ones", "0 和 1 弄反了"),
    "transposed": (lambda k, kind: build_mask(k, kind).T, "Rows and columns", "行和列弄反了"),
    "the future": (lambda k, kind: build_mask(k, kind).flip(0, 1), "comes later", "后面的位置"),
    "whole row": (rows_below_only, "positions on the right come later", "右边的位置在后面"),
    "no row": (rows_above_only, "positions on the left come before", "左边的位置在前面"),
    "quadrant": (quadrant, "known in full, also on the right", "右边也不例外"),
    "ones": (lambda k, kind: torch.ones(k, k), "it should be [[1, 1, 1]", "应为 [[1, 1, 1]"),
}


@pytest.mark.parametrize("answer", MASKS.values(), ids=MASKS)
def test_mask_is_accepted(answer, capsys):
    ch06.check_build_mask(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_MASKS.values(), ids=WRONG_MASKS)
def test_mistake_in_the_mask_is_named(answer, en, zh):
    mistake = mistake_of(ch06.check_build_mask, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 6.2 the blind spot -------------------------------------------------------------------------


def gradient(net, K, h, w, i, j, *, channels=slice(None), places=None):
    s = torch.randint(K, (1, h, w), generator=torch.Generator().manual_seed(0))
    x = F.one_hot(s, K).permute(0, 3, 1, 2).float().requires_grad_()
    y = net(x)
    (y[0, channels, i, j].sum() if places is None else y[places].sum()).backward()
    return x.grad[0]


def before(h, w, i, j):
    return (torch.arange(h * w) < i * w + j).view(h, w)


def blind_spot(net, K, h, w, i, j):
    seen = gradient(net, K, h, w, i, j).abs().sum(0) > 0
    return before(h, w, i, j) & ~seen


def one_channel(net, K, h, w, i, j):
    seen = gradient(net, K, h, w, i, j, channels=0).abs().amax(0) > 0
    return (before(h, w, i, j) & ~seen).float()


def without_abs(net, K, h, w, i, j):
    return before(h, w, i, j) & (gradient(net, K, h, w, i, j).sum(0) == 0)


def all_outputs(net, K, h, w, i, j):
    seen = gradient(net, K, h, w, i, j, places=0).abs().sum(0) > 0
    return before(h, w, i, j) & ~seen


def seen_of_the_past(net, K, h, w, i, j):
    return before(h, w, i, j) & (gradient(net, K, h, w, i, j).abs().sum(0) > 0)


def itself_too(net, K, h, w, i, j):
    seen = gradient(net, K, h, w, i, j).abs().sum(0) > 0
    return (torch.arange(h * w) <= i * w + j).view(h, w) & ~seen


def global_random_tokens(net, K, h, w, i, j):
    x = F.one_hot(torch.randint(K, (1, h, w)), K).permute(0, 3, 1, 2).float().requires_grad_()
    net(x)[0, :, i, j].sum().backward()
    return before(h, w, i, j) & (x.grad.abs().sum(1)[0] == 0)


def one_token_changed(net, K, h, w, i, j):
    """As the chapter tests its own measurement: no gradients, another token at each place."""
    s = torch.randint(K, (h * w,))
    changed = s.repeat(h * w, 1)
    places = range(h * w)
    changed[places, places] = (s + torch.randint(1, K, s.shape)) % K
    both = torch.cat([s[None], changed]).view(-1, h, w)
    with torch.no_grad():
        logits = net(F.one_hot(both, K).permute(0, 3, 1, 2).float())[:, :, i, j]
    return before(h, w, i, j) & (logits[1:] == logits[0]).all(1).view(h, w)


def at_zero(net, K, h, w, i, j):
    x = torch.zeros(1, K, h, w, dtype=torch.float64, requires_grad=True)
    net(x)[0, :, i, j].mean().backward()
    return before(h, w, i, j) & (x.grad.abs().sum(1)[0] == 0)


BLIND_SPOTS = {
    "the course's": blind_spot,
    "one channel, as float": one_channel,
    "random tokens": global_random_tokens,
    "one token changed": one_token_changed,
    "no tokens": at_zero,
}
WRONG_BLIND_SPOTS = {
    "unfinished": (lambda *a: None, "returns nothing yet", "还没有返回值"),
    "a set": (lambda *a: {(0, 0)}, "a tensor of shape (5, 6)", "形状为 (5, 6) 的张量"),
    "seen": (
        lambda *a: gradient(*a).abs().sum(0) > 0,
        "That is what is seen",
        "这是看得到的位置",
    ),
    "seen of the past": (seen_of_the_past, "what is seen", "看得到"),
    "future too": (
        lambda *a: gradient(*a).abs().sum(0) == 0,
        "must not be: keep only what comes before",
        "只保留 (i, j) 前面的位置",
    ),
    "itself too": (itself_too, "leave (i, j) out", "去掉 (i, j)"),
    "no abs": (without_abs, "without abs()", "没取 abs()"),
    "all outputs": (all_outputs, "all outputs together", "所有输出合在一起"),
    "exchanged": (
        lambda net, K, h, w, i, j: blind_spot(net, K, h, w, j, i),
        "Row and column are exchanged",
        "行和列弄反了",
    ),
    "nothing": (lambda net, K, h, w, i, j: torch.zeros(h, w), "or nothing", "什么也没标"),
    "something else": (lambda *a: blind_spot(*a).flip(1), "it should mark", "应当标出"),
}


@pytest.mark.parametrize("answer", BLIND_SPOTS.values(), ids=BLIND_SPOTS)
def test_blind_spot_is_accepted(answer, capsys):
    for seed in range(50):
        torch.manual_seed(seed)
        ch06.check_blind_spot(answer)
        ch06.check_blind_spot(answer, seed=seed % 5)
    assert capsys.readouterr().out.count("✓") == 100


def test_gradients_without_abs_cancel_with_every_seed():
    for seed in range(20):
        with pytest.raises(Mistake, match="without abs"):
            ch06.check_blind_spot(without_abs, seed=seed)


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_BLIND_SPOTS.values(), ids=WRONG_BLIND_SPOTS)
def test_mistake_in_the_blind_spot_is_named(answer, en, zh):
    mistake = mistake_of(ch06.check_blind_spot, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 6.3 layers ---------------------------------------------------------------------------------


def layers_needed(h, w, k):
    return ceil((max(h, w) - 1) / (k // 2))


WRONG_LAYERS = {
    "unfinished": (lambda h, w, k: ..., "returns nothing yet", "还没有返回值"),
    "k": (lambda h, w, k: ceil((max(h, w) - 1) / k), "k // 2 positions", "k // 2 个位置"),
    "sequence": (lambda h, w, k: ceil((h * w - 1) / (k // 2)), "the sequence", "序列的长度"),
    "sum": (lambda h, w, k: ceil((h + w - 2) / (k // 2)), "not their sum", "而不是它们的和"),
    "down": (lambda h, w, k: (max(h, w) - 1) // (k // 2), "Round up", "向上取整"),
    "one more": (lambda h, w, k: ceil(max(h, w) / (k // 2)), "h - 1 steps", "h - 1 步"),
    "height": (lambda h, w, k: ceil((h - 1) / (k // 2)), "Only the height", "只算了高"),
    "width": (lambda h, w, k: ceil((w - 1) / (k // 2)), "Only the width", "只算了宽"),
    "something else": (lambda h, w, k: 2, "it should be 3", "应为 3"),
}


def test_layers_are_accepted(capsys):
    ch06.check_layers_needed(layers_needed)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_LAYERS.values(), ids=WRONG_LAYERS)
def test_mistake_in_the_layers_is_named(answer, en, zh):
    mistake = mistake_of(ch06.check_layers_needed, answer)
    assert en in mistake.en
    assert zh in mistake.zh


@pytest.mark.parametrize(("h", "w"), [(3, 3), (4, 2), (2, 5)])
def test_so_many_layers_are_needed_and_enough(h, w):
    for layers in (layers_needed(h, w, 3) - 1, layers_needed(h, w, 3)):
        if layers < 2:  # vqlib's model has a first layer and at least one block
            continue
        config = GatedPixelCNNConfig(
            num_codes=4, grid=(h, w), hidden_channels=8, num_layers=layers - 1, first_kernel_size=3
        )
        torch.manual_seed(0)
        model = config.build().eval()
        blind = [blind_spot(grid_net(model), 4, h, w, i, j) for i in range(h) for j in range(w)]
        assert torch.stack(blind).any() == (layers < layers_needed(h, w, 3))


def grid_net(model):
    def net(x):
        embedded = torch.einsum("bkij,kc->bcij", x, model.token_embedding.weight)
        F_ = model.condition_projection.out_features
        features = model.features(embedded, torch.zeros(1, F_, *x.shape[2:]))
        return model.head(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    return net
