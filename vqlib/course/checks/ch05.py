"""Checks of chapter 5, *Why do most codes die, and what revives them?*"""

from collections.abc import Callable, Mapping
from itertools import combinations
from random import Random
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vqlib.course.checks.cases import cases, normal
from vqlib.course.checks.report import Mistake, close, correct, require, run, run_on_originals
from vqlib.course.checks.watch import Watch

Restart = Callable[[Tensor, Tensor, Tensor, torch.Generator], Tensor]

# What a curve of the codes in use may show; how the four curves of exercise 5.2 are to be read; and
# what each illness looks like.
ILLNESSES = ("healthy", "collapsed", "dying", "restarting")
DIAGNOSES = {"P": "dying", "Q": "restarting", "R": "healthy", "S": "collapsed"}
SIGNS = {
    "healthy": (
        "it may dip while the latents still move, but it comes back and stays at K",
        "隐变量还在移动时可以下降，但随后回升，并且停在 K",
    ),
    "collapsed": (
        "few codes are in use from the first steps on, and no more come",
        "从最初几步起就只用到几个编码，后来也没有增加",
    ),
    "dying": (
        "all codes are in use at first, then they go one after another, and none comes back",
        "起初全部在用，随后一个接一个地消失，一个也没有回来",
    ),
    "restarting": (
        "it jumps up at equal distances and falls again each time: a saw",
        "每隔同样的步数跳上去，随后又落下来，像锯齿",
    ),
}


def check_ema_update(
    answer: Callable[..., tuple[Tensor, Tensor, Tensor]], *, seed: int = 0
) -> None:
    """Exercise 5.1: one step of the moving averages, with smoothed counts, without a loop."""
    shown = ((4, 6, 2, 0.9, 0.02), (5, 6, 2, 0.6, 0.1), (300, 400, 2, 0.9, 0.02))
    for K, B, D, gamma, epsilon in cases(seed, shown, _averages):
        generator = torch.Generator().manual_seed(seed + K)
        z, m = normal(seed + K, (B, D), (K, D))
        N = torch.rand(K, generator=generator) + 0.5
        s = torch.randint(K - 1, (B,), generator=generator)  # the last code is chosen by none
        with Watch() as watch:
            got = run(answer, N, m, z, s, gamma, epsilon)
        require(
            isinstance(got, tuple | list)
            and len(got) == 3
            and all(isinstance(each, Tensor) for each in got),
            "ema_update returns three tensors: the new N, the new m and the codes e.",
            "ema_update 要返回三个张量：新的 N、新的 m 和嵌入向量 e。",
        )
        _check_averages(got, N, m, z, s, gamma, epsilon)
        _check_codes(got[2], got[0], got[1], epsilon)
        require(
            K < 300 or watch.calls < K,
            f"Right, but {K} codes took {watch.calls} calls of PyTorch: that is a loop. "
            "bincount and index_add_ go through all codes at once.",
            f"结果正确，但 {K} 个编码调用了 {watch.calls} 次 PyTorch：这是循环。"
            "bincount 和 index_add_ 一次就能处理全部编码。",
        )
    correct()


def _averages(draw: Random) -> list[tuple[int, int, int, float, float]]:
    """(K, vectors, D, γ, ε), the last with so many codes that a loop shows."""
    return [
        (K, draw.randint(K, 2 * K), draw.randint(2, 5), gamma, draw.randint(2, 20) / 100)
        for K, gamma in ((draw.randint(3, 9), 0.7), (draw.randint(3, 9), 0.6), (300, 0.9))
    ]


def check_diagnoses(answer: Mapping[str, Any], *, seed: int = 0) -> None:
    """Exercise 5.2: which curve shows which illness.

    The curves stand in the lesson, so `seed` changes nothing here.
    """
    for name, right in DIAGNOSES.items():
        given = answer.get(name, ...)
        if given is None or given is ...:
            raise Mistake(f"{name} has no diagnosis yet.", f"{name} 还没有诊断。")
        require(
            given in ILLNESSES,
            f"{name}: {given!r} is not one of {', '.join(ILLNESSES)}.",
            f"{name}：{given!r} 不在 {'、'.join(ILLNESSES)} 之中。",
        )
        require(
            given == right,
            f"{name} is not {given}. That would look so: {SIGNS[given][0]}. "
            f"Follow {name} from its first number to its last.",
            f"{name} 不是 {given}。如果是，应该这样：{SIGNS[given][1]}。"
            f"请把 {name} 从第一个数看到最后一个。",
        )
    correct()


def check_restart_dead_codes(answer: Restart, *, seed: int = 0) -> None:
    """Exercise 5.3: dead codes move to latents of the batch, live ones stay.

    In the last case every latent is taken: who draws with replacement misses one.
    """
    shown = (([4, 0, 1, 0, 0, 5], 10), ([1, 2, 3], 4), ([0, 3, 0, 0, 0, 0, 2, 0, 0], 7))
    for counts, N in cases(seed, shown, _dead_and_latents):
        n = torch.tensor(counts)
        e, z = normal(seed + len(n), (len(n), 3), (N, 3))
        z += 5
        for draw in range(4):
            _restart(answer, e, n, z, draw)
    _check_random(answer, seed)
    correct()


def _dead_and_latents(draw: Random) -> list[tuple[list[int], int]]:
    """Counts of the codes, and the number of latents: some dead, none, and as many as latents."""
    dead, latents = draw.randint(2, 5), draw.randint(6, 9)
    live = [draw.randint(1, 9) for _ in range(draw.randint(2, 5))]
    some, all_but_live = [0] * dead + live, [0] * latents + live
    draw.shuffle(some)
    draw.shuffle(all_but_live)
    return [(some, latents + 3), (live, latents), (all_but_live, latents)]


def _check_averages(
    got: tuple[Tensor, ...],
    N: Tensor,
    m: Tensor,
    z: Tensor,
    s: Tensor,
    gamma: float,
    epsilon: float,
) -> None:
    K = len(N)
    counts = torch.bincount(s, minlength=K).float()
    sums = torch.zeros_like(m).index_add_(0, s, z)
    require(
        got[0].shape == N.shape and got[1].shape == m.shape,
        f"There are K = {K} codes, but N has the shape {tuple(got[0].shape)} and m "
        f"{tuple(got[1].shape)}. Codes that no latent chose need an entry too: minlength=K.",
        f"一共有 K = {K} 个编码，而 N 的形状是 {tuple(got[0].shape)}，m 的形状是 "
        f"{tuple(got[1].shape)}。没有隐变量选中的编码也要占一项：minlength=K。",
    )
    right_N, right_m = gamma * N + (1 - gamma) * counts, gamma * m + (1 - gamma) * sums
    require(
        not _near(got[0], (1 - gamma) * N + gamma * counts),
        "γ and 1 − γ are exchanged: γ is the share of the old average that stays.",
        "γ 和 1 − γ 放反了：γ 是旧的平均值保留的比例。",
    )
    require(
        not _near(got[0], _smoothed(right_N, epsilon)),
        "N itself stays as it is: smooth only what you divide by, or the ε add up.",
        "N 本身保持原样：只平滑用来做除数的那一份，否则 ε 会越积越多。",
    )
    require(
        not (counts == 0).any() or not _near(got[0][counts == 0], N[counts == 0]),
        "Unused codes have to fade, too: their N and m are multiplied by γ.",
        "没用到的编码也要衰减：它们的 N 和 m 同样乘以 γ。",
    )
    require(
        _near(got[0], right_N),
        "The new N is not γ N + (1 − γ) n, with n the counts of this batch.",
        "新的 N 不等于 γ N + (1 − γ) n，其中 n 是这一批的计数。",
    )
    means = sums / counts.clamp(min=1)[:, None]
    require(
        not _near(got[1], gamma * m + (1 - gamma) * means),
        "m averages the sum of a code's latents, not their mean: the division comes at the end.",
        "m 累积的是隐变量之和，不是它们的平均：除法留到最后。",
    )
    require(
        _near(got[1], right_m),
        "The new m is not γ m + (1 − γ) Σ z, the sum over the latents that chose the code.",
        "新的 m 不等于 γ m + (1 − γ) Σ z，其中对选中该编码的隐变量求和。",
    )


def _check_codes(e: Tensor, N: Tensor, m: Tensor, epsilon: float) -> None:
    right = m / _smoothed(N, epsilon)[:, None]
    require(
        not _near(e, m),
        "e is still the sum m: divide it by the smoothed counts.",
        "e 还是总和 m：要除以平滑后的计数。",
    )
    require(
        not _near(e, m / N[:, None]),
        "The counts are not smoothed: divide by (N + ε) / (ΣN + Kε) · ΣN.",
        "计数没有平滑：应当除以 (N + ε) / (ΣN + Kε) · ΣN。",
    )
    require(
        not _near(e, m / (N + epsilon)[:, None]),
        "N + ε alone makes the counts add up to more than before. Scale them back to ΣN.",
        "只写 N + ε，计数的总和就变大了。要再缩放回 ΣN。",
    )
    require(
        _near(e, right),
        "N and m are right, but e is not m divided by (N + ε) / (ΣN + Kε) · ΣN.",
        "N 和 m 都对，但 e 不等于 m 除以 (N + ε) / (ΣN + Kε) · ΣN。",
    )


def _restart(
    answer: Restart, e: Float[Tensor, "K D"], counts: Int[Tensor, " K"], z: Float[Tensor, "N D"],
    draw: int,
) -> list[int]:  # fmt: skip
    """The rows of z that the dead codes get, if all is right with them but for chance."""
    given = e.clone()
    generator = torch.Generator().manual_seed(draw)
    got = run_on_originals(answer, given, counts.clone(), z.clone(), generator)
    require(
        isinstance(got, Tensor) and got.shape == e.shape,
        "Return a whole codebook of the shape (K, D), with the live codes in it too.",
        "要返回整个码本，形状是 (K, D)，用到的那些也在里面。",
    )
    require(
        torch.equal(given, e),
        "The codebook that was passed in has changed: work on a copy, e.clone().",
        "传进来的码本被改动了：请在副本 e.clone() 上修改。",
    )
    live, dead = counts > 0, counts == 0
    require(
        torch.equal(got[live], e[live]),
        "A code in use has moved. Only codes with a count of 0 may.",
        "有一个正在使用的编码被挪动了。只有计数为 0 的才可以动。",
    )
    require(
        not (got[dead] == e[dead]).all(1).any(),
        "A dead code is still where it was.",
        "有一个闲置编码还在原处。",
    )
    rows = _rows(got[dead], z)
    require(
        all(row is not None for row in rows),
        "A restarted code lies on no latent of the batch: take rows of z.",
        "有一个重启后的编码不在任何隐变量上：应当取 z 的行。",
    )
    require(
        len(set(rows)) == len(rows),
        "Two dead codes got the same latent, so one of the two stays dead: draw different rows, "
        "for instance with torch.randperm.",
        "两个闲置编码拿到了同一个隐变量，其中一个还会闲置："
        "请抽取互不相同的行，例如用 torch.randperm。",
    )
    return rows


def _rows(codes: Float[Tensor, "M D"], z: Float[Tensor, "N D"]) -> list[int | None]:
    """The row of z on which each code lies."""
    found = [(z == code).all(1).nonzero().flatten().tolist() for code in codes]
    return [rows[0] if rows else None for rows in found]


def _check_random(answer: Restart, seed: int) -> None:
    """Any two of seven latents must meet in one draw or another, and `generator` alone decides."""
    counts = torch.tensor([0, 2, 0, 0, 1])
    e, z = normal(seed, (5, 3), (7, 3))
    pairs = set()
    for draw in range(150):  # a pair misses one draw with 6/7, all of them with 1e-10
        first = _restart(answer, e, counts, z, 1000 * seed + draw)
        if draw < 4:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(draw)  # a global generator that must not matter
                second = _restart(answer, e, counts, z, 1000 * seed + draw)
            require(
                first == second,
                "The same generator state gave two results: pass generator=generator to randperm.",
                "generator 的状态相同，结果却不同：请给 randperm 传入 generator=generator。",
            )
        pairs.update(combinations(sorted(first), 2))
    require(
        len(pairs) > 3,
        "Every generator gave the same latents. They should be drawn at random.",
        "换了 generator，拿到的隐变量总是相同。应当随机抽取。",
    )
    require(
        len(pairs) == 21,
        "Some latents are never drawn together, such as two that lie far apart in the batch. Each "
        "dead code should get any latent at random: torch.randperm, not neighbouring rows.",
        "有些隐变量从来不会一起被抽到，例如在批次里相隔很远的两个。"
        "每个闲置编码都应当随机拿到任意一个隐变量：用 torch.randperm，不要取相邻的行。",
    )


def _smoothed(N: Tensor, epsilon: float) -> Tensor:
    return (N + epsilon) / (N.sum() + len(N) * epsilon) * N.sum()


def _near(a: Tensor, b: Tensor) -> bool:
    return close(a, b, atol=1e-6)
