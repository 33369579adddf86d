"""Checks of chapter 2, *What does it mean to replace a vector by its nearest neighbour?*"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vqlib.compress import nearest_code
from vqlib.course.checks.cases import cases, normal
from vqlib.course.checks.report import Mistake, close, correct, require, run, run_on_originals
from vqlib.course.checks.watch import Watch

# --- Exercise 2.1 -------------------------------------------------------------------------------


def check_nearest_code(answer: Callable[[Tensor, Tensor], Tensor], *, seed: int = 0) -> None:
    """The index of the nearest code for each vector: no loop, nothing larger than (N, K)."""
    (sizes,) = cases(seed, [(300, 150, 3)], _sizes)
    z, e = _vectors_and_codes(*sizes, seed=seed)
    N, K = len(z), len(e)
    with Watch() as watch:
        s = run(answer, z, e)
    _require_indices(s, z, e)
    _name_wrong_indices(s, z, e)
    require(
        watch.calls < K,
        f"Right, but {N} vectors and {K} codes took {watch.calls} calls of PyTorch: that is a "
        "loop. One matrix product, z @ e.T, has all the inner products at once.",
        f"结果正确，但 {N} 个向量、{K} 个编码调用了 {watch.calls} 次 PyTorch：这是循环。"
        "一次矩阵乘法 z @ e.T 就能算出全部内积。",
    )
    require(
        watch.largest <= N * K,
        f"Right, but it makes a tensor of {watch.largest} numbers, (N, K, D). "
        "Expand the square, and (N, K) is enough.",
        f"结果正确，但造出了一个有 {watch.largest} 个数的张量，即 (N, K, D)。"
        "把平方展开，(N, K) 就够了。",
    )
    correct()


def _sizes(draw: Random) -> list[tuple[int, int, int]]:
    """(N, K, D): more vectors than codes, of few dimensions."""
    return [(draw.randint(260, 400), draw.randint(100, 200), draw.randint(2, 5))]


def _vectors_and_codes(
    N: int, K: int, D: int, *, seed: int, spread: float = 1.0
) -> tuple[Float[Tensor, "M D"], Float[Tensor, "K D"]]:
    """Up to N vectors and K codes, so far from every boundary that rounding decides nothing."""
    z, e = normal(seed, (N, D), (K, D))
    nearest, second = torch.cdist(z.double(), spread * e.double()).topk(2, largest=False).values.T
    return z[second - nearest > 1e-4], spread * e


def _require_indices(s: Any, z: Tensor, e: Tensor) -> None:
    N, K, D = len(z), len(e), z.shape[1]
    shape = tuple(s.shape) if isinstance(s, Tensor) else None
    require(
        shape != (N, K),
        "That is a score for each pair, (N, K). Its argmin over the codes, dim 1, is asked for.",
        "这是每一对的得分，形状 (N, K)。题目要的是对编码（第 1 维）取 argmin。",
    )
    require(
        shape != (K,),
        "One index for each code: the argmin runs over the wrong axis. "
        "Rows are vectors, columns are codes: take dim 1.",
        "每个编码得到了一个序号：argmin 取错了轴。行是向量，列是编码：应当取第 1 维。",
    )
    require(
        shape != (),
        "A single number: argmin without dim runs over the whole table. Take dim 1.",
        "只有一个数：argmin 不写 dim，就会在整张表里找。应当取第 1 维。",
    )
    require(
        shape != (N, D),
        "These are the codes themselves, z_q. Return their indices, shape (N,).",
        "这是嵌入向量本身，即 z_q。请返回它们的序号，形状 (N,)。",
    )
    require(
        shape == (N,),
        f"Return a tensor of indices with shape (N,) = ({N},); this is {shape or type(s)}.",
        f"请返回序号组成的张量，形状 (N,) = ({N},)；现在是 {shape or type(s)}。",
    )
    require(
        s.dtype == torch.int64,
        f"Indices are int64; these are {s.dtype}. Return the argmin, not the min.",
        f"序号是 int64；这里是 {s.dtype}。要返回 argmin，而不是 min。",
    )
    require(
        bool(((s >= 0) & (s < K)).all()),
        f"Some indices are no codes: they run from 0 to K − 1 = {K - 1}.",
        f"有的序号不是编码：序号从 0 到 K − 1 = {K - 1}。",
    )


def _name_wrong_indices(s: Tensor, z: Tensor, e: Tensor) -> None:
    s, right = s.cpu(), nearest_code(z, e)
    if torch.equal(s, right):
        return
    squares, products = e.square().sum(1), z @ e.T
    farthest = torch.cdist(z, e).argmax(1)
    mistakes = [
        (farthest, "These are the farthest codes: argmax instead of argmin.",
         "这些是最远的编码：用了 argmax，应当是 argmin。"),
        ((-products).argmin(1), "‖e‖² is missing: a long code then wins although it is far away.",
         "漏了 ‖e‖²：这样一来，长的编码再远也会胜出。"),
        ((squares - products).argmin(1), "The factor 2 is missing: ‖e‖² − 2 z·e.",
         "漏了系数 2：应当是 ‖e‖² − 2 z·e。"),
        ((squares + 2 * products).argmin(1), "The sign is wrong: ‖e‖² minus 2 z·e.",
         "符号错了：是 ‖e‖² 减去 2 z·e。"),
        ((e.norm(dim=1) - 2 * products).argmin(1), "‖e‖ is not squared.", "‖e‖ 没有平方。"),
        ((z[:, None] - e).abs().sum(2).argmin(1),
         "These are the nearest in absolute differences. Square them.",
         "这是按绝对值之差找的最近邻。要用平方。"),
        ((z[:, None] - e).sum(2).argmin(1), "The differences are added without being squared.",
         "差没有平方就相加了。"),
    ]  # fmt: skip
    for wrong, en, zh in mistakes:
        if torch.equal(s, wrong):
            raise Mistake(en, zh)
    n = int((s != right).nonzero()[0])
    raise Mistake(
        f"Vector {n} gets code {int(s[n])}; code {int(right[n])} is nearer.",
        f"{n} 号向量得到了 {int(s[n])} 号编码；{int(right[n])} 号更近。",
    )


# --- Exercise 2.2 -------------------------------------------------------------------------------


def check_scores(answer: Callable[[Tensor, Tensor], Tensor], *, seed: int = 0) -> None:
    """Scores (N, K) that are the squared distance without ‖z‖²."""
    ((K, N, D),) = cases(seed, [(5, 7, 3)], lambda draw: [draw.sample(range(2, 12), 3)])
    z, e = normal(seed, (N, D), (K, D))
    got = run(answer, z, e)
    squares, products = e.square().sum(1), z @ e.T
    lengths = z.square().sum(1, keepdim=True)
    mistakes = [
        (squares - 2 * products + lengths, "That is the whole distance: ‖z‖² is still in it.",
         "这是完整的距离：‖z‖² 还在里面。"),
        (squares / 2 - products,
         "Half of it: the argmin is the same, but adding ‖z‖² should give the distance.",
         "这是一半：argmin 相同，但加上 ‖z‖² 应当得到距离。"),
        (squares - products, "The factor 2 is missing before z·e.", "z·e 前面漏了系数 2。"),
        (squares + 2 * products, "The sign is wrong: minus 2 z·e.", "符号错了：减去 2 z·e。"),
        (-2 * products, "‖e‖² is missing, and it differs from code to code.",
         "漏了 ‖e‖²，而它因编码而异。"),
        (lengths - 2 * products, "You dropped the wrong square: ‖e‖² has to stay, ‖z‖² may go.",
         "丢错了一项：‖e‖² 要留下，‖z‖² 才可以去掉。"),
    ]  # fmt: skip
    shape = tuple(got.shape) if isinstance(got, Tensor) else type(got)
    require(
        shape != (K, N),
        "The table lies on its side: rows are vectors, columns are codes, (N, K).",
        "表放倒了：行是向量，列是编码，形状 (N, K)。",
    )
    require(
        shape == (N, K),
        f"Return a table with a row for each vector and a column for each code, "
        f"(N, K) = ({N}, {K}); this is {shape}.",
        f"请返回一张表：每个向量一行，每个编码一列，(N, K) = ({N}, {K})；现在是 {shape}。",
    )
    if close(got, squares - 2 * products):
        return correct()
    for wrong, en, zh in mistakes:
        if close(got, wrong):
            raise Mistake(en, zh)
    raise Mistake(
        "The scores plus ‖z‖² should be the squared distances, and they are not.",
        "得分加上 ‖z‖² 应当等于平方距离，现在不等。",
    )


# Whether a score has the same argmin over the codes as ‖z − e‖², and why.
SAME_ARGMIN = {
    "root": (
        True,
        "a root keeps the order of numbers that are not negative.",
        "开方不改变非负数的大小顺序。",
    ),
    "half": (
        True,
        "it is (‖z − e‖² − ‖z‖²) / 2. For a given z, that subtracts the same number for every "
        "code and halves all of them.",
        "它等于 (‖z − e‖² − ‖z‖²) / 2。对同一个 z，各个编码都减去同一个数，再除以 2。",
    ),
    "dot": (
        False,
        "it favours long codes. z = (0.7, 0.2) would get code 2, and code 4 is nearer.",
        "它偏爱长的编码。z = (0.7, 0.2) 会得到 2 号，而 4 号更近。",
    ),
    "no_codes": (
        False,
        "‖z‖² is the same for all codes and decides nothing, so this is the same as dot.",
        "‖z‖² 对所有编码都一样，什么也决定不了，所以它和 dot 一样。",
    ),
    "absolute": (
        False,
        "it counts a diagonal step as longer: (1, 1) counts 2 and (1.5, 0) only 1.5, while their "
        "squares are 2 and 2.25.",
        "它把斜着走算得更远：(1, 1) 算 2，(1.5, 0) 只算 1.5，而平方分别是 2 和 2.25。",
    ),
    "cosine": (
        False,
        "it compares directions only, whatever the length of a code.",
        "它只比方向，不管编码有多长。",
    ),
    "moved": (
        True,
        "a cancels in the difference: distances do not change when everything moves together.",
        "a 在差里抵消了：所有东西一起移动，距离不变。",
    ),
    "doubled": (
        False,
        "it looks for the code nearest to 2z, which is another point.",
        "它找的是离 2z 最近的编码，那是另一个点。",
    ),
}


def check_same_argmin(answer: Mapping[str, Any], *, seed: int = 0) -> None:
    """Whether each score has the argmin of the squared distance.

    The truth holds for every z and every codebook, so `seed` changes nothing here.
    """
    for name, (right, en, zh) in SAME_ARGMIN.items():
        require(
            isinstance(answer.get(name), bool),
            f"{name} is {answer.get(name)!r}: answer True or False.",
            f"{name} 是 {answer.get(name)!r}：请回答 True 或 False。",
        )
        require(
            answer[name] is right,
            f"{name} should be {right}: {en}",
            f"{name} 应为 {right}：{zh}",
        )
    correct()


# --- Exercise 2.3 -------------------------------------------------------------------------------


def check_lloyd_step(answer: Callable[[Tensor, Tensor], Tensor], *, seed: int = 0) -> None:
    """Codes move to the mean of their points; a code without points stays; no loop over codes."""
    (sizes,) = cases(seed, [(400, 200, 3)], _sizes)
    points, codes = _vectors_and_codes(*sizes, seed=seed, spread=1.5)
    K, D = codes.shape
    given = codes.clone()
    with Watch() as watch:
        moved = run_on_originals(answer, points.clone(), given)
    require(
        torch.equal(given, codes),
        "The codebook that was given has changed: work on a copy, or build a new one.",
        "传进来的码本变了：请在副本上操作，或者新建一个。",
    )
    shape = tuple(moved.shape) if isinstance(moved, Tensor) else type(moved)
    require(
        shape == (K, D),
        f"Return the new codebook, (K, D) = ({K}, {D}); this is {shape}.",
        f"请返回新的码本，(K, D) = ({K}, {D})；现在是 {shape}。",
    )
    _name_wrong_step(moved, points, codes)
    require(
        watch.calls < K,
        f"Right, but {K} codes took {watch.calls} calls of PyTorch: that is a loop over the "
        "codes. index_add_ adds all points to their codes at once.",
        f"结果正确，但 {K} 个编码调用了 {watch.calls} 次 PyTorch：这是对编码的循环。"
        "index_add_ 一次就能把所有的点加到各自的编码上。",
    )
    correct()


def _name_wrong_step(moved: Tensor, points: Tensor, codes: Tensor) -> None:
    moved, s = moved.detach().cpu(), nearest_code(points, codes)
    counts = torch.bincount(s, minlength=len(codes))[:, None]  # (K, 1)
    sums = torch.zeros_like(codes).index_add_(0, s, points)
    means, empty = sums / counts.clamp(min=1), (counts == 0).flatten()
    right = torch.where(counts > 0, means, codes)
    require(
        not moved.isnan().any(),
        "Some codes are nan: a code without points gives 0 / 0. It has to stay where it is.",
        "有些编码成了 nan：没有点的编码算出来是 0 / 0。它应当留在原地。",
    )
    if close(moved, right):
        return
    mistakes = [
        (close(moved, codes), "No code has moved.", "没有一个编码动过。"),
        (close(moved, sums), "These are sums: divide by the counts.",
         "这是点的和：还要除以个数。"),
        (close(moved, sums / len(points)),
         "You divide by N, the number of all points. Divide by the count of each code.",
         "你除的是 N，也就是全部点的个数。应当除以每个编码自己的个数。"),
        (not moved[empty].any(),
         "Codes without points went to the origin. They have to stay where they are.",
         "没有点的编码跑到原点去了。它们应当留在原地。"),
        (close(moved[empty], codes[empty]),
         "Codes without points stay, as they should, but the others are not the means of "
         "their points.",
         "没有点的编码留在了原地，这是对的；其余的却不是各自的点的均值。"),
        (close(moved[~empty], right[~empty]),
         "The means are right, but codes without points moved. They have to stay where they are.",
         "均值都对，可是没有点的编码动了。它们应当留在原地。"),
    ]  # fmt: skip
    for found, en, zh in mistakes:
        if found:
            raise Mistake(en, zh)
    raise Mistake(
        "These are not the means of the points that chose each code.",
        "这不是选中各个编码的那些点的均值。",
    )
