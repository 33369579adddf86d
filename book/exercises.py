"""Turn one exercise of the source into three cells: the stub, its check, and the solution.

The learner writes in the stub and runs the check. The solution is collapsed, with what its check
says; it ends with that check, so running it (nbval and the book do, the stub they skip) proves that
it passes. The ids follow from the exercise's number: `ex-3-1`, `ex-3-1-check`, `ex-3-1-solution`.
"""

from nbformat import NotebookNode

from cards import check_forbidden, facts
from cells import OUTPUT_TAGS, SKIP_TAGS, code_cell
from chapter import Cell, Exercise

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
YOUR_CODE = "...  # your code here · 在这里写你的代码"
SOLUTION_TITLE = "# @title Solution · 解答"
COLLAPSED = {"jupyter": {"source_hidden": True}, "cellView": "form"}  # for Jupyter, for Colab


def exercise_cells(exercise: Exercise) -> list[NotebookNode]:
    """The stub, the check and the solved exercise."""
    task, check = exercise.task, exercise.check
    stub, solved = split_solution(task)
    made = facts(task)
    check_forbidden(solved, made, task)
    cell_id = made.cell_id
    check_tags = [tag for tag in check.tags if tag != "check-output"]
    output_tags = OUTPUT_TAGS if "check-output" in check.tags else ()
    solution = f"{SOLUTION_TITLE}\n{solved}\n\n{check.source}"
    solution_tags = ["solution", *output_tags]
    return [
        code_cell(stub, task.metadata, [*task.tags, *SKIP_TAGS], cell_id),
        code_cell(check.source, check.metadata, [*check_tags, *SKIP_TAGS], f"{cell_id}-check"),
        code_cell(solution, COLLAPSED, solution_tags, f"{cell_id}-solution"),
    ]


def split_solution(task: Cell) -> tuple[str, str]:
    """The exercise's code as the learner first sees it, and as it is solved."""
    stub, solved = [], []
    region: list[str] | None = None  # the lines of the solution we are in
    for line in task.source.splitlines():
        if line.strip() == BEGIN:
            if region is not None:
                raise task.error(f"`{BEGIN}` inside a solution; close that one with `{END}` first")
            region = []
        elif line.strip() == END:
            if region is None:
                raise task.error(f"`{END}` without `{BEGIN}` before it")
            stub.append(indentation(region, task) + YOUR_CODE)
            region = None
        else:
            solved.append(line)
            (stub if region is None else region).append(line)
    if region is not None:
        raise task.error(f"`{BEGIN}` without `{END}` after it")
    if stub == solved:
        raise task.error(f"an exercise or stub holds its solution between `{BEGIN}` and `{END}`")
    return "\n".join(stub), "\n".join(solved)


def indentation(region: list[str], task: Cell) -> str:
    """The white space before the first line of a solution."""
    first = next((line for line in region if line.strip()), None)
    if first is None:
        raise task.error(f"nothing stands between `{BEGIN}` and `{END}`; write the solution there")
    return first[: len(first) - len(first.lstrip())]


def refuse_markers(cell: Cell) -> None:
    """A solution's markers in any other cell would be printed as they are."""
    if BEGIN in cell.source or END in cell.source:
        raise cell.error(f"`{BEGIN}` or `{END}` in a cell that is not tagged `exercise` or `stub`")
