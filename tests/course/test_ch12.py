"""The checks of chapter 12 accept the right answers and name the usual mistakes."""

import math

import pytest
import torch
from torch.nn import functional as F

from tests.course.mistakes import mistake_of
from vqlib.course.checks import ch12
from vqlib.generate.sampling import top_p_logits

# --- 12.1 top-p ---------------------------------------------------------------------------------


def top_p(logits, p, *, drop=lambda probability, p: probability.cumsum(-1) - probability >= p):
    """The right answer, or one with another rule of what is dropped in the sorted order."""
    order = logits.argsort(dim=-1, descending=True, stable=True)
    dropped = drop(logits.gather(-1, order).softmax(-1), p)
    dropped = torch.zeros_like(dropped).scatter(-1, order, dropped)
    return logits.masked_fill(dropped, -math.inf)


def with_rule(drop):
    return lambda logits, p: top_p(logits, p, drop=drop)


def ranks_as_codes(logits, p):
    probability = logits.softmax(-1).sort(dim=-1, descending=True).values
    return logits.masked_fill(probability.cumsum(-1) - probability >= p, -math.inf)


def first_row_for_all(logits, p):
    dropped = top_p(logits[:1], p).isinf()
    return logits.masked_fill(dropped.expand_as(logits), -math.inf)


def threshold(logits, p):
    """Keeps every code as likely as the last one needed."""
    return logits.masked_fill(
        logits
        < top_p(logits, p).where(top_p(logits, p).isfinite(), math.inf).amin(-1, keepdim=True),
        -math.inf,
    )


def row_by_row(logits, p):
    return torch.cat([top_p(row[None], p) for row in logits])


def through_log_softmax(logits, p):
    values, order = logits.log_softmax(-1).sort(dim=-1, descending=True)
    before = F.pad(values.exp().cumsum(-1)[:, :-1], (1, 0))
    kept = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before < p)
    return torch.where(kept, logits, -math.inf)


def last_of_equals(logits, p):
    """Of equal codes it keeps the last ones, where the others keep the first."""
    return top_p(logits.flip(-1), p).flip(-1)


WRONG_TOP_P = {
    "threshold": (threshold, "cut by rank", "按名次截断"),
    "> for >=": (with_rule(lambda q, p: q.cumsum(-1) - q > p), ">= p, not only > p", "不只是 > p"),
    "loop": (row_by_row, "that is a loop", "这是循环"),
    "unfinished": (lambda logits, p: ..., "returns nothing yet", "还没有返回值"),
    "sum after": (
        with_rule(lambda q, p: q.cumsum(-1) >= p),
        "does not reach p yet",
        "概率之和还没到 p",
    ),
    "sum after, no code left": (
        lambda logits, p: (
            top_p(logits, p) if p != 0.25 else top_p(logits, p, drop=lambda q, p: q.cumsum(-1) >= p)
        ),
        "keeps no code at all",
        "一个编码也没留下",
    ),
    "one more": (
        with_rule(lambda q, p: F.pad((q.cumsum(-1) - q >= p)[:, :-1], (1, 0))),
        "one code more than needed",
        "多了一个",
    ),
    "ranks": (ranks_as_codes, "not the most likely codes", "不是最可能的那几个"),
    "softmax": (
        lambda logits, p: (
            top_p(logits, p).softmax(-1).where(top_p(logits, p).isfinite(), -math.inf)
        ),
        "changes the logits",
        "改动了留下的 logits",
    ),
    "one row": (first_row_for_all, "with 40 rows", "40 行时留错"),
    "nothing dropped": (lambda logits, p: logits, "should keep [1, 2]", "应为 [1, 2]"),
    "shape": (lambda logits, p: top_p(logits, p)[0], "return a tensor of the shape", "形状为"),
}


@pytest.mark.parametrize("answer", [top_p, top_p_logits, last_of_equals, through_log_softmax])
def test_top_p_is_accepted(answer, capsys):
    for seed in range(10):
        ch12.check_top_p(answer, seed=seed)
    assert capsys.readouterr().out.count("✓") == 10


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_TOP_P.values(), ids=WRONG_TOP_P)
def test_mistake_in_top_p_is_named(answer, en, zh):
    mistake = mistake_of(ch12.check_top_p, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 12.2 cached step ---------------------------------------------------------------------------


def cached_step(q, k, v, keys, values, t, *, end=1, attend=F.scaled_dot_product_attention):
    keys[:, :, t : t + 1], values[:, :, t : t + 1] = k, v
    seen = slice(0, max(t + end, 1))
    return attend(q, keys[:, :, seen], values[:, :, seen])


def by_hand(q, k, v, keys, values, t):
    keys[:, :, t], values[:, :, t] = k[:, :, 0], v[:, :, 0]
    scores = q @ keys[:, :, : t + 1].transpose(-2, -1) / math.sqrt(q.shape[-1])
    return scores.softmax(-1) @ values[:, :, : t + 1]


def with_part(**part):
    return lambda *inputs: cached_step(*inputs, **part)


def causal(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def nothing_written(q, k, v, keys, values, t):
    k, v = torch.cat([keys[:, :, :t], k], 2), torch.cat([values[:, :, :t], v], 2)
    return F.scaled_dot_product_attention(q, k, v)


def written_to_the_end(q, k, v, keys, values, t):
    keys[:, :, t:], values[:, :, t:] = k, v
    return F.scaled_dot_product_attention(q, keys[:, :, : t + 1], values[:, :, : t + 1])


def past_erased(q, k, v, keys, values, t):
    out = cached_step(q, k, v, keys, values, t)
    keys[:, :, :t] = 0
    return out


def only_at_first(wrong):
    """Wrong for the first three tokens, right from then on."""
    return lambda *inputs: (wrong if inputs[-1] < 3 else cached_step)(*inputs)


WRONG_STEPS = {
    "whole cache at first": (only_at_first(with_part(end=99)), "never filled", "还没有填过"),
    "is_causal at first": (
        only_at_first(with_part(attend=causal)),
        "shows it key 0 alone",
        "只看到第 0 个键",
    ),
    "past erased": (past_erased, "before place 1", "第 1 个位置之前"),
    "unfinished": (lambda *inputs: None, "returns nothing yet", "还没有返回值"),
    "whole cache": (with_part(end=99), "never filled", "还没有填过"),
    "not itself": (with_part(end=0), "does not see itself", "没有看到自己"),
    "is_causal": (with_part(attend=causal), "shows it key 0 alone", "只看到第 0 个键"),
    "no division": (
        with_part(attend=lambda q, k, v: F.scaled_dot_product_attention(q, k, v, scale=1.0)),
        "√hs = √4 is missing",
        "漏了除以 √hs",
    ),
    "not written": (nothing_written, "does not hold this step's k and v", "不是这一步的 k 和 v"),
    "written too far": (written_to_the_end, "writes behind place 0", "第 0 个位置后面去了"),
    "only v": (with_part(attend=lambda q, k, v: v[:, :, -1:]), "v of this step", "这一步的 v"),
    "all rows": (
        with_part(attend=lambda q, k, v: v),
        "return a tensor of the shape (2, 3, 1, 4)",
        "形状为 (2, 3, 1, 4)",
    ),
    "a mean": (
        with_part(attend=lambda q, k, v: v.mean(2, keepdim=True)),
        "differs from row 3",
        "第 3 行不同",
    ),
}


@pytest.mark.parametrize("answer", [cached_step, by_hand])
def test_cached_step_is_accepted(answer, capsys):
    ch12.check_cached_step(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_STEPS.values(), ids=WRONG_STEPS)
def test_mistake_in_the_step_is_named(answer, en, zh):
    mistake = mistake_of(ch12.check_cached_step, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 12.3 effective codes -----------------------------------------------------------------------


def entropy(p):
    return torch.special.entr(p).sum()


EFFECTIVE = {
    "nats": lambda logits, tau: entropy((logits / tau).softmax(-1)).exp(),
    "bits": lambda logits, tau: 2 ** (entropy((logits / tau).softmax(-1)) / math.log(2)).item(),
    "powers": lambda logits, tau: entropy(
        F.normalize(logits.exp() ** (1 / tau), p=1, dim=-1)
    ).exp(),
}
WRONG_EFFECTIVE = {
    "unfinished": (lambda logits, tau: ..., "returns nothing yet", "还没有返回值"),
    "multiplied": (
        lambda logits, tau: entropy((logits * tau).softmax(-1)).exp(),
        "You multiply the logits",
        "乘了 τ",
    ),
    "ignored": (
        lambda logits, tau: entropy(logits.softmax(-1)).exp(),
        "τ does nothing",
        "没起作用",
    ),
    "probabilities": (
        lambda logits, tau: entropy(logits.softmax(-1) / tau).exp(),
        "no longer sum to 1",
        "总和不再是 1",
    ),
    "entropy": (
        lambda logits, tau: entropy((logits / tau).softmax(-1)),
        "That is the entropy",
        "这是熵",
    ),
    "bases": (
        lambda logits, tau: (entropy((logits / tau).softmax(-1)) / math.log(2)).exp(),
        "Two bases are mixed",
        "混用了两种底",
    ),
    "sign": (
        lambda logits, tau: (-entropy((logits / tau).softmax(-1))).exp(),
        "The sign is missing",
        "漏了负号",
    ),
    "something else": (lambda logits, tau: len(logits) + 1, "it should be", "应为"),
}


@pytest.mark.parametrize("answer", EFFECTIVE.values(), ids=EFFECTIVE)
def test_effective_codes_is_accepted(answer, capsys):
    ch12.check_effective_codes(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_EFFECTIVE.values(), ids=WRONG_EFFECTIVE)
def test_mistake_in_effective_codes_is_named(answer, en, zh):
    mistake = mistake_of(ch12.check_effective_codes, answer)
    assert en in mistake.en
    assert zh in mistake.zh
