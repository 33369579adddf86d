"""`mine`: the learner's function once it is finished, and the library's until then."""

import pytest
import torch

from vqlib.course import mine


def library(x, y=1):
    """Adds."""
    return x + y


def test_a_finished_function_is_used():
    assert mine(lambda x, y=1: 10 * x + y, library)(2, y=3) == 23


def raises(x, y=1):
    raise NotImplementedError


def half_written(x, y=1):
    total = ...
    return total + y


def half_read(x, y=1):
    total = ...
    return total.sum() + y


@pytest.mark.parametrize(
    "my", [raises, half_written, half_read, lambda x, y=1: ..., lambda x, y=1: None]
)
def test_until_then_the_library_is(my):
    assert mine(my, library)(2, y=3) == 5


@pytest.mark.parametrize(
    ("my", "error"),
    [
        (lambda x, y=1: x / 0, ZeroDivisionError),
        (lambda x, y=1: x + "1", TypeError),
        (lambda x: x, TypeError),
        (lambda x, y=1: x.sums(), AttributeError),
    ],
)
def test_a_mistake_is_not_covered_up(my, error):
    with pytest.raises(error):
        mine(my, library)(2, y=3)


def test_a_wrong_result_is_the_learners():
    assert mine(lambda x, y=1: 0, library)(2) == 0
    assert torch.equal(mine(lambda x: torch.zeros(2), library)(1), torch.zeros(2))


def test_it_is_described_as_the_library():
    assert (mine(raises, library).__name__, mine(raises, library).__doc__) == ("library", "Adds.")
