"""Checks of chapter 12, *How do probabilities become pictures?*"""

import math
from collections.abc import Callable
from random import Random

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from vqlib.course.checks.cases import cases, normal
from vqlib.course.checks.report import (
    Mistake,
    close,
    compare,
    correct,
    require,
    run,
    run_on_originals,
)
from vqlib.course.checks.watch import Watch

# --- Exercise 12.1 ------------------------------------------------------------------------------

# Weights of the codes and p. No sum of shares equals a p, so that rounding decides nothing; but in
# the last ones equal codes share the probability without any rounding, and p is met exactly.
NUCLEI = (
    ([15, 50, 25, 10], 0.6),
    ([15, 50, 25, 10], 0.7),
    ([15, 50, 25, 10], 0.85),
    ([8, 4, 87, 1], 0.25),
    ([4, 3, 2, 1], 0.95),
    ([1, 1, 1, 1], 0.6),
    ([0, 1, 0, 1], 0.5),
    ([1, 1, 1, 1], 0.5),
)


def check_top_p(answer: Callable[[Tensor, float], Tensor], *, seed: int = 0) -> None:
    """Exercise 12.1: the smallest set of most likely codes whose probability reaches p.

    Of equal codes any may stay, but no more than needed.
    """
    for weights, p in cases(seed, NUCLEI, _nuclei):
        logits = torch.tensor([weights], dtype=torch.float64).log().clamp(min=-1000.0)
        asked = f"top_p(log({weights}), {p})"
        got = _tensor(run(answer, logits, p), logits.shape, asked)
        _explain_nucleus(got[0].isfinite(), logits[0], p, asked)
        kept = got.isfinite()
        require(
            close(got[kept], logits[kept]),
            f"{asked} changes the logits that stay. Return them as they are, the others as −inf; "
            "the softmax comes later.",
            f"{asked} 改动了留下的 logits。留下的要原样返回，其余填 −inf；softmax 是后面的事。",
        )
    _check_rows(answer, seed)
    correct()


def _nuclei(draw: Random) -> list[tuple[list[int], float]]:
    """As above: p between two sums of different weights, then equal ones, the last two exact."""
    found = []
    for _ in range(4):
        weights = draw.sample(range(1, 100), draw.randint(4, 9))
        order = sorted(weights, reverse=True)
        number = draw.randint(1, len(weights) - 1)
        below, above = sum(order[: number - 1]), sum(order[:number])
        found.append((weights, (below + above) / 2 / sum(weights)))
    equal = draw.randint(5, 9)
    pair = [1, 1] + [0] * draw.randint(1, 5)
    draw.shuffle(pair)
    return [*found, (equal * [1], 2.5 / equal), (pair, 0.5), ([1, 1, 1, 1], 0.25)]


def _check_rows(answer: Callable[[Tensor, float], Tensor], seed: int) -> None:
    """Many rows at once: each on its own, and without a loop."""
    ((B, K, p),) = cases(
        seed, [(40, 9, 0.6)], lambda draw: [(draw.randint(30, 60), draw.randint(5, 20), 0.7)]
    )
    (rows,) = normal(seed, (B, K))
    with Watch() as watch:
        got = run(answer, rows, p)
    kept = _tensor(got, rows.shape, f"top_p(rows, {p})").isfinite()
    require(
        all(_is_nucleus(*row, p) for row in zip(kept, rows, strict=True)),
        f"With one row it works, with {B} rows the wrong codes stay: sort and sum along the last "
        "axis, row by row, and bring the answer back into the order of the codes.",
        f"一行时对，{B} 行时留错了编码：排序和累加都要沿最后一维逐行做，再换回编码原来的次序。",
    )
    require(
        watch.calls < B,
        f"Right, but {B} rows took {watch.calls} calls of PyTorch: that is a loop. Sort, sum and "
        "scatter all rows at once, along dim=-1.",
        f"结果正确，但 {B} 行调用了 {watch.calls} 次 PyTorch：这是循环。"
        "排序、累加和 scatter 都沿 dim=-1 一次做完。",
    )


def _needed(logits: Float[Tensor, " K"], p: float) -> int:
    """How many of the most likely codes it takes to reach p."""
    falling = logits.double().softmax(-1).sort(descending=True).values
    return int((falling.cumsum(-1) - falling < p).sum())


def _is_nucleus(kept: Bool[Tensor, " K"], logits: Float[Tensor, " K"], p: float) -> bool:
    """As many codes as needed, none of them less likely than one that is dropped."""
    if int(kept.sum()) != _needed(logits, p):
        return False
    return bool(kept.all()) or bool(logits[kept].min() >= logits[~kept].max())


def _explain_nucleus(
    kept: Bool[Tensor, " K"], logits: Float[Tensor, " K"], p: float, asked: str
) -> None:
    if _is_nucleus(kept, logits, p):
        return
    found, n = kept.nonzero().flatten().tolist(), _needed(logits, p)
    order = logits.argsort(descending=True, stable=True)
    falling, shares = logits[order], logits.softmax(-1)[order]
    require(
        bool(found),
        f"{asked} keeps no code at all. The most likely one has to stay, even when its "
        "probability alone is above p.",
        f"{asked} 一个编码也没留下。最可能的那个必须留下，哪怕它一个的概率就超过了 p。",
    )
    require(
        torch.equal(logits[kept].sort(descending=True).values, falling[: len(found)]),
        f"{asked} keeps {found}, not the most likely codes. After sorting, positions are ranks; "
        "scatter the answer back to the codes.",
        f"{asked} 留下 {found}，不是最可能的那几个。排序之后的位置是名次，要用 scatter 换回编码。",
    )
    require(
        len(found) != n - 1,
        f"{asked} keeps {found}, whose probability does not reach p yet. The code that crosses p "
        "stays, too: look at the sum before each code.",
        f"{asked} 留下 {found}，概率之和还没到 p。跨过 p 的那个编码也要留下：看每个编码之前的和。",
    )
    reached = float(shares[:n].sum())
    require(
        len(found) != n + 1 or reached != p,
        f"{asked} keeps {found}, one too many: without the last one the sum is exactly p, and so "
        "has reached it. Drop a code where the sum before it is >= p, not only > p.",
        f"{asked} 留下 {found}，多了一个：去掉最后一个，和恰好是 p，已经到了。"
        "编码之前的和 >= p 就该去掉它，而不只是 > p。",
    )
    require(
        len(found) <= n or float(falling[len(found) - 1]) != float(falling[n - 1]),
        f"{asked} keeps {found}, every code as likely as the last one needed. Only {n} are needed: "
        "cut by rank, not by a threshold on the probability.",
        f"{asked} 留下 {found}，和最后一个同样可能的编码全留下了。只需要 {n} 个："
        "要按名次截断，而不是给概率定一个门槛。",
    )
    require(
        len(found) != n + 1,
        f"{asked} keeps {found}, one code more than needed: once the sum has reached p, stop.",
        f"{asked} 留下 {found}，多了一个：和一到 p 就该停。",
    )
    kept = sorted(order[:n].tolist())
    raise Mistake(
        f"{asked} keeps {found}, it should keep {kept}.", f"{asked} 留下 {found}，应为 {kept}。"
    )


# --- Exercise 12.2 ------------------------------------------------------------------------------

Shape = tuple[int, int, int, int]


def check_cached_step(answer: Callable[..., Tensor], *, seed: int = 0) -> None:
    """Exercise 12.2: one query, keys and values of the past in reserved memory."""
    for shape, room in cases(seed, [((2, 3, 5, 4), 7)], _shapes_and_rooms):
        q, k, v = normal(seed, *3 * [shape])
        whole = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        cache = [torch.full((*shape[:2], room, shape[3]), 9.0) for _ in range(2)]  # never filled
        wrong = None
        for t in range(shape[2]):
            now = [x[:, :, t : t + 1] for x in (q, k, v)]
            before = [x.clone() for x in cache]
            got = run_on_originals(answer, *(x.clone() for x in now), *cache, t)
            asked = f"cached_step(q, k, v, keys, values, {t})"
            got = _tensor(got, now[0].shape, asked)
            _explain_cache(cache, before, now, t, asked)
            # Before the fourth token some mistakes give the same numbers.
            if not close(got, whole[:, :, t : t + 1]) and (wrong is None or t <= 3):
                wrong = got, now, before, [x.clone() for x in cache], t, asked
        if wrong is not None:
            _explain_step(*wrong)
    correct()


def _shapes_and_rooms(draw: Random) -> list[tuple[Shape, int]]:
    """(B, nh, tokens, hs), and how many tokens the cache has room for."""
    shape = draw.randint(1, 3), draw.randint(1, 4), draw.randint(5, 9), draw.randint(3, 12)
    return [(shape, shape[2] + draw.randint(1, 5))]


Cache = list[Float[Tensor, "B nh T hs"]]


def _explain_cache(
    cache: Cache, before: Cache, now: list[Float[Tensor, "B nh 1 hs"]], t: int, asked: str
) -> None:
    """Both caches hold this step's entry at place t, and all else as it was."""
    pairs = zip(cache, now[1:], strict=True)
    require(
        all(torch.equal(x[:, :, t : t + 1], new) for x, new in pairs),
        f"After {asked}, place {t} of the cache does not hold this step's k and v. Write both "
        "into it before you attend: later steps need them.",
        f"{asked} 之后，缓存的第 {t} 个位置不是这一步的 k 和 v。先把两者写进去，再算注意力："
        "后面的步骤要用。",
    )
    pairs = list(zip(cache, before, strict=True))
    require(
        all(torch.equal(x[:, :, t + 1 :], old[:, :, t + 1 :]) for x, old in pairs),
        f"{asked} writes behind place {t}. Only that one place is new.",
        f"{asked} 写到第 {t} 个位置后面去了。这一步只写这一个位置。",
    )
    require(
        all(torch.equal(x[:, :, :t], old[:, :, :t]) for x, old in pairs),
        f"{asked} changes what stands before place {t}: later steps need it as it was.",
        f"{asked} 改动了第 {t} 个位置之前的内容：后面的步骤还要用。",
    )


def _explain_step(
    got: Tensor, now: list[Tensor], before: Cache, after: Cache, t: int, asked: str
) -> None:
    (q, _, v), (keys, values) = now, after
    size = q.shape[-1]
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
        if close(got, value):
            raise Mistake(f"{asked}: {en}", f"{asked}：{zh}")
    raise Mistake(
        f"{asked} differs from row {t} of the attention over the whole sequence.",
        f"{asked} 与对整个序列算出的注意力的第 {t} 行不同。",
    )


# --- Exercise 12.3 ------------------------------------------------------------------------------


def check_effective_codes(answer: Callable[[Tensor, float], float], *, seed: int = 0) -> None:
    """Exercise 12.3: exp of the entropy of softmax(logits / τ)."""
    shown = [(w, tau) for w in ([2, 5, 3], [1, 1, 1, 1], [1, 8, 64, 8]) for tau in (1.0, 0.5, 2.0)]
    for weights, tau in cases(seed, shown, _weights_and_temperatures):
        logits = torch.tensor(weights, dtype=torch.float64).log()
        asked = f"effective_codes(log({weights}), {tau})"
        got = run(answer, logits, tau)
        mistakes = _effective_mistakes(logits, tau)
        compare(got, _perplexity((logits / tau).softmax(-1)), mistakes, asked)
    correct()


def _weights_and_temperatures(draw: Random) -> list[tuple[list[int], float]]:
    """Codes of different probability, each at τ = 1, a low and a high temperature."""
    temperatures = 1.0, draw.randint(2, 8) / 10, draw.randint(12, 40) / 10
    weights = [draw.sample(range(1, 50), draw.randint(3, 9)) for _ in range(2)]
    return [(w, tau) for w in weights for tau in temperatures]


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
