"""What every check keeps to, with the solutions as the chapters have them."""

import inspect
import pkgutil
from importlib import import_module
from itertools import pairwise

import pytest
import torch
from torch import Tensor

import vqlib.course.checks
from tests.course.solutions import all_solved
from vqlib.course.checks.report import Mistake, copied

SEEDS = range(50)
SOLVED = {solved.name: solved for solved in all_solved()}
FUNCTIONS = {name: solved for name, solved in SOLVED.items() if solved.is_function}
# Their exercises ask to leave an argument as it is, or the caller goes on with it.
KEEP_ARGUMENTS = {
    "ch02.check_lloyd_step": "has changed",
    "ch05.check_restart_dead_codes": "has changed",
    "ch09.check_adaptive_weight": "changes its arguments",
    "ch10.check_inverse": "changes its argument",
    "ch12.check_cached_step": "does not hold this step's k and v",
}


def all_checks() -> dict[str, object]:
    found = {}
    for module in pkgutil.iter_modules(vqlib.course.checks.__path__):
        if module.name.startswith("ch"):
            functions = vars(import_module(f"vqlib.course.checks.{module.name}"))
            own = {name: f for name, f in functions.items() if name.startswith("check_")}
            found |= {f"{module.name}.{name}": f for name, f in own.items()}
    return {name: f for name, f in found.items() if not name.endswith(".check_who_moves")}


@pytest.mark.parametrize("check", all_checks().values(), ids=all_checks())
def test_a_check_takes_an_answer_and_a_seed(check):
    answer, seed = inspect.signature(check).parameters.values()
    assert (answer.name, answer.default) == ("answer", inspect.Parameter.empty)
    assert (seed.name, seed.kind, seed.default) == ("seed", inspect.Parameter.KEYWORD_ONLY, 0)


def test_every_check_belongs_to_an_exercise_of_a_chapter():
    assert SOLVED.keys() == all_checks().keys()


@pytest.mark.parametrize("solved", SOLVED.values(), ids=SOLVED)
def test_the_solution_passes_with_every_seed(solved, capsys):
    for seed in SEEDS:
        torch.manual_seed(1000 + seed)  # the learner's own random numbers
        solved.check(solved.answer, seed=seed)
    assert capsys.readouterr().out.count("✓") == len(SEEDS)


@pytest.mark.parametrize("solved", SOLVED.values(), ids=SOLVED)
def test_a_check_leaves_the_learners_randomness_alone(solved):
    for seed in (0, 1):
        before = torch.get_rng_state()
        solved.check(solved.answer, seed=seed)
        assert torch.equal(torch.get_rng_state(), before)


def as_seen(value):
    """Something that can be compared, and is the same for the same case."""
    if isinstance(value, Tensor):
        return value.dtype, tuple(value.shape), value.tolist()
    if isinstance(value, tuple | list):
        return [as_seen(item) for item in value]
    if isinstance(value, dict):
        return {key: as_seen(item) for key, item in value.items()}
    return value if isinstance(value, int | float | str) else type(value).__name__


def sizes(seen):
    """Its numbers without those in tensors, and the shapes of these."""
    if isinstance(seen, tuple):
        return seen[1]
    return [sizes(item) for item in seen] if isinstance(seen, list) else seen


def cases_of(solved, seed):
    """The arguments of each call of the answer."""
    seen = []

    def answer(*args):
        seen.append([as_seen(arg) for arg in args])
        return solved.answer(*args)

    solved.check(answer, seed=seed)
    return seen


@pytest.mark.parametrize("solved", FUNCTIONS.values(), ids=FUNCTIONS)
def test_another_seed_has_other_cases_of_other_sizes(solved):
    shown, *others = [cases_of(solved, seed) for seed in range(6)]
    assert cases_of(solved, 0) == shown
    assert cases_of(solved, 1) == others[0]
    assert all(other != shown for other in others)
    assert any(one != next_one for one, next_one in pairwise(others))
    assert any(sizes(other) != sizes(shown) for other in others)


def overwrite(value):
    """Fill every tensor with rubbish, in place."""
    if isinstance(value, Tensor):
        with torch.no_grad():
            value.fill_(3)
    elif isinstance(value, dict | tuple | list):
        for item in value.values() if isinstance(value, dict) else value:
            overwrite(item)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_overwritten_arguments_do_not_spoil_the_verdict(name, capsys):
    """A right value is right, whatever the answer has done to its arguments; or it is named."""
    solved = FUNCTIONS[name]

    def overwriting(*args):
        if name == "ch09.check_adaptive_weight":  # copies would not be in the losses' graph
            result = solved.answer(*args)
            args = args[:2]  # nor could backward() pass through another layer
        else:
            result = solved.answer(*copied(args))
        overwrite(args)
        return result

    for seed in range(3):
        if name in KEEP_ARGUMENTS:
            with pytest.raises(Mistake, match=KEEP_ARGUMENTS[name]):
                solved.check(overwriting, seed=seed)
        else:
            solved.check(overwriting, seed=seed)
            assert "✓" in capsys.readouterr().out
