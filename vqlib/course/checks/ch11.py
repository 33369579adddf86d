"""Checks of chapter 11, *How does a transformer predict the next token?*"""

from collections.abc import Callable
from math import sqrt
from random import Random
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from vqlib.course.checks.cases import cases
from vqlib.course.checks.gradient import require_gradients
from vqlib.course.checks.report import (
    Mistake,
    close,
    compare,
    correct,
    require,
    run,
)
from vqlib.course.checks.watch import Names


def check_causal_mask(answer: Callable[[int, int], Tensor], *, seed: int = 0) -> None:
    """Exercise 11.1: which of the last positions sees which key."""
    for num_queries, num_keys in cases(seed, ((4, 4), (1, 7), (2, 5)), _lengths):
        asked = f"causal_mask({num_queries}, {num_keys})"
        visible = _visible(run(answer, num_queries, num_keys), (num_queries, num_keys), asked)
        place = torch.arange(num_queries)[:, None] + num_keys - num_queries
        key = torch.arange(num_keys)
        right = key <= place
        if torch.equal(visible, right):
            continue
        for pattern, en, zh in _mask_mistakes(place, key, num_keys - num_queries):
            if torch.equal(visible, pattern):
                raise Mistake(f"{asked}: {en}", f"{asked}：{zh}")
        raise Mistake(
            f"{asked} lets the queries see {visible.int().tolist()}; it should be "
            f"{right.int().tolist()} (1: visible).",
            f"{asked} 让各查询看见 {visible.int().tolist()}，应为 {right.int().tolist()}"
            "（1 表示看得见）。",
        )
    correct()


def _lengths(draw: Random) -> list[tuple[int, int]]:
    """As many queries as keys, one query, and some of each."""
    n, m, q, more = (draw.randint(3, 9) for _ in range(4))
    return [(n, n), (1, m), (q, q + more)]


def check_causal_attention(
    answer: Callable[[Tensor, Tensor, Tensor], Tensor], *, seed: int = 0
) -> None:
    """Exercise 11.2: what `F.scaled_dot_product_attention` gives, without it; and its gradients."""
    for shape in cases(seed, ((2, 3, 5, 4), (1, 1, 3, 16)), _heads):
        generator = torch.Generator().manual_seed(seed)
        at = {
            name: torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
            for name in "qkv"
        }
        with Names() as names:
            got = run(answer, *at.values())
        asked = f"causal_attention, (B, nh, S, hs) = {shape}"
        _check_output(got, at["q"], at["k"], asked)
        right = F.scaled_dot_product_attention(*at.values(), is_causal=True)
        if not close(got, right):
            _explain_attention(got, right, [x.detach() for x in at.values()], asked)
        require(
            "scaled_dot_product_attention" not in names.builtins,
            "Right, but that is PyTorch's own attention. Write its five steps yourself.",
            "结果正确，但这用的是 PyTorch 自带的注意力。请自己写出那五步。",
        )
        detached = (
            "Something on the way is detached; a transformer learns through all of it.",
            "路上有什么被 detach 了；transformer 要靠这整条路来学习。",
        )
        require_gradients(got, right, at, asked, detached)
    correct()


def _heads(draw: Random) -> list[tuple[int, int, int, int]]:
    """Shapes (B, nh, S, hs), with S other than hs."""
    return [(draw.randint(1, 3), draw.randint(1, 4), *draw.sample(range(3, 17), 2)) for _ in "12"]


def _explain_attention(got: Tensor, right: Tensor, qkv: list[Tensor], asked: str) -> None:
    for wrong, en, zh in _attention_mistakes(*qkv):
        if close(got, wrong):
            raise Mistake(f"{asked}: {en}", f"{asked}：{zh}")
    difference = (got - right).abs().max().item()
    raise Mistake(
        f"{asked}: the outputs differ from PyTorch's by up to {difference:.3g}.",
        f"{asked}：输出与 PyTorch 的最多相差 {difference:.3g}。",
    )


def check_gpt_parameters(
    answer: Callable[[int, int, int, int, int], int], *, seed: int = 0
) -> None:
    """Exercise 11.3: every parameter of a GPT."""
    shown = ((2, 48, 512, 3, 64), (4, 64, 64, 10, 16), (12, 512, 1024, 1000, 256))
    for L, C, K, V, S in cases(seed, shown, _models):
        right = L * (12 * C**2 + 13 * C) + 2 * C + (2 * K + V + S) * C
        mistakes = _parameter_mistakes(right, L, C, K, V, S)
        got = run(answer, L, C, K, V, S)
        compare(got, right, mistakes, f"gpt_parameters({L}, {C}, {K}, {V}, {S})")
    correct()


def _models(draw: Random) -> list[tuple[int, ...]]:
    """(L, C, K, V, S), all of them different."""
    limits = ((2, 24), (4, 99), (100, 999), (1000, 1999), (2000, 3000))
    numbers = [tuple(draw.randint(*ends) for ends in limits) for _ in range(3)]
    return [(L, 8 * C, K, V, S) for L, C, K, V, S in numbers]


def _visible(mask: Any, shape: tuple[int, int], asked: str) -> Tensor:
    """A bool or an additive mask as a bool one."""
    if not isinstance(mask, Tensor) or tuple(mask.shape) != shape:
        given = tuple(mask.shape) if isinstance(mask, Tensor) else repr(mask)
        raise Mistake(
            f"{asked} gives {given}; a tensor of shape {shape} is asked for: a row for each query, "
            "a column for each key.",
            f"{asked} 得到 {given}；应当是形状为 {shape} 的张量：每个查询一行，每个键一列。",
        )
    if mask.dtype == torch.bool:
        return mask
    hidden = mask < -1e4
    require(
        bool((hidden | (mask == 0)).all()),
        f"{asked} has the dtype {mask.dtype} and other values than 0 and −∞. A float mask is added "
        "to the scores, so 0 and 1 would hide nothing. Return bool, or 0 and −∞.",
        f"{asked} 的类型是 {mask.dtype}，里面有 0 和 −∞ 以外的值。浮点掩码是加到分数上的，"
        "0 和 1 什么也遮不住。请返回布尔值，或者 0 和 −∞。",
    )
    return ~hidden


def _mask_mistakes(place: Tensor, key: Tensor, offset: int) -> list[tuple[Tensor, str, str]]:
    return [
        (
            key < place,
            "the positions do not see themselves. The diagonal belongs to what is visible.",
            "各位置看不见自己。对角线也属于看得见的部分。",
        ),
        (
            key > place,
            "inside out: True means that the query may look, here True is the future.",
            "反了：True 表示可以看，而这里的 True 是未来。",
        ),
        (
            key >= place,
            "the queries see the future instead of the past: take the lower triangle, `tril`.",
            "各查询看见的是未来而不是过去：应当取下三角 `tril`。",
        ),
        (
            key.expand(len(place), -1) >= 0,
            "everything is visible: no position is kept from its future.",
            "什么都看得见：没有一个位置的未来被遮住。",
        ),
        (
            key <= place - offset,
            "the queries are taken for the first positions. They are the last ones: the last query "
            "sees every key. Shift the diagonal by num_keys - num_queries.",
            "把查询当成了最前面的位置。它们是最后几个：最后一个查询看得见所有的键。"
            "对角线要移动 num_keys - num_queries。",
        ),
    ]


def _check_output(got: Any, q: Tensor, k: Tensor, asked: str) -> None:
    if not isinstance(got, Tensor):
        raise Mistake(f"{asked}: return a tensor, not {got!r}.", f"{asked}：应当返回张量。")
    weights = (*q.shape[:-1], k.shape[-2])
    require(
        got.shape == q.shape or got.shape != weights,
        f"{asked}: these are the weights. The last step is missing: multiply them by v.",
        f"{asked}：这只是权重。还差最后一步：乘上 v。",
    )
    require(
        got.shape == q.shape,
        f"{asked}: the output has the shape {tuple(got.shape)}; it should be {tuple(q.shape)}.",
        f"{asked}：输出的形状是 {tuple(got.shape)}，应为 {tuple(q.shape)}。",
    )
    require(
        not bool(got.isnan().any()),
        f"{asked} gives nan: a row of nothing but −∞ has no softmax. Every position has to see at "
        "least itself.",
        f"{asked} 得到 nan：整行都是 −∞，softmax 就没有意义。每个位置至少要看得见自己。",
    )


def _attention_mistakes(q: Tensor, k: Tensor, v: Tensor) -> list[tuple[Tensor, str, str]]:
    S, hs = q.shape[-2:]
    future = torch.ones(S, S, dtype=torch.bool).triu(1)
    bare = q @ k.transpose(-2, -1)
    scores = bare / sqrt(hs)

    def mixed(x: Tensor, dim: int = -1) -> Tensor:
        return x.masked_fill(future, -torch.inf).softmax(dim) @ v

    return [
        (mixed(bare), "the division by √hs is missing.", "漏了除以 √hs。"),
        (
            mixed(bare / hs),
            "you divide by hs; it should be its square root.",
            "你除以了 hs，应当除以它的平方根。",
        ),
        (
            mixed(bare / sqrt(S)),
            "you divide by the root of S, the length. It should be that of hs, the last axis.",
            "你除以了序列长度 S 的平方根，应当用最后一维 hs 的平方根。",
        ),
        (
            scores.softmax(-1) @ v,
            "the mask is missing: the positions see their future.",
            "漏了掩码：各位置看得见自己的未来。",
        ),
        (
            scores.softmax(-1).masked_fill(future, 0) @ v,
            "the mask comes after the softmax, so rows do not sum to 1. Put −∞ into the scores.",
            "掩码放在了 softmax 之后，每行加起来不是 1。应当在分数里填 −∞。",
        ),
        (
            scores.masked_fill(future, 0).softmax(-1) @ v,
            "the future's scores are 0, and exp(0) = 1 still counts. Put −∞ there.",
            "未来的分数填了 0，而 exp(0) = 1，仍然算数。应当填 −∞。",
        ),
        (
            scores.masked_fill(~future, -torch.inf).softmax(-1).nan_to_num() @ v,
            "the mask is inside out: it hides the past.",
            "掩码反了：遮住的是过去。",
        ),
        (
            mixed(scores, -2),
            "the softmax runs over the queries. It should run over the keys: dim=-1.",
            "softmax 沿着查询做了，应当沿着键做：dim=-1。",
        ),
        (
            mixed(k @ q.transpose(-2, -1) / sqrt(hs)),
            "queries and keys have changed places: rows belong to queries, so it should be "
            "q @ k.transpose(-2, -1).",
            "查询和键对调了：行属于查询，应当是 q @ k.transpose(-2, -1)。",
        ),
    ]


def _parameter_mistakes(
    right: int, L: int, C: int, K: int, V: int, S: int
) -> list[tuple[int, str, str]]:
    return [
        (
            12 * L * C**2,
            "That is the rule of thumb. Biases, norms, tables and the last layer are missing.",
            "这只是估算的规则。还差偏置、归一化、各张表和最后一层。",
        ),
        (
            right - 9 * L * C,
            "The biases are missing: a linear layer with b outputs has b of them; 9C in a block.",
            "漏了偏置：有 b 个输出的线性层有 b 个偏置，一个块里共 9C。",
        ),
        (
            right - 4 * L * C,
            "The two norms of each block are missing: 2C each.",
            "漏了每个块里的两个归一化：各 2C。",
        ),
        (
            right - 2 * L * C - C,
            "A norm has a scale and a shift: 2C, not C.",
            "归一化既有缩放又有平移：是 2C，不是 C。",
        ),
        (
            right - 2 * C,
            "The norm after the last block is missing.",
            "漏了最后一个块之后的归一化。",
        ),
        (
            right - K * C,
            "The tokens' table and the last layer are two matrices here, KC each.",
            "词元的表和最后一层在这里是两个矩阵，各 KC。",
        ),
        (right + K, "The last layer has no bias.", "最后一层没有偏置。"),
        (
            right - S * C,
            "The table of positions is missing: S rows.",
            "漏了位置的表：S 行。",
        ),
        (
            right - V * C,
            "The table of the condition is missing: V rows.",
            "漏了约束的表：V 行。",
        ),
        (
            right - L * (4 * C**2 + C),
            "The perceptron has two layers, C → 4C and back.",
            "感知机有两层：C → 4C，再回到 C。",
        ),
        (
            right - L * (C**2 + C),
            "The projection after the heads is missing: C → C.",
            "漏了各个头之后的投影：C → C。",
        ),
        (
            right - L * (2 * C**2 + 2 * C),
            "Queries, keys and values need three matrices, C → 3C.",
            "查询、键、值要三个矩阵：C → 3C。",
        ),
    ]
