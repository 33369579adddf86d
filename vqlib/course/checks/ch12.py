"""Checks of chapter 12, *How do probabilities become pictures?*"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from vqlib.course.checks.report import Mistake, compare, correct, require, run
from vqlib.generate.sampling import top_p_logits

# Probabilities, p, and the codes that stay; no sum equals a p, so that rounding decides nothing.
NUCLEI = (
    ([0.15, 0.5, 0.25, 0.1], 0.6, [1, 2]),
    ([0.15, 0.5, 0.25, 0.1], 0.7, [1, 2]),
    ([0.15, 0.5, 0.25, 0.1], 0.85, [0, 1, 2]),
    ([0.08, 0.04, 0.87, 0.01], 0.25, [2]),
    ([0.4, 0.3, 0.2, 0.1], 0.95, [0, 1, 2, 3]),
)


def check_top_p(answer: Callable[[Tensor, float], Tensor]) -> None:
    """Exercise 12.1: the smallest set of most likely codes whose probability reaches p."""
    for probabilities, p, kept in NUCLEI:
        logits = torch.tensor([probabilities], dtype=torch.float64).log()
        asked = f"top_p(log({probabilities}), {p})"
        got = _tensor(run(answer, logits.clone(), p), logits.shape, asked)
        found = got[0].isfinite().nonzero().flatten().tolist()
        _explain_nucleus(found, kept, logits[0], asked)
        require(
            torch.allclose(got[0, kept], logits[0, kept]),
            f"{asked} changes the logits that stay. Return them as they are, the others as −inf; "
            "the softmax comes later.",
            f"{asked} 改动了留下的 logits。留下的要原样返回，其余填 −inf；softmax 是后面的事。",
        )
    rows = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
    got = _tensor(run(answer, rows.clone(), 0.6), rows.shape, "top_p(rows, 0.6)")
    require(
        torch.equal(got.isfinite(), top_p_logits(rows, 0.6).isfinite()),
        "With one row it works, with four rows the wrong codes stay: sort and sum along the last "
        "axis, row by row, and bring the answer back into the order of the codes.",
        "一行时对，四行时留错了编码：排序和累加都要沿最后一维逐行做，再换回编码原来的次序。",
    )
    correct()


def _explain_nucleus(found: list[int], kept: list[int], logits: Tensor, asked: str) -> None:
    if found == kept:
        return
    order = logits.argsort(descending=True, stable=True).tolist()
    require(
        bool(found),
        f"{asked} keeps no code at all. The most likely one has to stay, even when its "
        "probability alone is above p.",
        f"{asked} 一个编码也没留下。最可能的那个必须留下，哪怕它一个的概率就超过了 p。",
    )
    require(
        found != sorted(order[: len(kept) - 1]),
        f"{asked} keeps {found}, whose probability does not reach p yet. The code that crosses p "
        "stays, too: look at the sum before each code.",
        f"{asked} 留下 {found}，概率之和还没到 p。跨过 p 的那个编码也要留下：看每个编码之前的和。",
    )
    require(
        found != sorted(order[: len(kept) + 1]),
        f"{asked} keeps {found}, one code more than needed: once the sum has reached p, stop.",
        f"{asked} 留下 {found}，多了一个：和一到 p 就该停。",
    )
    places = [order.index(code) for code in found]
    require(
        sorted(places) == list(range(len(places))),
        f"{asked} keeps {found}, not the most likely codes. After sorting, positions are ranks; "
        "scatter the answer back to the codes.",
        f"{asked} 留下 {found}，不是最可能的那几个。排序之后的位置是名次，要用 scatter 换回编码。",
    )
    raise Mistake(
        f"{asked} keeps {found}, it should keep {kept}.", f"{asked} 留下 {found}，应为 {kept}。"
    )


def check_cached_step(answer: Callable[..., Tensor]) -> None:
    """Exercise 12.2: one query, keys and values of the past in reserved memory."""
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 3, 5, 4, generator=generator) for _ in range(3))
    whole = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    keys, values = (torch.full((2, 3, 7, 4), 9.0) for _ in range(2))  # 9: never filled
    for t in range(5):
        now = [x[:, :, t : t + 1] for x in (q, k, v)]
        before = keys.clone(), values.clone()
        got = run(answer, *now, keys, values, t)
        asked = f"cached_step(q, k, v, keys, values, {t})"
        got = _tensor(got, now[0].shape, asked)
        _explain_cache(keys, values, now, t, asked)
        right = torch.allclose(got, whole[:, :, t : t + 1], atol=1e-5)
        # Before the fourth token some mistakes give the same numbers.
        if not right and t >= 3:
            _explain_step(got, now, before, (keys, values), t, asked)
    correct()


def _explain_cache(keys: Tensor, values: Tensor, now: list[Tensor], t: int, asked: str) -> None:
    _, k, v = now
    written = torch.equal(keys[:, :, t : t + 1], k) and torch.equal(values[:, :, t : t + 1], v)
    require(
        written,
        f"After {asked}, place {t} of the cache does not hold this step's k and v. Write both "
        "into it before you attend: later steps need them.",
        f"{asked} 之后，缓存的第 {t} 个位置不是这一步的 k 和 v。先把两者写进去，再算注意力："
        "后面的步骤要用。",
    )
    require(
        bool((keys[:, :, t + 1 :] == 9).all() and (values[:, :, t + 1 :] == 9).all()),
        f"{asked} writes behind place {t}. Only that one place is new.",
        f"{asked} 写到第 {t} 个位置后面去了。这一步只写这一个位置。",
    )


def _explain_step(got, now, before, after, t: int, asked: str) -> None:
    q, _, v = now
    size, (keys, values) = q.shape[-1], after
    seen, old = slice(0, t + 1), slice(0, t)
    wrong = [
        (
            F.scaled_dot_product_attention(q, keys, values),
            "You attend to the whole cache: places behind t were never filled. Cut at t + 1.",
            "你对整个缓存算了注意力：t 之后的位置还没有填过。切到 t + 1。",
        ),
        (
            F.scaled_dot_product_attention(q, before[0][:, :, old], before[1][:, :, old]),
            "The token does not see itself: keys and values of 0 … t, so the slice ends at t + 1.",
            "词元没有看到自己：要用 0 … t 的键和值，切片到 t + 1 为止。",
        ),
        (
            F.scaled_dot_product_attention(q, keys[:, :, seen], values[:, :, seen], is_causal=True),
            "is_causal with one query shows it key 0 alone. A single query sees the whole past: "
            "no mask.",
            "只有一个查询时，is_causal 让它只看到第 0 个键。单个查询可以看到全部过去：不要掩码。",
        ),
        (
            F.scaled_dot_product_attention(q, keys[:, :, seen], values[:, :, seen], scale=1.0),
            f"The division by √hs = √{size} is missing.",
            f"漏了除以 √hs = √{size}。",
        ),
        (
            v,
            "That is v of this step: the values of the past are not mixed in.",
            "这是这一步的 v：没有把过去的值混进来。",
        ),
    ]
    for value, en, zh in wrong:
        if torch.allclose(got, value, atol=1e-5):
            raise Mistake(f"{asked}: {en}", f"{asked}：{zh}")
    raise Mistake(
        f"{asked} differs from row {t} of the attention over the whole sequence.",
        f"{asked} 与对整个序列算出的注意力的第 {t} 行不同。",
    )


def check_effective_codes(answer: Callable[[Tensor, float], float]) -> None:
    """Exercise 12.3: exp of the entropy of softmax(logits / τ)."""
    for weights in ([2, 5, 3], [1, 1, 1, 1], [1, 8, 64, 8]):
        logits = torch.tensor(weights, dtype=torch.float64).log()
        for tau in (1.0, 0.5, 2.0):
            asked = f"effective_codes(log({weights}), {tau})"
            got = run(answer, logits.clone(), tau)
            mistakes = _effective_mistakes(logits, tau)
            compare(got, _perplexity((logits / tau).softmax(-1)), mistakes, asked)
    correct()


def _effective_mistakes(logits: Tensor, tau: float) -> list[tuple[float | int, str, str]]:
    p = (logits / tau).softmax(-1)
    nats = torch.special.entr(p).sum().item()
    return [
        (
            _perplexity((logits * tau).softmax(-1)),
            "You multiply the logits by τ. Divide: a high temperature makes them alike.",
            "你把 logits 乘了 τ。要除：温度高，logits 才会彼此接近。",
        ),
        (
            _perplexity(logits.softmax(-1)),
            "τ does nothing. Dividing the probabilities and normalising again cancels out: divide "
            "the logits, before the softmax.",
            "τ 没起作用。给概率除以 τ 再归一化，会抵消掉：要在 softmax 之前除 logits。",
        ),
        (
            math.exp(torch.special.entr(logits.softmax(-1) / tau).sum().item()),
            "Divided probabilities no longer sum to 1. Divide the logits, before the softmax.",
            "概率除以 τ 以后，总和不再是 1。要在 softmax 之前除 logits。",
        ),
        (
            nats,
            "That is the entropy. The number of codes is its exp.",
            "这是熵。编码的有效个数是熵的 exp。",
        ),
        (
            math.exp(nats / math.log(2)),
            "Two bases are mixed: log2 goes with 2 **, log with exp.",
            "混用了两种底：log2 配 2 **，log 配 exp。",
        ),
        (math.exp(-nats), "The sign is missing: −Σ p log p.", "漏了负号：−Σ p log p。"),
    ]


def _perplexity(p: Tensor) -> float:
    return torch.special.entr(p).sum().exp().item()


def _tensor(got: object, shape: torch.Size, asked: str) -> Tensor:
    if isinstance(got, Tensor) and got.shape == shape:
        return got
    found = tuple(got.shape) if isinstance(got, Tensor) else type(got).__name__
    raise Mistake(
        f"{asked} gives {found}; return a tensor of the shape {tuple(shape)}.",
        f"{asked} 得到 {found}；要返回形状为 {tuple(shape)} 的张量。",
    )
