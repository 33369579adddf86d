"""What a check says, and how it calls an answer.

Every check is `check_x(answer, *, seed=0)`. Seed 0 has the cases that the lessons show; another
seed has others, of other sizes and numbers. A right answer passes with all of them.

An answer gets copies, and what is right is computed from the originals after it has returned, so an
answer that overwrites its arguments is judged by what it returns. Where the exercise forbids that,
or the caller would notice, the check looks at the arguments and says so.
"""

from collections.abc import Callable, Iterable
from operator import index
from typing import Any

from torch import Tensor

Reason = tuple[str, str]
"""Why something is so, in English and Chinese."""


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
    """Call the learner's function on copies of the arguments; gradients still reach the originals.

    An unfinished one (returns None or …) is named as such.
    """
    return run_on_originals(answer, *copied(args))


def run_on_originals(answer: Callable[..., Any], *args: Any) -> Any:
    """`run` without the copies, for an answer that is to change its arguments, or must not."""
    result = answer(*args)
    if result is None or result is ...:
        name = getattr(answer, "__name__", "answer")
        raise Mistake(
            f"{name} returns nothing yet: replace the … by your code and return.",
            f"{name} 还没有返回值：把 … 换成你的代码，并用 return 返回结果。",
        )
    return result


def copied(value: Any) -> Any:
    """The value with every tensor in it cloned, also in tuples, lists and dictionaries."""
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, tuple | list):
        return type(value)(map(copied, value))
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return value


def compare(got: Any, expected: Any, mistakes: Iterable[tuple[Any, str, str]], asked: str) -> None:
    """Pass the expected value; name the mistake whose value was given; else show both values.

    Args:
        got: the learner's value (a number).
        expected: the right one; an int has to be met exactly, a float but for rounding in float32.
        mistakes: (value that this mistake gives, English, Chinese).
        asked: the call, for the message.
    """
    if _same(got, expected):
        return
    for value, en, zh in mistakes:
        if _same(got, value):
            raise Mistake(f"{asked} gives {got}. {en}", f"{asked} 得到 {got}。{zh}")
    raise Mistake(
        f"{asked} gives {got}, it should be {expected}.", f"{asked} 得到 {got}，应为 {expected}。"
    )


def require_whole(got: Any, asked: str) -> None:
    """A count has to be an integer: int, or one of NumPy's or PyTorch's."""
    try:
        index(got)
    except (TypeError, ValueError) as error:
        raise Mistake(
            f"{asked} gives {got!r}: the value is right, but a count is a whole number, an int. "
            "If you divide, take // instead of /.",
            f"{asked} 得到 {got!r}：数值对，但个数是整数，类型应为 int。"
            "如果用了除法，除法要用 //，不要用 /。",
        ) from error


def number(value: Any) -> float:
    """The learner's number as a float, or the request for one."""
    try:
        return float(value.detach() if isinstance(value, Tensor) else value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Mistake(
            f"The result is {value!r}: return one number.",
            f"返回的是 {value!r}：应当返回一个数。",
        ) from error


def close(got: Tensor, right: Tensor, *, rtol: float = 1e-4, atol: float = 1e-5) -> bool:
    """Whether two tensors agree but for rounding, whatever their dtypes and devices."""
    if got.shape != right.shape:
        return False
    a, b = (x.detach().cpu().double() for x in (got, right))
    return a.allclose(b, rtol=rtol, atol=atol)


def _same(a: Any, b: Any) -> bool:
    try:
        tolerance = 1e-12 if isinstance(b, int) else 1e-5
        return abs(number(a) - number(b)) <= tolerance * max(1.0, abs(number(b)))
    except Mistake:
        return False
