"""Full-scale cells made small: which literals change, and which names cannot."""

import pytest

from smoke import shrink


def run(source, **values):
    namespace = {}
    exec(compile(shrink(source, values), "cell", "exec"), namespace)
    return namespace


def test_literals_change_and_the_rest_of_the_code_stays():
    small = run("steps = 100_000\nhalf = steps // 2", steps=4)
    assert (small["steps"], small["half"]) == (4, 2)


@pytest.mark.parametrize(
    "source", ["a, b = 1, 2", "(b, a) = (2, 1)", "c, (a, b) = 0, (1, 2)", "a = -1\nb = [1, 2]"]
)
def test_assignments_that_count(source):
    small = run(source, a="x", b=None)
    assert (small["a"], small["b"]) == ("x", None)


def test_every_assignment_of_a_name_changes():
    assert run("a = 1\nfirst = a\na = 2", a=7)["first"] == 7


def test_a_tuple_may_be_the_value_itself():
    assert run("betas = (0.5, 0.9)", betas=[0.1, 0.2])["betas"] == [0.1, 0.2]


@pytest.mark.parametrize(
    "source",
    ["b = 1", "a = 2 * 3", "a += 1", "def f():\n    a = 1", "if True:\n    a = 1", "a = b = 1",
     "a, *b = 1, 2, 3"],
)  # fmt: skip
def test_a_name_without_a_literal_is_named(source):
    with pytest.raises(ValueError, match="assigned to a at the top level"):
        shrink(source, {"a": 1})


@pytest.mark.parametrize("value", [object(), float("inf"), range(3)])
def test_a_value_must_be_a_literal(value):
    with pytest.raises(ValueError, match=r"the smoke value of a, .* is not a literal"):
        shrink("a = 1", {"a": value})


def test_magics_are_no_python():
    with pytest.raises(SyntaxError):
        shrink("%pip list\na = 1", {"a": 1})
