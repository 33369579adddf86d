"""Whose log is this? What the exercises have in common that show logs and ask for the fault."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from vqlib.course.checks.report import Mistake, Reason, correct, require


def judge(
    answer: Any,
    truth: Mapping[str, str],
    known: Collection[str],
    why: Callable[[str, str], Reason],
) -> None:
    """Each log has to have its name.

    Args:
        answer: the learner's dictionary, log by log, or what stands there unfinished.
        truth: the right name of each log.
        known: the names that can be given.
        why: what in this log speaks against this name, as the end of a sentence.
    """
    for log, right in truth.items():
        given = answer.get(log) if isinstance(answer, Mapping) else None
        require(
            given not in (None, ...),
            f"{log} has no diagnosis yet; give one name for each of {', '.join(truth)}.",
            f"{log} 还没有诊断；给 {'、'.join(truth)} 各填一个名字。",
        )
        require(
            given in list(known),
            f"{log}: {given!r} is none of {', '.join(known)}.",
            f"{log}：{given!r} 不在 {'、'.join(known)} 之中。",
        )
        if given != right:
            en, zh = why(log, given)
            raise Mistake(f"{log} is not {given}: {en}.", f"{log} 不是 {given}：{zh}。")
    correct()
