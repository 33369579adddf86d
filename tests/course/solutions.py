"""The solutions of all exercises, taken from the chapters, with the checks that they are for."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from build import ROOT
from chapter import Cell, Exercise, Prose, read_chapter
from exercises import split_solution

DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Solved:
    """One call in a `check` cell, such as `ch03.check_moves(moves)`."""

    name: str
    check: Any
    answer: Any

    @property
    def is_function(self) -> bool:
        return callable(self.answer)


def all_solved() -> list[Solved]:
    """Every check with its solution, in the order of the book."""
    paths = sorted((ROOT / "book/chapters").glob("*.md"))
    return [solved for path in paths for solved in solved_of(path)]


def solved_of(path: Path) -> Iterator[Solved]:
    """The chapter's own; of its other cells only imports and definitions are run."""
    names: dict[str, Any] = {}
    for unit in read_chapter(path.read_text(encoding="utf-8"), path):
        if isinstance(unit, Exercise):
            run(ast.parse(split_solution(unit.task)[1]), names)
            for module, check, answer in calls(unit.check):
                found = getattr(import_module(f"vqlib.course.checks.{module}"), check)
                yield Solved(f"{module}.{check}", found, names[answer])
        elif not isinstance(unit, Prose) and "full-scale" not in unit.cell.tags:
            lines = unit.cell.source.splitlines()
            tree = ast.parse("\n".join(line for line in lines if not line.startswith("%")))
            tree.body = [node for node in tree.body if isinstance(node, DEFINITIONS)]
            run(tree, names)


def calls(check: Cell) -> Iterator[tuple[str, str, str]]:
    """Module, check and answer of each call of a check in the cell."""
    for node in ast.walk(ast.parse(check.source)):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=module), attr=name), args=[ast.Name(id=answer)]
            ) if name.startswith("check_"):
                yield module, name, answer


def run(tree: ast.Module, names: dict[str, Any]) -> None:
    exec(compile(tree, "<chapter>", "exec"), names)
