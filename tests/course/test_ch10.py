"""The checks of chapter 10 accept the right answers and name the usual mistakes."""

from heapq import heapify, heappop

import numpy as np
import pytest
import torch

from tests.course.mistakes import mistake_of
from vqlib.course.checks import ch10
from vqlib.generate import Order
from vqlib.generate.order import raster, subsample, z_curve

# --- 10.1 the z-curve ---------------------------------------------------------------------------


def z_order(n, *, row=1, column=0):
    """`row` and `column` say which bit of a pair belongs to which."""
    cells = []
    for t in range(4**n):
        i = sum((t >> 2 * k + row & 1) << k for k in range(n))
        j = sum((t >> 2 * k + column & 1) << k for k in range(n))
        cells.append(i * 2**n + j)
    return cells


def by_quarters(n):
    if n == 0:
        return [0]
    half, side = 2 ** (n - 1), 2**n
    small = [divmod(cell, half) for cell in by_quarters(n - 1)]
    corners = ((0, 0), (0, half), (half, 0), (half, half))
    return [(top + i) * side + left + j for top, left in corners for i, j in small]


Z_ORDERS = {
    "bits of t": z_order,
    "by quarters": by_quarters,
}
WRONG_Z_ORDERS = {
    "unfinished": (lambda n: None, "returns nothing yet", "还没有返回值"),
    "down first": (lambda n: z_order(n, row=0, column=1), "goes down before", "先往下、再往右"),
    "wrong end": (lambda n: subsample(2**n, 2**n), "That is subsample", "这是 subsample"),
    "halves": (lambda n: raster(2**n, 2**n), "That is raster order", "这是光栅扫描顺序"),
    "inverse": (lambda n: z_curve(2**n, 2**n).argsort(), "That is the inverse", "这是逆排列"),
    "a grid": (lambda n: z_curve(2**n, 2**n).view(2**n, 2**n), "one flat list", "平的一列数"),
    "n is not the side": (lambda n: z_curve(2 * n, 2 * n), "it should be 64", "应为 64 个"),
    "pairs": (lambda n: [(0, 0)], "one flat list", "平的一列数"),
    "text": (lambda n: "0 1 2 3", "a list of numbers", "返回一列数"),
    "vqlib's": (lambda n: z_curve(2**n, 2**n), "vqlib's own z-curve", "自带的 z 曲线"),
    "something else": (lambda n: z_curve(2**n, 2**n).flip(0), "it should be [0, 1", "应为 [0, 1"),
}


@pytest.mark.parametrize("answer", Z_ORDERS.values(), ids=Z_ORDERS)
def test_z_order_is_accepted(answer, capsys):
    ch10.check_z_order(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_Z_ORDERS.values(), ids=WRONG_Z_ORDERS)
def test_mistake_in_z_order_is_named(answer, en, zh):
    mistake = mistake_of(ch10.check_z_order, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 10.2 the inverse ---------------------------------------------------------------------------


def scattered(permutation):
    inverse = torch.empty_like(permutation)
    inverse[permutation] = torch.arange(len(permutation))
    return inverse


def looked_up(permutation):
    cells = permutation.tolist()
    return [cells.index(r) for r in range(len(cells))]


def one_by_one(permutation):
    inverse = [0] * len(permutation)
    for t, cell in enumerate(permutation.tolist()):
        inverse[cell] = t
    return inverse


def heap_sorted(permutation):
    heap = [(cell, t) for t, cell in enumerate(permutation.tolist())]
    heapify(heap)
    return [heappop(heap)[1] for _ in range(len(permutation))]


def in_place(permutation):
    permutation[permutation.clone()] = torch.arange(len(permutation))
    return permutation


def places(permutation):
    return range(len(permutation))


INVERSES = {
    "written": scattered,
    "scatter": lambda p: torch.empty_like(p).scatter_(0, p, torch.arange(len(p))),
    "one by one": one_by_one,
    "a dictionary": lambda p: list(map({c: t for t, c in enumerate(p.tolist())}.get, places(p))),
}
# Each gives the right numbers, by sorting or by searching for every one of them.
TOO_SLOW_INVERSES = {
    "argsort": lambda p: p.argsort(),
    "torch.argsort": lambda p: torch.argsort(p, stable=True),
    "sort": lambda p: p.sort().indices,
    "topk": lambda p: p.topk(len(p), largest=False).indices,
    "NumPy": lambda p: p.numpy().argsort(),
    "NumPy's function": lambda p: np.argsort(p.numpy()),
    "unique": lambda p: torch.from_numpy(np.unique(p.numpy(), return_index=True)[1]),
    "sorted": lambda p: sorted(places(p), key=p.tolist().__getitem__),
    "list.sort": lambda p: [t for _, t in merged(p)],
    "heap": heap_sorted,
    "looked up": looked_up,
    "nonzero": lambda p: torch.stack([(p == r).nonzero()[0, 0] for r in places(p)]),
}


def merged(permutation):
    pairs = [(cell, t) for t, cell in enumerate(permutation.tolist())]
    pairs.sort()
    return pairs


WRONG_INVERSES = {
    "unfinished": (lambda p: ..., "returns nothing yet", "还没有返回值"),
    "the permutation": (lambda p: p.clone(), "the permutation itself", "排列本身"),
    "backwards": (lambda p: p.flip(0), "walked backwards", "倒着走"),
    "twice": (lambda p: p[p], "Put t at the place", "把 t 放到"),
    "descending": (lambda p: p.argsort(descending=True), "back to front", "前后颠倒"),
    "counted from the end": (lambda p: len(p) - 1 - p.argsort(), "from the end", "从末尾数起"),
    "from 1": (lambda p: p.argsort() + 1, "count from 1", "从 1 数起"),
    "in place": (in_place, "changes its argument", "改动了传入的参数"),
    "sorted values": (lambda p: p.sort().values, "in rising order", "从小到大"),
    "values and places": (lambda p: torch.stack(tuple(p.sort())), "one flat list", "平的一列数"),
}


@pytest.mark.parametrize("answer", INVERSES.values(), ids=INVERSES)
def test_inverse_is_accepted(answer, capsys):
    ch10.check_inverse(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_INVERSES.values(), ids=WRONG_INVERSES)
def test_mistake_in_inverse_is_named(answer, en, zh):
    mistake = mistake_of(ch10.check_inverse, answer)
    assert en in mistake.en
    assert zh in mistake.zh


@pytest.mark.parametrize("answer", TOO_SLOW_INVERSES.values(), ids=TOO_SLOW_INVERSES)
def test_sorting_and_searching_are_seen(answer):
    mistake = mistake_of(ch10.check_inverse, answer)
    assert "Right, but this s" in mistake.en
    assert "write it there" in mistake.en
    assert "直接写到那里" in mistake.zh


# --- 10.3 two roads to one probability ------------------------------------------------------------


def conditionals(joint, s, order):
    left, factors = joint, []
    for i in order:
        after = left.narrow(i, s[i], 1)
        factors.append((after.sum() / left.sum()).item())
        left = after
    return factors


def by_mask(joint, s, order):
    left, factors = joint.clone(), []
    for i in order:
        shape = [1] * 4
        shape[i] = -1
        after = left * torch.eye(joint.shape[i])[s[i]].view(shape)
        factors.append(after.sum() / left.sum())
        left = after
    return torch.stack(factors)


def so_far(joint, s, order):
    factors = torch.tensor(conditionals(joint, s, order))
    return factors.cumprod(0)


def placed(joint, s, order):
    factors = torch.tensor(conditionals(joint, s, order))
    return factors[torch.tensor(order).argsort()]


CONDITIONALS = {"narrow": conditionals, "mask": by_mask}
WRONG_CONDITIONALS = {
    "unfinished": (lambda joint, s, order: None, "returns nothing yet", "还没有返回值"),
    "so far": (so_far, "Divide each by", "除以前一个"),
    "alone": (
        lambda joint, s, order: [joint.narrow(i, s[i], 1).sum() for i in order],
        "on its own",
        "单独出现的概率",
    ),
    "raster": (
        lambda joint, s, order: conditionals(joint, s, range(4)),
        "as `order` names them",
        "按 `order` 给出的次序",
    ),
    "by cell": (placed, "sorted by cell", "按格子的位置排了"),
    "product": (lambda joint, s, order: joint[s], "one flat list", "平的一列数"),
    "three": (lambda *a: conditionals(*a)[:3], "it should be 4", "应为 4 个"),
    "something else": (lambda *a: [0.5] * 4, "it should be [0.75", "应为 [0.75"),
}


@pytest.mark.parametrize("answer", CONDITIONALS.values(), ids=CONDITIONALS)
def test_conditionals_are_accepted(answer, capsys):
    ch10.check_conditionals(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "en", "zh"), WRONG_CONDITIONALS.values(), ids=WRONG_CONDITIONALS
)
def test_mistake_in_conditionals_is_named(answer, en, zh):
    mistake = mistake_of(ch10.check_conditionals, answer)
    assert en in mistake.en
    assert zh in mistake.zh


def test_the_grids_of_the_check_of_z_order_are_not_all_involutions():
    orders = [Order("z_curve").permutation(2**n, 2**n) for n in (1, 2, 3)]
    assert not all(torch.equal(order, order.argsort()) for order in orders)
