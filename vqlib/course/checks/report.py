"""What a check says."""

from collections.abc import Callable, Iterable
from typing import Any


class Mistake(AssertionError):
    """A wrong answer, with what is probably wrong about it in English and Chinese."""

    def __init__(self, en: str, zh: str):
        super().__init__(f"{en}\n{zh}")
        self.en, self.zh = en, zh

    def _render_traceback_(self) -> list[str]:
        # IPython prints this instead of a traceback: the message is what the learner needs.
        return [f"✗ {self.en}", f"✗ {self.zh}"]


def correct() -> None:
    """The one line a right answer gets."""
    print("✓ Correct. · 正确。")


def require(condition: bool, en: str, zh: str) -> None:
    """Raise `Mistake` unless the condition holds."""
    if not condition:
        raise Mistake(en, zh)


def run(answer: Callable[..., Any], *args: Any) -> Any:
    """Call the learner's function; an unfinished one (returns None or …) is named as such."""
    result = answer(*args)
    if result is None or result is ...:
        raise Mistake(
            f"{answer.__name__} returns nothing yet: replace the … by your code and return.",
            f"{answer.__name__} 还没有返回值：把 … 换成你的代码，并用 return 返回结果。",
        )
    return result


def compare(got: Any, expected: Any, mistakes: Iterable[tuple[Any, str, str]], asked: str) -> None:
    """Pass the expected value; name the mistake whose value was given; else show both values.

    Args:
        got: the learner's value (a number).
        expected: the right one.
        mistakes: (value that this mistake gives, English, Chinese).
        asked: the call, for the message.
    """
    if _close(got, expected):
        return
    for value, en, zh in mistakes:
        if _close(got, value):
            raise Mistake(f"{asked} gives {got}. {en}", f"{asked} 得到 {got}。{zh}")
    raise Mistake(
        f"{asked} gives {got}, it should be {expected}.", f"{asked} 得到 {got}，应为 {expected}。"
    )


def _close(a: Any, b: Any) -> bool:
    try:
        return abs(float(a) - float(b)) <= 1e-6 * max(1.0, abs(float(b)))
    except (TypeError, ValueError):
        return False
