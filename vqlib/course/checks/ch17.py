"""Checks of chapter 17, *How does a window know where it is?*, and what its lab says."""

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.course.checks.cases import cases
from vqlib.course.checks.diagnosis import judge
from vqlib.course.checks.places import TRUTH, logs
from vqlib.course.checks.report import Mistake, compare, correct, run
from vqlib.generate.sliding_window import window_start

__all__ = ["check_column_information", "check_diagnosis", "check_place_ids", "logs"]

STATED = {"row_top": 0.35, "column_top": 0.35, "row_far": 0.5}
"""What the lab runs with where nobody predicts; it is as wrong as a first guess."""

# --- what the stub of the lesson makes, and the exhibit of the museum -----------------------------


def steps(start: int, n: int, side: int, bins: int) -> list[int]:
    """Of n positions from `start` on: each one's share of the side, rounded down to a step.

    Past the end of the side the last step goes on.
    """
    return [min((start + k) * bins // side, bins - 1) for k in range(n)]


def raster_ids(side: int, f: int, num_ids: int) -> Int[Tensor, "h w"]:
    """Coordinates by the raster index, as the reference code counts them.

    Every pixel has its number in raster order as a share of all pixels; the mean over f × f pixels
    times `num_ids`, rounded to the nearest whole number, is the id of a token.

    Source: taming-transformers, `taming/data/faceshq.py` and `CoordStage`.
    """
    share = torch.arange(side * side, dtype=torch.float64).view(1, 1, side, side) / side**2
    return (num_ids * F.avg_pool2d(share, f)[0, 0]).round().long()


# --- Exercise 17.1 ------------------------------------------------------------------------------

Pair = tuple[int, int]


def check_place_ids(
    answer: Callable[[int, int, Pair, Pair, int], Sequence[int]], *, seed: int = 0
) -> None:
    """Exercise 17.1: the prefix of coordinates that is read for one token of a large picture."""
    shown = [
        (0, 0, (16, 16), (4, 4), 16),
        (9, 13, (12, 20), (4, 4), 8),
        (11, 19, (12, 20), (4, 6), 8),
        (3, 30, (10, 40), (4, 8), 16),
        (31, 9, (32, 16), (6, 6), 16),
    ]
    for i, j, size, window, bins in cases(seed, shown, _tokens):
        asked = f"place_ids({i}, {j}, {size}, {window}, {bins})"
        got = _whole_numbers(run(answer, i, j, size, window, bins), asked)
        right = _place_ids(i, j, size, window, bins)
        if got == right:
            continue
        for wrong, en, zh in _place_mistakes(i, j, size, window, bins):
            if got == wrong:
                raise Mistake(f"{asked} gives {got}. {en}", f"{asked} 得到 {got}。{zh}")
        raise Mistake(
            f"{asked} gives {got}, it should be {right}.", f"{asked} 得到 {got}，应为 {right}。"
        )
    correct()


def _tokens(draw: Random) -> list[tuple[int, int, Pair, Pair, int]]:
    """Tokens in the middle and near the last border, of pictures that are not square."""
    found = []
    for place in ("middle", "middle", "end", "end"):
        window = draw.randint(3, 5), draw.randint(6, 8)
        size = window[0] + draw.randint(9, 14), window[1] + draw.randint(20, 30)
        if place == "middle":
            i, j = (draw.randint(n, side - n - 1) for n, side in zip(window, size, strict=True))
        else:
            i, j = size[0] - 1, size[1] - draw.randint(1, 2)
        found.append((i, j, size, window, draw.choice((8, 10, 16))))
    return found


def _corner(i: int, j: int, size: Pair, window: Pair) -> Pair:
    return window_start(i, size[0], window[0]), window_start(j, size[1], window[1])


def _place_ids(i: int, j: int, size: Pair, window: Pair, bins: int) -> list[int]:
    top, left = _corner(i, j, size, window)
    return _prefix(top, left, size, window, bins)


def _prefix(top: int, left: int, size: Pair, window: Pair, bins: int) -> list[int]:
    rows = steps(top, window[0], size[0], bins)
    columns = steps(left, window[1], size[1], bins)
    return rows + [bins + step for step in columns]


def _place_mistakes(i: int, j: int, size: Pair, window: Pair, bins: int) -> list:
    top, left = _corner(i, j, size, window)
    (h, w), (n, m) = size, window
    rows, columns = steps(top, n, h, bins), steps(left, m, w, bins)
    behind = [bins + step for step in columns]
    nearest = [
        [round((start + k) * bins / side) for k in range(many)]
        for start, many, side in ((top, n, h), (left, m, w))
    ]
    to_end = [
        [(start + k) * (bins - 1) // (side - 1) for k in range(many)]
        for start, many, side in ((top, n, h), (left, m, w))
    ]
    return [
        (
            _prefix(i, j, size, window, bins),
            "That is a window that begins at the token. The token stands as near to the window's "
            "middle as the borders permit; window_start gives the beginning.",
            "这个窗口是从词元开始的。词元要尽量靠近窗口的正中间；窗口从哪里开始，问 window_start。",
        ),
        (
            rows + columns,
            "Rows and columns share their ids: row step 3 and column step 3 would be one vector. "
            "Column ids begin at bins.",
            "行和列用了同样的编号：行和列的第 3 级会变成同一个向量。列的编号要从 bins 开始。",
        ),
        (
            behind + rows,
            "The columns stand before the rows.",
            "列排到了行的前面。",
        ),
        (
            columns + [bins + step for step in rows],
            "Rows and columns are swapped.",
            "行和列弄反了。",
        ),
        (
            _prefix(top, left, window, window, bins),
            "You divide by the size of the window. The place is a share of the whole picture.",
            "你除以的是窗口的大小。位置是在整张图里所占的比例。",
        ),
        (
            _prefix(top, left, (w, h), window, bins),
            "Height and width of the picture are swapped: rows are a share of the height.",
            "图的高和宽弄反了：行是在高度里的比例。",
        ),
        (
            nearest[0] + [bins + step for step in nearest[1]],
            "You round to the nearest step. Round down: then all steps are equally wide, and the "
            "last row stays below bins.",
            "你四舍五入了。要向下取整：这样每一级一样宽，最后一行也不会到 bins。",
        ),
        (
            to_end[0] + [bins + step for step in to_end[1]],
            "You divide by side − 1, so that only the very last row has the last step. Divide by "
            "the side: the steps are equally wide.",
            "你除以的是边长减 1，这样只有最后一行才到最后一级。要除以边长：每一级一样宽。",
        ),
        (
            [rows[0], behind[0]],
            "That is the corner alone. Every row and every column of the window has an id.",
            "这只是窗口的一角。窗口的每一行、每一列都要有一个编号。",
        ),
        (
            [i * bins // h, bins + j * bins // w],
            "That is the place of the token alone. Every row and every column of the window has an "
            "id.",
            "这只是词元自己的位置。窗口的每一行、每一列都要有一个编号。",
        ),
    ]


def _whole_numbers(got: Any, asked: str) -> list[int]:
    """A list, tuple or tensor of whole numbers as a list, or the request for one."""
    try:
        values = got.tolist() if isinstance(got, Tensor) else list(got)
        if any(value != int(value) for value in values):
            raise ValueError("fractions")
        return [int(value) for value in values]
    except (TypeError, ValueError) as error:
        raise Mistake(
            f"{asked} gives {got!r}; return a flat list of whole numbers.",
            f"{asked} 得到 {got!r}；要返回一列整数，不要嵌套。",
        ) from error


# --- Exercise 17.2 ------------------------------------------------------------------------------


def check_column_information(answer: Callable[[Tensor], float], *, seed: int = 0) -> None:
    """Exercise 17.2: how much the id of a position tells about its column, in nats."""
    shown = [
        ("6 × 10 ids, 7 positions to each", torch.arange(60).view(6, 10) // 7),
        ("16 × 16 ids of the raster index", raster_ids(256, 16, 1024)),
        ("4 × 4 ids, the row alone", torch.arange(4)[:, None].expand(4, 4)),
        ("2 × 6 ids, two columns to each", (torch.arange(6) // 2).expand(2, 6)),
        ("4 × 4 ids, all of them different", torch.arange(16).view(4, 4)),
    ]
    for what, ids in cases(seed, shown, _grids):
        got = run(answer, ids)
        compare(
            got,
            _column_information(ids),
            _information_mistakes(ids),
            f"column_information of {what}",
        )
    correct()


def _grids(draw: Random) -> list[tuple[str, Int[Tensor, "h w"]]]:
    """Raster indices cut into ids of several lengths, and ids that mean a column."""
    found = []
    for _ in range(3):
        h, w = draw.randint(3, 9), draw.randint(10, 20)
        length = draw.randint(3, 2 * w)
        ids = torch.arange(h * w).view(h, w) // length
        found.append((f"{h} × {w} ids, {length} positions to each", ids))
    h, w = draw.randint(3, 9), 3 * draw.randint(4, 7)
    found.append((f"{h} × {w} ids, three columns to each", (torch.arange(w) // 3).expand(h, w)))
    return found


def _joint(ids: Int[Tensor, "h w"]) -> Float[Tensor, "V w"]:
    """How often each id stands in each column, as a share of all positions."""
    h, w = ids.shape
    counts = torch.zeros(int(ids.max()) + 1, w, dtype=torch.float64)
    columns = torch.arange(w).expand(h, w)
    counts.index_put_((ids.reshape(-1), columns.reshape(-1)), counts.new_ones(()), accumulate=True)
    return counts / (h * w)


def _entropy(p: Float[Tensor, "*any"]) -> float:
    return torch.special.entr(p).sum().item()


def _column_information(ids: Int[Tensor, "h w"]) -> float:
    p = _joint(ids)
    return _entropy(p.sum(0)) + _entropy(p.sum(1)) - _entropy(p)


def _information_mistakes(ids: Int[Tensor, "h w"]) -> list[tuple[float, str, str]]:
    p = _joint(ids)
    right, w = _column_information(ids), ids.shape[1]
    num_ids = int((p.sum(1) > 0).sum())
    return [
        (
            _column_information(ids.T),
            "That is what the id tells about the row.",
            "这是编号透露的行的信息。",
        ),
        (
            _entropy(p.sum(1)),
            "That is the entropy of the ids: what they tell about the place, row and column "
            "together.",
            "这是编号的熵：它们透露的整个位置的信息，行和列都在内。",
        ),
        (
            math.log(w) - right,
            "That is what stays open about the column once the id is known. Subtract it from ln w.",
            "这是知道编号以后，列还剩下的不确定。要用 ln w 减去它。",
        ),
        (
            right / math.log(2),
            "That is in bits. Asked are nats: the natural logarithm.",
            "这是比特。题目要奈特，用自然对数。",
        ),
        (
            _entropy(p),
            "That is the joint entropy of id and column. Of H(id) + H(column) − H(id, column) the "
            "first two are missing.",
            "这是编号和列的联合熵。H(编号) + H(列) − H(编号, 列) 里，少了前两项。",
        ),
        (
            math.log(num_ids),
            "That is the logarithm of the number of different ids. Most of it may be about the "
            "row.",
            "这是不同编号的个数的对数。其中大部分可能说的是行。",
        ),
        (
            math.log(w),
            "That is all there is to know about the column. Does every id name a single one?",
            "这是列的全部信息。每个编号都只对应一列吗？",
        ),
    ]


# --- Exercise 17.3 ------------------------------------------------------------------------------

DIAGNOSES = {
    "healthy": (
        "its sky follows that of real scenes, row by row, and is the same in every column",
        "它的天空一行一行都跟着真实场景的，每一列都一样",
    ),
    "swapped": (
        "in this log alone the sky depends on the column: what is told as a row is a column",
        "只有这份日志里，天空取决于列：当成行说出去的，其实是列",
    ),
    "stale": (
        "its sky goes on: in the lower half there is about twice as much as in the others, "
        "however far down, since every window is told the same rows",
        "它的天空没完没了：下半部分约是别的程序的两倍，再往下也是，因为每个窗口听到的都是同样几行",
    ),
    "token_place": (
        "its sky begins as it should and then ends too early: a window that begins at row i − 3 is "
        "told that it begins at row i",
        "它的天空开头是对的，然后结束得太早：窗口从第 i − 3 行开始，听到的却是从第 i 行开始",
    ),
    "too_tall": (
        "in a picture of twice the height the sky ends half as fast, everywhere",
        "图若有两倍高，天空处处都结束得慢一半",
    ),
}


def check_diagnosis(answer: Any, *, seed: int = 0) -> None:
    """Exercise 17.3: which log comes from which program.

    The lesson shows the recorded `logs()`, so `seed` changes nothing here.
    """
    judge(answer, TRUTH, DIAGNOSES, lambda log, said: DIAGNOSES[TRUTH[log]])
