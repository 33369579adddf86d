"""Labs: the learner predicts numbers, then runs, and sees how far they were off.

A lab stays closed until every number has been written. The book and the tests run it with a stated
prediction, since nobody writes there.
"""

import os
from collections.abc import Mapping, Sequence

NOBODY_WRITES = {"VQLIB_BOOK", "PYTEST_VERSION"}
"""Variables of the environment: one is set where notebooks run without a reader."""


VERDICTS = ("near", "above", "below")
"""Where what was found lies, seen from a prediction."""


class Unpredicted(Exception):
    """A lab was opened without a prediction."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]  # in a notebook: what to do, without the lines that led here


def predicted(mine: Mapping[str, object], stated: Mapping[str, float]) -> dict[str, float]:
    """The learner's prediction, once it is complete.

    Args:
        mine: a number for each name; `...` where none has been written yet.
        stated: what the book and the tests run with instead; it has all the names.

    Raises:
        Unpredicted: a name has no number, in the hands of a reader.
        ValueError: what is written is no number, or has a name that nobody asked for.
    """
    if unknown := sorted(mine.keys() - stated.keys()):
        raise ValueError(
            f"nobody asked for {', '.join(unknown)}; the lab predicts {', '.join(stated)}"
        )
    wrong = [f"{k} = {v!r}" for k, v in mine.items() if v is not ... and not _is_number(v)]
    if wrong:
        raise ValueError(f"a prediction is a number, such as 0.5; you wrote {', '.join(wrong)}")
    missing = [name for name in stated if mine.get(name, ...) is ...]
    if missing and not NOBODY_WRITES & os.environ.keys():
        raise Unpredicted(
            f"Write your prediction first: a number for {', '.join(missing)}. "
            "A wrong one teaches more than none.\n"
            f"先写下你的预测：{'、'.join(missing)} 各写一个数。猜错，也比不猜学到得多。"
        )
    return dict(stated) if missing else {name: float(mine[name]) for name in stated}


def lab_rows(
    guess: Mapping[str, float],
    found: Mapping[str, Sequence[float]],
    near: Mapping[str, float],
) -> list[tuple[str, float | None, float, float, str | None]]:
    """What a lab found, beside what was predicted: rows for `vqlib.show.show_table`.

    Args:
        guess: the prediction.
        found: what was measured, one value per seed; names that nobody predicted come along.
        near: how far from the mean a prediction may lie and still be near.

    Returns:
        Name, prediction, mean of the seeds, half their range, and one of `VERDICTS`: where the
        measured mean lies, seen from the prediction. Without a prediction the latter is None.
    """
    rows = []
    for name, values in found.items():
        mean, spread = sum(values) / len(values), (max(values) - min(values)) / 2
        said, verdict = guess.get(name), None
        if said is not None:
            side = "above" if mean > said else "below"
            verdict = "near" if abs(mean - said) <= near[name] else side
        rows.append((name, said, mean, spread, verdict))
    return rows


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
