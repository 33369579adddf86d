"""How a wrong answer is judged."""

from collections.abc import Callable
from typing import Any

import pytest

from vqlib.course.checks.report import Mistake

OTHER_SEEDS = (1, 2, 3)


def mistake_of(check: Callable[..., None], answer: Any) -> Mistake:
    """What the check says with the cases that students see; with others it refuses as well."""
    for seed in OTHER_SEEDS:
        with pytest.raises(Mistake):
            check(answer, seed=seed)
    with pytest.raises(Mistake) as caught:
        check(answer)
    return caught.value
