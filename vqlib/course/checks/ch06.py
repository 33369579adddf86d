"""Checks of chapter 6, *How did VQVAE generate?*"""

from collections.abc import Callable, Sequence
from math import ceil
from random import Random
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqlib.course.checks.cases import cases
from vqlib.course.checks.report import Mistake, compare, correct, require, run

Net = Callable[[Tensor], Tensor]


def check_build_mask(answer: Callable[[int, str], Tensor], *, seed: int = 0) -> None:
    """Exercise 6.1: ones before the middle in raster order; for B the middle as well."""
    shown = ((3, "A"), (3, "B"), (5, "A"), (5, "B"), (1, "B"))
    for kernel_size, kind in cases(seed, shown, _kernels):
        asked = f'build_mask({kernel_size}, "{kind}")'
        got = _numbers(run(answer, kernel_size, kind), (kernel_size, kernel_size), asked)
        right = _mask(kernel_size, sees_itself=kind == "B")
        if torch.equal(got, right):
            continue
        for wrong, en, zh in _mask_mistakes(kernel_size, kind):
            if torch.equal(got, wrong):
                raise Mistake(f"{asked}: {en}", f"{asked}：{zh}")
        raise Mistake(
            f"{asked} gives {_rows(got)}, it should be {_rows(right)}.",
            f"{asked} 得到 {_rows(got)}，应为 {_rows(right)}。",
        )
    correct()


def _kernels(draw: Random) -> list[tuple[int, str]]:
    """Two odd sizes, both kinds of each."""
    return [(size, kind) for size in draw.sample(range(3, 16, 2), 2) for kind in "AB"]


def check_blind_spot(
    answer: Callable[[Net, int, int, int, int, int], Tensor], *, seed: int = 0
) -> None:
    """Exercise 6.2: what comes before (i, j) and has no influence on the output there."""
    for h, w, K, i, j in cases(seed, ((5, 6, 4, 2, 1), (5, 6, 4, 3, 4)), _places):
        for net in (_Reader(NEIGHBOURS), _Reader(_everything(h, w)), _Reader(LEAKY)):
            asked = f"blind_spot(net, {K}, {h}, {w}, {i}, {j})"
            got = run(answer, net, K, h, w, i, j)
            got = _numbers(got, (h, w), asked) != 0
            seen = net.seen(h, w, i, j)
            right = _before(h, w, i, j) & ~seen
            if torch.equal(got, right):
                continue
            for wrong, en, zh in _blind_mistakes(net, h, w, i, j):
                if torch.equal(got, wrong):
                    raise Mistake(f"{asked}: {en}", f"{asked}：{zh}")
            raise Mistake(
                f"{asked} marks {_cells(got)}, it should mark {_cells(right)}.",
                f"{asked} 标出了 {_cells(got)}，应当标出 {_cells(right)}。",
            )
    correct()


def _places(draw: Random) -> list[tuple[int, int, int, int, int]]:
    """(h, w, K, i, j): a place left of the diagonal and one right of it, so that i is not j."""
    h, w, K = draw.randint(5, 7), draw.randint(5, 8), draw.choice((2, 4, 8))
    i, j = draw.randint(2, 4), draw.randint(3, 4)
    return [(h, w, K, i, draw.randrange(i)), (h, w, K, draw.randrange(1, j), j)]


def check_layers_needed(answer: Callable[[int, int, int], int], *, seed: int = 0) -> None:
    """Exercise 6.3: each layer reaches kernel_size // 2 further, up and to the sides at once."""
    shown = ((4, 4, 3), (9, 3, 3), (3, 12, 5), (8, 8, 3), (32, 32, 5), (16, 16, 7))
    for h, w, k in cases(seed, shown, _grids):
        r, far = k // 2, max(h, w) - 1
        mistakes = [
            (
                ceil(far / k),
                "A window of side k reaches k // 2 positions from its middle, not k.",
                "边长为 k 的窗口，从中心只能伸出 k // 2 个位置，而不是 k 个。",
            ),
            (
                ceil((h * w - 1) / r),
                "That is the length of the sequence. On the grid the far corner is max(h, w) - 1 "
                "positions away.",
                "这是按序列的长度算的。在网格上，最远的角落只隔 max(h, w) - 1 个位置。",
            ),
            (
                ceil((h - 1 + w - 1) / r),
                "A layer goes up and to the side in the same step: take the larger of the two "
                "distances, not their sum.",
                "一层可以同时往上和往旁边伸：取两个距离中较大的，而不是它们的和。",
            ),
            (
                far // r,
                "Round up: a layer that is needed only in part is needed.",
                "要向上取整：哪怕只用到一部分，这一层也少不了。",
            ),
            (
                ceil(max(h, w) / r),
                "From the last row to the first it is h - 1 steps, not h.",
                "从最后一行到第一行是 h - 1 步，而不是 h 步。",
            ),
            (
                ceil((h - 1) / r),
                "Only the height counts here. The far end of the row must be reached as well.",
                "这里只算了高。同一行最远的一端也要够得着。",
            ),
            (
                ceil((w - 1) / r),
                "Only the width counts here. The first row must be reached as well.",
                "这里只算了宽。第一行也要够得着。",
            ),
        ]
        got = run(answer, h, w, k)
        compare(got, ceil(far / r), mistakes, f"layers_needed({h}, {w}, {k})")
    correct()


def _grids(draw: Random) -> list[tuple[int, int, int]]:
    """(h, w, kernel_size): a high grid, a wide one, and one that needs a part of a layer."""
    short, long = draw.randint(2, 5), draw.randint(12, 40)
    k = draw.choice((5, 7, 9))
    return [(long, short, 3), (short, long, k), (short, draw.randint(2, 5) * (k // 2) + 2, k)]


def _mask(kernel_size: int, *, sees_itself: bool) -> Tensor:
    mask = torch.zeros(kernel_size**2)
    mask[: kernel_size**2 // 2 + sees_itself] = 1
    return mask.view(kernel_size, kernel_size)


def _mask_mistakes(kernel_size: int, kind: str) -> list[tuple[Tensor, str, str]]:
    k, r, own = kernel_size, kernel_size // 2, kind == "B"
    right = _mask(k, sees_itself=own)
    no_future_rows, left_only = torch.ones(k, k), torch.zeros(k, k)
    no_future_rows[r + 1 :] = 0
    left_only[:r] = 1
    quadrant = torch.zeros(k, k)
    quadrant[: r + 1, : r + 1] = 1
    quadrant[r, r] = own
    return [
        (
            _mask(k, sees_itself=not own),
            "A and B are exchanged: A hides the middle, B shows it.",
            "A 和 B 弄反了：A 遮住中心，B 露出中心。",
        ),
        (
            1 - right,
            "Zeros and ones are exchanged: 1 is a weight that stays.",
            "0 和 1 弄反了：1 表示保留这个权重。",
        ),
        (
            right.T,
            "Rows and columns are exchanged: raster order goes along a row first.",
            "行和列弄反了：光栅扫描顺序先走完一行。",
        ),
        (
            right.flip(0, 1),
            "That shows what comes later. In a convolution of PyTorch the first row of the kernel "
            "lies on the row above.",
            "这样露出的是后面的位置。PyTorch 的卷积里，核的第一行对着上面的行。",
        ),
        (
            no_future_rows,
            "In the middle row the positions on the right come later: they must be 0.",
            "中间那一行里，右边的位置在后面：必须是 0。",
        ),
        (
            left_only,
            "In the middle row the positions on the left come before: they must be 1.",
            "中间那一行里，左边的位置在前面：应当是 1。",
        ),
        (
            quadrant,
            "The rows above are known in full, also on the right.",
            "上面的行全都已知，右边也不例外。",
        ),
    ]


class _Reader(nn.Module):
    """Each output is a weighted sum of the tokens at some offsets from its place.

    The codes have different weights, so every change of one token shows. The weights add up to 0:
    gradients that are summed over the codes without abs cancel. All numbers are whole, so neither
    depends on rounding, and the sum is linear, so neither depends on the tokens.
    """

    def __init__(self, offsets: Sequence[tuple[int, int]]):
        super().__init__()
        self.offsets = offsets

    def forward(self, x: Tensor) -> Tensor:
        K = x.shape[1]
        ranks = torch.arange(1, K + 1).to(x).view(1, K, 1, 1)
        weights = ranks.clone()
        weights[:, -1] = -ranks[:, :-1].sum()  # 1, 2, …, K − 1 and minus their sum
        mixed = (x * weights).sum(1, keepdim=True)
        return ranks * (sum(_moved(mixed, di, dj) for di, dj in self.offsets) + 0.5)

    def seen(self, h: int, w: int, i: int, j: int) -> Tensor:
        seen = torch.zeros(h, w, dtype=torch.bool)
        for di, dj in self.offsets:
            if 0 <= i + di < h and 0 <= j + dj < w:
                seen[i + di, j + dj] = True
        return seen


NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, -1))
LEAKY = ((-1, 0), (0, -1), (0, 0), (0, 1), (1, 0))


def _everything(h: int, w: int) -> list[tuple[int, int]]:
    """All that comes before, wherever the place is on the grid."""
    return [(di, dj) for di in range(1 - h, 1) for dj in range(1 - w, w) if (di, dj) < (0, 0)]


def _moved(x: Tensor, di: int, dj: int) -> Tensor:
    """The value at (i + di, j + dj), and zero outside."""
    h, w = x.shape[2:]
    padded = F.pad(x, (w, w, h, h))
    return padded[:, :, h + di : 2 * h + di, w + dj : 2 * w + dj]


def _before(h: int, w: int, i: int, j: int) -> Tensor:
    return (torch.arange(h * w) < i * w + j).view(h, w)


def _blind_mistakes(net: _Reader, h: int, w: int, i: int, j: int) -> list[tuple[Tensor, str, str]]:
    before, seen = _before(h, w, i, j), net.seen(h, w, i, j)
    own = torch.zeros(h, w, dtype=torch.bool)
    own[i, j] = True
    return [
        (
            seen,
            "That is what is seen. Asked for is what comes before and is not seen.",
            "这是看得到的位置。要找的是：在前面，却看不到的位置。",
        ),
        (
            before & seen,
            "That is what is seen of the past. Asked for is the part that is not seen.",
            "这是前面看得到的部分。要找的是看不到的部分。",
        ),
        (
            ~seen,
            "What comes later is not seen either, and must not be: keep only what comes before "
            "(i, j).",
            "后面的位置本来就不该看到：只保留 (i, j) 前面的位置。",
        ),
        (
            (before | own) & ~seen,
            "The place itself does not come before itself: leave (i, j) out.",
            "自己并不在自己前面：去掉 (i, j)。",
        ),
        (
            before,
            "Everything that comes before is marked. Either the gradients cancel, because they are "
            "summed over the codes without abs(), or they are never used.",
            "前面的位置全标上了。要么是没取 abs() 就对编码求和，梯度互相抵消了；要么是没用到梯度。",
        ),
        (
            before & ~_union(net, h, w),
            "Too little is marked, or nothing: these look like the gradients of all outputs "
            "together. Call backward on one output, at (i, j).",
            "标得太少，或者什么也没标：这像是所有输出合在一起的梯度。"
            "只对 (i, j) 处的一个输出调用 backward。",
        ),
        (
            _before(h, w, j, i) & ~net.seen(h, w, j, i),
            "Row and column are exchanged: the output is [0, k, i, j].",
            "行和列弄反了：输出是 [0, k, i, j]。",
        ),
    ]


def _union(net: _Reader, h: int, w: int) -> Tensor:
    """What any output at all sees."""
    return torch.stack([net.seen(h, w, i, j) for i in range(h) for j in range(w)]).any(0)


def _numbers(got: Any, shape: tuple[int, int], asked: str) -> Tensor:
    """The answer as a float tensor of that shape."""
    require(
        isinstance(got, Tensor) and tuple(got.shape) == shape,
        f"{asked} gives {_kind(got)}, a tensor of shape {shape} is asked for.",
        f"{asked} 得到 {_kind(got)}，应当是形状为 {shape} 的张量。",
    )
    return got.detach().float()


def _kind(got: Any) -> str:
    return f"shape {tuple(got.shape)}" if isinstance(got, Tensor) else repr(got)


def _rows(mask: Tensor) -> list[list[int]]:
    return mask.int().tolist()


def _cells(marked: Tensor) -> list[tuple[int, int]]:
    return [tuple(cell) for cell in marked.nonzero().tolist()]
