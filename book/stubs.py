"""Stubs in the middle of a chapter: the learner writes `my_…`, and later cells use it.

A cell tagged `stub` holds a solution as an exercise does. Weave makes the stub of it, which runs as
it is, and the solution as folded text: run as code, it would take the place of what the learner has
written. Later cells take `mine(my_…, library's)`, the library's as long as the stub is unfinished.

A stub that is an exercise, too, has the tags of both: it has its card and its check, and is used.
That its solution passes its check is seen by the tests alone.
"""

import ast
import re
from collections.abc import Sequence

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from cards import check_forbidden, facts
from cells import SKIP_TAGS, code_cell
from chapter import Cell, Code, Exercise, Prose, Unit
from exercises import split_solution

MINE_ASSIGNED = re.compile(r"^ *mine\b(, \w+)* = ", re.MULTILINE)
SOLUTION = {"en": "Solution", "zh": "解答"}


def is_stub(unit: Unit) -> bool:
    """Whether a unit is to be written by the learner in the middle of a chapter."""
    return isinstance(unit, Code | Exercise) and "stub" in task_of(unit).tags


def task_of(unit: Code | Exercise) -> Cell:
    """The cell in which one writes."""
    return unit.task if isinstance(unit, Exercise) else unit.cell


def check_stubs(units: Sequence[Unit]) -> None:
    """Refuse a stub that no later cell uses through `mine`, and another `mine` in its chapter."""
    for position, unit in enumerate(units):
        if is_stub(unit):
            cell = task_of(unit)
            name = name_of(cell)
            later = (code_of(other) for other in units[position + 1 :])
            if not any(f"mine({name}," in source for source in later):
                raise cell.error(
                    f"no later cell uses this stub; take `mine({name}, …)` there, with vqlib's "
                    "own function"
                )
            for other in units:
                if MINE_ASSIGNED.search(code_of(other)):
                    raise cell.error(
                        "another cell assigns `mine`; after it, the cell that uses this stub "
                        "could not be run again"
                    )


def code_of(unit: Unit) -> str:
    """The code of a unit; none of a text."""
    return "" if isinstance(unit, Prose) else task_of(unit).source


def name_of(cell: Cell) -> str:
    """The function that a stub defines."""
    _, solved = split_solution(cell)
    names = [node.name for node in ast.parse(solved).body if isinstance(node, ast.FunctionDef)]
    if len(names) != 1 or not names[0].startswith("my_"):
        raise cell.error("a stub defines one function, called `my_…`")
    return names[0]


def stub_cells(unit: Code | Exercise, language: str) -> list[tuple[NotebookNode, Cell]]:
    """The stub, the check where there is one, and the solution as folded text, with their sources.

    The check is run by learners only: the book and the tests would find nothing to check.
    """
    task = task_of(unit)
    stub, solved = split_solution(task)
    cell_id = f"stub-{name_of(task).replace('_', '-')}"
    checks = []
    if isinstance(unit, Exercise):
        made, check = facts(task), unit.check
        check_forbidden(solved, made, task)
        cell_id = made.cell_id
        tags = [*check.tags, *SKIP_TAGS]
        checks = [(code_cell(check.source, check.metadata, tags, f"{cell_id}-check"), check)]
    shown = f"```python\n{solved}\n```"
    folded = f"<details><summary>{SOLUTION[language]}</summary>\n\n{shown}\n\n</details>"
    return [
        (code_cell(stub, task.metadata, task.tags, cell_id), task),
        *checks,
        (new_markdown_cell(folded, id=f"{cell_id}-solution"), task),
    ]
