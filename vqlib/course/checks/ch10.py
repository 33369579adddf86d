"""Checks of chapter 10, *What comes first in a picture?*"""

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

import torch
from torch import Tensor

from vqlib.course.checks.cases import cases
from vqlib.course.checks.report import Mistake, close, correct, require, run, run_on_originals
from vqlib.course.checks.watch import Names
from vqlib.generate.order import Order, raster, subsample, z_curve


def check_z_order(answer: Callable[[int], Sequence[int]], *, seed: int = 0) -> None:
    """Exercise 10.1: the z-curve of a grid with 2ⁿ rows and columns, without vqlib's help."""
    called = set()
    for n in cases(seed, (1, 2, 3), lambda draw: draw.sample(range(2, 5), 2)):
        side = 2**n
        right = z_curve(side, side)
        transposed = right % side * side + right // side
        mistakes = [
            (
                transposed,
                "The order goes down before it goes right: of each pair of bits the first is the "
                "row's, the second the column's.",
                "这样写是先往下、再往右：每一对比特里，前一个属于行号，后一个属于列号。",
            ),
            (
                subsample(side, side),
                "That is subsample: the pairs of bits are read from the wrong end. The highest "
                "bits of row and column come first.",
                "这是 subsample：各对比特从错误的一端读起了。行号和列号的最高位应当排在最前面。",
            ),
            (
                raster(side, side),
                "That is raster order: t's bits are cut into two halves instead of dealt out in "
                "turn.",
                "这是光栅扫描顺序：t 的比特被切成前后两半，而不是轮流分给行号和列号。",
            ),
            (
                right.argsort(),
                "That is the inverse: entry r says when cell r is written. Wanted is the cell that "
                "is written as number t.",
                "这是逆排列：第 r 项说的是格子 r 第几个写。要的是：第 t 个写的是哪个格子。",
            ),
        ]
        with Names() as names:
            got = run(answer, n)
        called |= names.modules
        _compare(got, right, mistakes, f"z_order({n})")
    require(
        not any(name.startswith("vqlib.generate") for name in called),
        "Right, but that is vqlib's own z-curve. Deal out the bits of t yourself.",
        "结果正确，但这用的是 vqlib 自带的 z 曲线。请自己来分配 t 的各个比特。",
    )
    correct()


def check_inverse(answer: Callable[[Tensor], Sequence[int]], *, seed: int = 0) -> None:
    """Exercise 10.2: the way back of a permutation, in T steps and without sorting."""
    spiral, mixed = Order("spiral_in").permutation(3, 3), Order("random", 1).permutation(4, 6)
    shown = (spiral.tolist(), [1, 2, 0], [0, 2, 1, 3], mixed.tolist())
    for cells in cases(seed, shown, _permutations):
        given = torch.tensor(cells)
        permutation, T = given.clone(), len(given)
        asked = f"inverse({cells})"
        with Names() as names:
            got = run_on_originals(answer, permutation)
        require(
            torch.equal(permutation, given),
            f"{asked} changes its argument. Write into a new tensor.",
            f"{asked} 改动了传入的参数。请写进一个新的张量。",
        )
        mistakes = [
            (
                given,
                "That is the permutation itself. Only where two cells have changed places, and "
                "nothing more, is it its own inverse.",
                "这就是排列本身。只有当格子仅仅是两两对调时，排列才是自己的逆。",
            ),
            (
                given.flip(0),
                "That is the same path walked backwards. The inverse answers another question: as "
                "which number is cell r written?",
                "这是把同一条路倒着走。逆排列回答的是另一个问题：格子 r 是第几个写的？",
            ),
            (
                given[given],
                "That is the permutation applied twice. Put t at the place permutation[t].",
                "这是把排列用了两次。应当把 t 放到 permutation[t] 这个位置上。",
            ),
            (
                torch.arange(T),
                "These are the values in rising order. Wanted is where each value stands.",
                "这是把各个值从小到大排好了。要的是：每个值站在哪个位置。",
            ),
            (
                given.argsort().flip(0),
                "That is the inverse from back to front: cell 0 belongs at the beginning.",
                "这是把逆排列前后颠倒了：格子 0 应当在最前面。",
            ),
            (
                T - 1 - given.argsort(),
                "You count from the end: the first cell that is written has the number 0.",
                "你是从末尾数起的：第一个写的格子，编号是 0。",
            ),
            (
                given.argsort() + 1,
                "You count from 1: the first cell that is written has the number 0.",
                "你是从 1 数起的：第一个写的格子，编号是 0。",
            ),
        ]
        _compare(got, given.argsort(), mistakes, asked)
        _require_one_pass(names, T)
    correct()


def _permutations(draw: Random) -> list[list[int]]:
    """Three that are not their own inverse, of 3 to 30 cells."""
    found = []
    while len(found) < 3:
        T = draw.randint(3, 30)
        cells = draw.sample(range(T), T)
        if any(cells[cell] != t for t, cell in enumerate(cells)):
            found.append(cells)
    return found


def _require_one_pass(names: Names, T: int) -> None:
    require(
        not names.sorts,
        "Right, but this sorts, which costs T · log T steps. Every t already knows its place, "
        "permutation[t]: write it there.",
        "结果正确，但用了排序，要 T · log T 步。每个 t 已经知道自己的位置，就是 permutation[t]："
        "直接写到那里。",
    )
    require(
        names.searches < T,
        "Right, but this searches the whole permutation for every cell, T · T steps. Every t "
        "already knows its place, permutation[t]: write it there.",
        "结果正确，但为每个格子都把整个排列找了一遍，要 T · T 步。"
        "每个 t 已经知道自己的位置，就是 permutation[t]：直接写到那里。",
    )


def check_conditionals(
    answer: Callable[[Tensor, Sequence[int], Sequence[int]], Sequence[float]], *, seed: int = 0
) -> None:
    """Exercise 10.3: the factors of p(s) in a given order."""
    for name, joint, s, order in cases(seed, _lesson_tables(), _random_tables):
        asked = f"conditionals({name}, {s}, {order})"
        _compare(run(answer, joint, s, order), *_factors(joint, s, order), asked)
    correct()


Table = tuple[str, Tensor, tuple[int, ...], tuple[int, ...]]


def _lesson_tables() -> list[Table]:
    """(name, joint, s, order) for the pictures of bars, and for a table of three codes."""
    bars = torch.zeros(2, 2, 2, 2, dtype=torch.float64)
    for cells, chances in (("1010", 3), ("0101", 2), ("1100", 2), ("1111", 1)):
        bars[tuple(map(int, cells))] = chances / 8
    number = torch.arange(81, dtype=torch.float64).view(3, 3, 3, 3)
    three = (number * number % 17 + 1) / (number * number % 17 + 1).sum()
    return [
        ("bars", bars, (1, 0, 1, 0), (0, 1, 2, 3)),
        ("bars", bars, (1, 0, 1, 0), (3, 2, 1, 0)),
        ("three", three, (2, 0, 1, 1), (0, 1, 2, 3)),
        ("three", three, (2, 0, 1, 1), (2, 0, 3, 1)),
    ]


def _random_tables(draw: Random) -> list[Table]:
    """Tables of two to four codes; two of the orders are far from raster's."""
    found = []
    for order in ((2, 0, 3, 1), (1, 3, 0, 2), tuple(draw.sample(range(4), 4))):
        K = draw.randint(2, 4)
        chances = torch.tensor([draw.randint(1, 50) for _ in range(K**4)], dtype=torch.float64)
        joint = (chances / chances.sum()).view(K, K, K, K)
        found.append(("joint", joint, tuple(draw.randrange(K) for _ in range(4)), order))
    return found


def _factors(joint: Tensor, s: Sequence[int], order: Sequence[int]) -> tuple[Tensor, list]:
    """The right factors, and what the usual mistakes give."""
    so_far = _so_far(joint, s, order)
    factors = so_far[1:] / so_far[:-1]
    alone = torch.stack([joint.narrow(i, s[i], 1).sum() for i in order])
    in_raster = _so_far(joint, s, range(4))
    placed = factors[torch.tensor(order).argsort()]
    mistakes = [
        (
            so_far[1:],
            "These are the probabilities of everything written so far. Divide each by the one "
            "before it.",
            "这些是「到此为止写下的全部词元」的概率。每一个还要除以前一个。",
        ),
        (
            alone,
            "These are the probabilities of each token on its own: what is already written is "
            "forgotten. Go on with the pictures that are left.",
            "这些是每个词元单独出现的概率：忘了前面已经写下什么。应当在剩下的图像里接着算。",
        ),
        (
            in_raster[1:] / in_raster[:-1],
            "These are the factors in raster order: take the cells as `order` names them.",
            "这是光栅扫描顺序下的因子：应当按 `order` 给出的次序取格子。",
        ),
        (
            placed,
            "The factors are right, but sorted by cell. Give them in the order of writing.",
            "因子都对，但按格子的位置排了。应当按书写的次序给出。",
        ),
    ]
    return factors, mistakes


def _so_far(joint: Tensor, s: Sequence[int], order: Iterable[int]) -> Tensor:
    """1, then the probability of the first token, of the first two, …"""
    left, sums = joint, [joint.sum()]
    for i in order:
        left = left.narrow(i, s[i], 1)
        sums.append(left.sum())
    return torch.stack(sums)


def _compare(got: Any, right: Tensor, mistakes: Iterable[tuple], asked: str) -> None:
    """Pass the right list; name the mistake whose list was given; else show both."""
    values = _numbers(got, asked)
    require(
        len(values) == len(right),
        f"{asked} gives {len(values)} numbers, it should be {len(right)}.",
        f"{asked} 给出 {len(values)} 个数，应为 {len(right)} 个。",
    )
    if close(values, right, rtol=1e-5, atol=1e-6):
        return
    for wrong, en, zh in mistakes:
        if close(values, wrong, rtol=1e-5, atol=1e-6):
            raise Mistake(f"{asked}: {en}", f"{asked}：{zh}")
    shown, wanted = (", ".join(f"{v:.4g}" for v in each.tolist()) for each in (values, right))
    raise Mistake(
        f"{asked} gives [{shown}], it should be [{wanted}].",
        f"{asked} 得到 [{shown}]，应为 [{wanted}]。",
    )


def _numbers(got: Any, asked: str) -> Tensor:
    try:
        values = torch.as_tensor(got, dtype=torch.float64).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise Mistake(
            f"{asked} gives {got!r}: return a list of numbers.",
            f"{asked} 得到 {got!r}：应当返回一列数。",
        ) from error
    require(
        values.ndim == 1,
        f"{asked} has the shape {tuple(values.shape)}: return one flat list.",
        f"{asked} 的形状是 {tuple(values.shape)}：应当返回平的一列数。",
    )
    return values
