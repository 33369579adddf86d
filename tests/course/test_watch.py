"""What an answer calls is noted, and nothing is left behind."""

import sys

import torch

from vqlib.course.checks.watch import Names, Watch


def test_calls_and_the_largest_result_are_counted():
    x = torch.ones(3, 4)
    with Watch() as watch:
        x.repeat(5, 1).sum()
    assert (watch.calls, watch.largest) == (2, 60)


def test_builtins_and_modules_are_noted_wherever_they_are_called():
    def helper(values):
        return sorted(values.tolist())

    with Names() as names:
        helper(torch.ones(3))
    assert names.sorts
    assert names.builtins["sorted"] == 1
    assert __name__ in names.modules
    assert names.searches == 0


def test_another_profiler_goes_on_afterwards():
    def profiler(frame, event, called):
        pass

    before = sys.getprofile()
    sys.setprofile(profiler)
    try:
        with Names():
            assert sys.getprofile() is not profiler
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(before)
