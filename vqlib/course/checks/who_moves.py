"""The check of exercises that ask which parts get a gradient from which loss."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vqlib.course.checks.report import Mistake, Reason, correct, require


def check_who_moves(
    answer: Any,
    truth: Mapping[str, set[str]],
    why: Mapping[str, Reason],
    *,
    parts: Sequence[str],
    called: Reason,
) -> None:
    """Each entry of {loss: set of parts} must hold just those that get a gradient.

    Args:
        answer: the learner's.
        truth: the right one, best found by running each backward.
        why: the reason for each entry.
        parts: all that may be named, in the order of messages.
        called: what the parts are, such as ("networks", "网络").
    """
    for loss, right in truth.items():
        require(
            isinstance(answer, Mapping) and loss in answer,
            f'The entry "{loss}" is missing.',
            f"缺少「{loss}」这一项。",
        )
        given = _as_set(answer[loss])
        require(
            ... not in given,
            f'The entry "{loss}" is not filled in yet.',
            f"「{loss}」这一项还没有填。",
        )
        unknown = sorted(map(str, given - set(parts)))
        require(
            not unknown,
            f'The entry "{loss}" holds {unknown}; the {called[0]} are {", ".join(parts)}.',
            f"「{loss}」这一项里有 {unknown}；可以填的{called[1]}是 {', '.join(parts)}。",
        )
        if given != right:
            missing, wrong = ([p for p in parts if p in s] for s in (right - given, given - right))
            raise _wrong_parts(loss, missing, wrong, why[loss])
    correct()


def _as_set(entry: Any) -> set[Any]:
    """A set as it is, a list of names as one, and anything else as a set of it alone."""
    return set(entry) if isinstance(entry, set | frozenset | list | tuple) else {entry}


def _wrong_parts(loss: str, missing: Iterable[str], wrong: Iterable[str], why: Reason) -> Mistake:
    en, zh = [f'The entry "{loss}":'], [f"「{loss}」这一项："]
    if missing:
        en.append(f"{', '.join(missing)} gets a gradient too.")
        zh.append(f"{', '.join(missing)} 也有梯度。")
    if wrong:
        en.append(f"{', '.join(wrong)} gets none.")
        zh.append(f"{', '.join(wrong)} 没有梯度。")
    return Mistake(" ".join([*en, why[0]]), "".join([*zh, why[1]]))
