"""Checks of chapter 16, *How does a small window draw a large picture?*"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from vqlib.course.checks.cases import cases
from vqlib.course.checks.diagnosis import judge
from vqlib.course.checks.report import (
    Mistake,
    compare,
    correct,
    number,
    require,
    require_whole,
    run,
)
from vqlib.course.checks.windows import TRUTH, N, logs, price_by_column
from vqlib.generate.sliding_window import window_start

__all__ = ["check_diagnosis", "check_plan", "check_read_tokens", "check_wave", "logs"]

# --- Exercise 16.1 ------------------------------------------------------------------------------

Cell = tuple[int, int]


def check_wave(answer: Callable[[int, int, int, int], Any], *, seed: int = 0) -> None:
    """Exercise 16.1: which positions run in step t of the wavefront."""
    shown = [(t, 3, 10, 4) for t in (0, 3, 4, 9, 10, 17)] + [(40, 3, 50, 16), (99, 9, 16, 16)]
    for t, h, w, n in cases(seed, shown, _times):
        asked = f"wave({t}, {h}, {w}, {n})"
        got = _cells(run(answer, t, h, w, n), asked)
        right = _wave(t, h, w, n)
        if sorted(got) == right:
            continue
        for wrong, en, zh in _wave_mistakes(t, h, w, n):
            if sorted(got) == sorted(wrong):
                raise Mistake(f"{asked} gives {got}. {en}", f"{asked} 得到 {got}。{zh}")
        raise Mistake(
            f"{asked} gives {got}, it should be {right}.", f"{asked} 得到 {got}，应为 {right}。"
        )
    correct()


def _times(draw: Random) -> list[tuple[int, int, int, int]]:
    """The first step, the first of row 1, the last, and some between."""
    found = []
    for _ in range(2):
        h, n = draw.randint(2, 8), draw.randint(3, 12)
        w = n + draw.randint(n + 1, 30)
        last = (h - 1) * n + w - 1
        between = draw.sample(range(n + 1, last), 3)
        found += [(t, h, w, n) for t in (0, n // 2, n, *between, last)]
    return found


def _wave(t: int, h: int, w: int, n: int) -> list[Cell]:
    return [(i, t - i * n) for i in range(h) if 0 <= t - i * n < w]


def _wave_mistakes(t: int, h: int, w: int, n: int) -> list[tuple[list[Cell], str, str]]:
    half = n // 2
    return [
        (
            [(i, t - i * half) for i in range(h) if 0 <= t - i * half < w],
            "Half a window ahead is not enough: at column 0 the window reaches to column n − 1 of "
            "the row above.",
            "只领先半个窗口不够：在第 0 列，窗口一直伸到上一行的第 n − 1 列。",
        ),
        (
            [(i, t - i) for i in range(h) if 0 <= t - i < w],
            "Each row is one step behind the row above. It has to be n steps behind: its first "
            "window holds n tokens of that row.",
            "每一行只比上一行晚一步。要晚 n 步：它的第一个窗口里有上一行的 n 个词元。",
        ),
        (
            [(i, t - i * (n - 1)) for i in range(h) if 0 <= t - i * (n - 1) < w],
            "One step too early: after n − 1 steps the row above has written columns 0 … n − 2, "
            "and column n − 1 is being drawn in this very step.",
            "早了一步：走完 n − 1 步，上一行只写到第 n − 2 列，第 n − 1 列正是这一步才写。",
        ),
        (
            [(i, t - i * w) for i in range(h) if 0 <= t - i * w < w],
            "That is one row after the other. A row may begin before the row above is finished.",
            "这是一行写完才写下一行。上一行还没写完，下一行就可以开始了。",
        ),
        (
            [(i, t - i * n) for i in range(h) if t - i * n >= 0],
            f"Some columns lie outside of the picture: a row of {w} tokens is done after {w} steps "
            "of its own.",
            f"有的列超出了图：一行有 {w} 个词元，自己走 {w} 步就写完了。",
        ),
        (
            [(i, t - i * n) for i in range(h) if t - i * n < w],
            "Some columns are negative: a row that has not begun yet has no position.",
            "有的列是负数：还没开始的行，没有位置可写。",
        ),
        (
            [(j, i) for i, j in _wave(t, h, w, n)],
            "Row and column are swapped: a position is (i, j), the row first.",
            "行和列写反了：位置是 (i, j)，行在前。",
        ),
    ]


def _cells(got: Any, asked: str) -> list[Cell]:
    """A list of pairs, or the request for one."""
    try:
        return [(int(i), int(j)) for i, j in got]
    except (TypeError, ValueError) as error:
        raise Mistake(
            f"{asked} gives {got!r}; return a list of positions, each a pair (i, j).",
            f"{asked} 得到 {got!r}；要返回位置的列表，每个位置是一对 (i, j)。",
        ) from error


# --- Exercise 16.2 ------------------------------------------------------------------------------


def check_read_tokens(answer: Callable[[int, int, int, int], int], *, seed: int = 0) -> None:
    """Exercise 16.2: how many tokens before them the positions of a picture read, all together."""
    shown = [(1, 4, 1, 4), (2, 4, 2, 4), (3, 6, 3, 3), (9, 12, 4, 4), (32, 32, 16, 16)]
    for h, w, rows, n in cases(seed, shown, _sizes):
        asked = f"read_tokens({h}, {w}, {rows}, {n})"
        got, right = run(answer, h, w, rows, n), _read(h, w, rows, n)
        compare(got, right, _read_mistakes(h, w, rows, n), asked)
        require_whole(got, asked)
    correct()


def _sizes(draw: Random) -> list[tuple[int, int, int, int]]:
    found = []
    for _ in range(4):
        rows, n = draw.randint(3, 7), draw.randint(3, 7)
        found.append((rows + draw.randint(2, 12), n + draw.randint(2, 12), rows, n))
    return found


def _read(h: int, w: int, rows: int, n: int, *, itself: int = 0) -> int:
    return sum(
        (i - window_start(i, h, rows)) * n + j - window_start(j, w, n) + itself
        for i in range(h)
        for j in range(w)
    )


def _read_mistakes(h: int, w: int, rows: int, n: int) -> list[tuple[int, str, str]]:
    return [
        (
            h * w * rows * n,
            "That is the textbook's whole window for every token. Only what stands before the "
            "token in its window has to be read.",
            "这是照教科书的做法，每个词元都读整个窗口。只需要读窗口里排在它前面的词元。",
        ),
        (
            _read(h, w, rows, n, itself=1),
            "The token itself is counted, too. It is what is asked for: it cannot be read.",
            "把词元自己也算进去了。它正是要预测的，读不到。",
        ),
        (
            h * w * (h * w - 1) // 2,
            "That is everything written so far. The window sees only its own rows and columns.",
            "这是已经写下的全部词元。窗口只看得见自己那几行几列。",
        ),
        (
            h * w * ((rows // 2) * n + n // 2),
            "The local index is taken for the middle everywhere. Near the borders the window "
            "stands still, and the token is elsewhere in it.",
            "你把局部下标处处当成了正中间。靠近边界时窗口不动，词元在窗口里的别处。",
        ),
        (
            sum(min(i, rows // 2) * n + min(j, n // 2) for i in range(h) for j in range(w)),
            "Above and at the left it is right. At the lower and the right border the window "
            "stands still as well: there the local index goes on to the end.",
            "上边和左边对了。靠近下边和右边时窗口也不动，局部下标会一直走到窗口末尾。",
        ),
        (
            sum(
                (i - window_start(i, h, rows)) * w + j - window_start(j, w, n)
                for i in range(h)
                for j in range(w)
            ),
            "A full row of the window has n tokens, not w.",
            "窗口的一整行是 n 个词元，不是 w 个。",
        ),
    ]


# --- Exercise 16.3 ------------------------------------------------------------------------------

DIAGNOSES = {
    "healthy": (
        "its curves jump nowhere",
        "它的曲线没有跳变",
    ),
    "sticks_out": (
        "the last five columns are all at odds with what stands before them, so the windows there "
        "hold other tokens than the model takes them for",
        "最后五列都与前面的内容对不上，说明那里的窗口装的词元，不是模型以为的那些",
    ),
    "no_overlap_across": (
        "single columns stick out, those at which the window jumps: the token at its left edge "
        "has not seen its left neighbour",
        "只有个别几列突出，正是窗口跳过去的那几列：站在窗口左边缘的词元没有看到左邻",
    ),
    "no_overlap_down": (
        "a single row sticks out, and no column: at that row the window has jumped down, and its "
        "first row has not seen the row above",
        "突出的是一行，不是列：窗口跳到这一行，它的第一行没有看到上面那一行",
    ),
    "late_by_one": (
        "the columns just before a jump would stick out, and the jumps lie at multiples of 8",
        "那样的话，突出的应当是每次跳之前的那一列，而跳发生在 8 的倍数处",
    ),
}


def check_diagnosis(answer: Any, *, seed: int = 0) -> None:
    """Exercise 16.3: which log comes from which program.

    The lesson shows the recorded `logs()`, so `seed` changes nothing here.
    """
    judge(answer, TRUTH, DIAGNOSES, lambda log, said: DIAGNOSES[TRUTH[log]])


# --- Exercise 16.4 ------------------------------------------------------------------------------

MOST = 0.1
"""Nats that the worst column may cost."""
WORK = 13
"""Positions per token that the model may compute."""
NEAR = 0.1
"""Nats by which a prediction may miss."""


def check_plan(answer: Mapping[str, Any], *, seed: int = 0) -> None:
    """Exercise 16.4: predict what an overlap costs, then measure it on held-out textures.

    There is one held-out set, so `seed` changes nothing here.
    """
    overlap, predicted = _planned(answer)
    price = price_by_column()[overlap:]
    mean, worst = price[:, 0].mean().item(), price[:, 0].max().item()
    work = (8 * N + 1 + overlap + N - overlap - 1) / (N - overlap)
    print(f"overlap {overlap}   work {work:.1f}   mean {mean:+.3f}   worst {worst:+.3f}")
    require(
        work <= WORK,
        f"An overlap of {overlap} computes {work:.1f} positions per token, more than {WORK}. "
        "Dare a smaller one.",
        f"重叠 {overlap} 列，每个词元要算 {work:.1f} 个位置，超过 {WORK}。试试更小的重叠。",
    )
    require(
        worst <= MOST,
        f"The worst column costs {worst:.3f} nats, more than {MOST}; the mean of {mean:.3f} hides "
        f"it, since only one column in {N - overlap} pays.",
        f"最差的一列要多花 {worst:.3f} 奈特，超过 {MOST}；平均只有 {mean:.3f}，看不出来，"
        f"因为每 {N - overlap} 列里只有一列付出代价。",
    )
    require(
        abs(predicted - worst) <= NEAR,
        f"The overlap is a good one. You predicted {predicted:.3f} nats for the worst column, and "
        f"it is {worst:.3f}. What had you expected the model to miss? Note it, then predict anew.",
        f"重叠选得好。你预测最差的一列是 {predicted:.3f} 奈特，实测 {worst:.3f}。"
        "你原以为模型会缺什么？记下来，再预测一次。",
    )
    correct()


def _planned(answer: Mapping[str, Any]) -> tuple[int, float]:
    """Overlap and prediction; without both nothing is measured."""
    overlap, predicted = (answer.get(key, ...) for key in ("overlap", "worst"))
    require(
        overlap not in (None, ...) and predicted not in (None, ...),
        "First the prediction: enter an overlap and what the worst column will cost, in nats. "
        "Nothing is measured before.",
        "先预测：填上重叠几列，以及最差的一列会多花多少奈特。填好之前什么都不测。",
    )
    require(
        isinstance(overlap, int) and 0 <= overlap <= N // 2,
        f"The overlap is {overlap!r}; take a whole number from 0 to {N // 2}.",
        f"重叠是 {overlap!r}；要取 0 到 {N // 2} 的整数。",
    )
    return overlap, number(predicted)
