"""The checks of chapter 11 accept the right answers and name the usual mistakes."""

from math import inf, sqrt

import pytest
import torch
from torch.nn import functional as F

from tests.course.mistakes import mistake_of
from vqlib.course.checks import ch11
from vqlib.generate import GPT, ClassCondition, GPTConfig


def triangle(n, m, diagonal=0):
    return torch.ones(n, m, dtype=torch.bool).tril(diagonal)


# --- 11.1 causal mask ---------------------------------------------------------------------------

MASKS = {
    "bool": lambda n, m: triangle(n, m, m - n),
    "additive": lambda n, m: torch.zeros(n, m).masked_fill(~triangle(n, m, m - n), -inf),
    "large": lambda n, m: -1e9 * (~triangle(n, m, m - n)).float(),
    "compared": lambda n, m: torch.arange(m) <= torch.arange(m - n, m)[:, None],
}
WRONG_MASKS = {
    "unfinished": (lambda n, m: ..., "returns nothing yet", "还没有返回值"),
    "not itself": (lambda n, m: triangle(n, m, m - n - 1), "see themselves", "看不见自己"),
    "inside out": (lambda n, m: ~triangle(n, m, m - n), "inside out", "反了"),
    "upper": (lambda n, m: ~triangle(n, m, m - n - 1), "lower triangle", "下三角"),
    "everything": (lambda n, m: triangle(n, m, m), "everything is visible", "什么都看得见"),
    "first positions": (lambda n, m: triangle(n, m), "They are the last ones", "它们是最后几个"),
    "ones": (lambda n, m: triangle(n, m, m - n).float(), "would hide nothing", "什么也遮不住"),
    "integers": (lambda n, m: triangle(n, m, m - n).long(), "would hide nothing", "什么也遮不住"),
    "square": (lambda n, m: triangle(m, m), "a row for each query", "每个查询一行"),
    "a list": (lambda n, m: [[True]], "a tensor of shape", "的张量"),
    "something else": (lambda n, m: torch.eye(n, m).bool(), "it should be", "应为"),
}


@pytest.mark.parametrize("answer", MASKS.values(), ids=MASKS)
def test_mask_is_accepted(answer, capsys):
    ch11.check_causal_mask(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_MASKS.values(), ids=WRONG_MASKS)
def test_mistake_in_the_mask_is_named(answer, en, zh):
    mistake = mistake_of(ch11.check_causal_mask, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 11.2 causal attention ----------------------------------------------------------------------


def attention(scale=lambda S, hs: sqrt(hs), hide=-inf, after=False, diagonal=1, dim=-1):
    """An answer with these parts exchanged."""

    def answer(q, k, v):
        S, hs = q.shape[-2:]
        scores = q @ k.transpose(-2, -1) / scale(S, hs)
        future = torch.ones(S, S, dtype=torch.bool).triu(diagonal)
        if after:
            return scores.softmax(dim).masked_fill(future, 0) @ v
        return scores.masked_fill(future, hide).softmax(dim) @ v

    return answer


def past_hidden(q, k, v):
    scores = q @ k.transpose(-2, -1) / sqrt(q.shape[-1])
    scores = scores.masked_fill(triangle(*scores.shape[-2:]), -inf)
    return scores.softmax(-1).nan_to_num() @ v


ATTENTIONS = {
    "by hand": attention(),
    "large": attention(hide=-1e9),
    "float32": lambda q, k, v: attention()(q.float(), k.float(), v.float()),
}
WRONG_ATTENTIONS = {
    "unfinished": (lambda q, k, v: None, "returns nothing yet", "还没有返回值"),
    "no division": (attention(scale=lambda S, hs: 1), "division by √hs", "漏了除以 √hs"),
    "by hs": (attention(scale=lambda S, hs: hs), "its square root", "它的平方根"),
    "by the length": (attention(scale=lambda S, hs: sqrt(S)), "root of S", "序列长度"),
    "no mask": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v),
        "see their future",
        "漏了掩码",
    ),
    "mask after": (attention(after=True), "after the softmax", "softmax 之后"),
    "zeros": (attention(hide=0), "exp(0) = 1", "exp(0) = 1"),
    "past hidden": (past_hidden, "hides the past", "遮住的是过去"),
    "not itself": (attention(diagonal=0), "nan", "至少要看得见自己"),
    "over queries": (attention(dim=-2), "over the queries", "沿着查询"),
    "exchanged": (lambda q, k, v: attention()(k, q, v), "changed places", "对调了"),
    "PyTorch's": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        "PyTorch's own attention",
        "PyTorch 自带的注意力",
    ),
    "detached": (
        lambda q, k, v: attention()(q, k, v).detach(),
        "no gradient reaches q",
        "没有梯度到达 q",
    ),
    "weights detached": (lambda q, k, v: attention()(q.detach(), k, v), "reaches q", "到达 q"),
    "no_grad": (torch.no_grad()(attention()), "no gradient reaches q", "没有梯度到达 q"),
    "weights": (lambda q, k, v: (q @ k.transpose(-2, -1)).softmax(-1), "by v", "乘上 v"),
    "flat": (lambda q, k, v: v.flatten(2), "the output has the shape", "输出的形状"),
    "a number": (lambda q, k, v: 3.0, "return a tensor", "返回张量"),
    "values": (lambda q, k, v: v, "differ from PyTorch's", "最多相差"),
}


@pytest.mark.parametrize("answer", ATTENTIONS.values(), ids=ATTENTIONS)
def test_attention_is_accepted(answer, capsys):
    ch11.check_causal_attention(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_ATTENTIONS.values(), ids=WRONG_ATTENTIONS)
def test_mistake_in_the_attention_is_named(answer, en, zh):
    mistake = mistake_of(ch11.check_causal_attention, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 11.3 parameters ----------------------------------------------------------------------------


def parameters(block=0, outside=0):
    """The right number and so many more, of C, K, V, S, in each block and outside of them."""

    def answer(L, C, K, V, S):
        more = [part(C, K, V, S) if callable(part) else part for part in (block, outside)]
        return L * (12 * C**2 + 13 * C + more[0]) + 2 * C + (2 * K + V + S) * C + more[1]

    return answer


def built(L, C, K, V, S):
    config = GPTConfig(
        num_codes=K, grid=(1, S), condition=ClassCondition(V), num_layers=L, num_heads=1, width=C
    )
    with torch.device("meta"):
        return sum(p.numel() for p in GPT(config).parameters())


COUNTS = {"by hand": parameters(), "built": built}
WRONG_COUNTS = {
    "unfinished": (lambda *shape: None, "returns nothing yet", "还没有返回值"),
    "rule": (lambda L, C, K, V, S: 12 * L * C**2, "rule of thumb", "估算的规则"),
    "no biases": (parameters(block=lambda C, *_: -9 * C), "biases are missing", "漏了偏置"),
    "no norms": (parameters(block=lambda C, *_: -4 * C), "two norms of each block", "两个归一化"),
    "no shift": (
        parameters(block=lambda C, *_: -2 * C, outside=lambda C, *_: -C),
        "a scale and a shift",
        "既有缩放又有平移",
    ),
    "no last norm": (
        parameters(outside=lambda C, *_: -2 * C),
        "after the last block",
        "最后一个块之后",
    ),
    "shared": (parameters(outside=lambda C, K, *_: -K * C), "two matrices", "两个矩阵"),
    "head's bias": (parameters(outside=lambda C, K, *_: K), "has no bias", "没有偏置"),
    "no positions": (
        parameters(outside=lambda C, K, V, S: -S * C),
        "table of positions",
        "位置的表",
    ),
    "no condition": (
        parameters(outside=lambda C, K, V, S: -V * C),
        "table of the condition",
        "约束的表",
    ),
    "half an MLP": (parameters(block=lambda C, *_: -4 * C**2 - C), "two layers", "感知机有两层"),
    "no projection": (parameters(block=lambda C, *_: -(C**2) - C), "projection", "投影"),
    "one matrix": (parameters(block=lambda C, *_: -2 * C**2 - 2 * C), "three matrices", "三个矩阵"),
    "one too many": (parameters(outside=1), "it should be 109008", "应为 109008"),
    "something else": (lambda *shape: 1, "it should be 109008", "应为 109008"),
}


@pytest.mark.parametrize("answer", COUNTS.values(), ids=COUNTS)
def test_count_is_accepted(answer, capsys):
    ch11.check_gpt_parameters(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_COUNTS.values(), ids=WRONG_COUNTS)
def test_mistake_in_the_count_is_named(answer, en, zh):
    mistake = mistake_of(ch11.check_gpt_parameters, answer)
    assert en in mistake.en
    assert zh in mistake.zh
