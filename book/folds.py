"""What the book folds, under words of its own: imports, code that only draws, and solutions.

The words on the fold are English in both notebooks, which share their code; the Chinese book
translates them (`book_theme_strings` in book/zh/_config.yml). Jupyter and Colab show such a cell
as any other.
"""

import ast
from dataclasses import dataclass

from chapter import Cell

IMPORTS = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class Fold:
    """How MyST-NB folds a cell: its tag, and what stands on the fold."""

    tag: str
    show: str
    hide: str


FOLDS = {
    "imports": Fold("hide-input", "Imports", "Hide the imports"),
    "plotting": Fold("hide-input", "Plotting code", "Hide the plotting code"),
    "solution": Fold("hide-cell", "Solution", "Hide the solution"),
}


def folded(tags: list[str]) -> tuple[list[str], dict]:
    """The tags of a cell with those that fold it, and the metadata with the words on the fold."""
    for name, fold in FOLDS.items():
        if name in tags:
            words = {"code_prompt_show": fold.show, "code_prompt_hide": fold.hide}
            return [*tags, fold.tag], {"mystnb": words}
    return tags, {}


def check_imports(cell: Cell) -> None:
    """Refuse a cell tagged `imports` that does anything else: readers would miss it."""
    if "imports" in cell.tags and not only_imports(cell.source):
        raise cell.error(
            "a cell tagged `imports` only imports; give what else it does its own cell"
        )


def only_imports(source: str) -> bool:
    """Whether code consists of imports, besides the magics of IPython."""
    lines = [line for line in source.splitlines() if not line.startswith("%")]
    try:
        body = ast.parse("\n".join(lines)).body
    except SyntaxError:
        return False
    return bool(body) and all(isinstance(node, IMPORTS) for node in body)
