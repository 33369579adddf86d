"""Functions that the learner writes in the middle of a chapter, and that later cells use."""

from collections.abc import Callable
from functools import wraps
from typing import Any


class _Unfinished(Exception):
    """The learner's function has not been written yet."""


def mine(my: Callable[..., Any], library: Callable[..., Any]) -> Callable[..., Any]:
    """What the learner has written; as long as it is not finished, the library's own.

    Unfinished is a function that raises NotImplementedError, returns nothing or `...`, or stumbles
    over a `...` that is still in it. Each call looks anew; any other error is the learner's to see.

    Args:
        my: the learner's function.
        library: one that takes the same arguments and returns something.
    """

    @wraps(library)
    def chosen(*args: Any, **kwargs: Any) -> Any:
        try:
            return _finished(my, *args, **kwargs)
        except _Unfinished:
            return library(*args, **kwargs)

    return chosen


def _finished(my: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result of a call; raises `_Unfinished` where there is none yet."""
    try:
        result = my(*args, **kwargs)
    except NotImplementedError as error:
        raise _Unfinished from error
    except (AttributeError, TypeError) as error:
        if "ellipsis" in str(error):
            raise _Unfinished from error
        raise
    if result is None or result is ...:
        raise _Unfinished
    return result
