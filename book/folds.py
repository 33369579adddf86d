"""What the book folds, under words of its own: imports, code that only draws, what a reader is to
predict, what a lab finds, and solutions.

The words on the fold are English in both notebooks, which share their code; the Chinese book
translates them (`book_theme_strings` in book/zh/_config.yml). Jupyter and Colab show such a cell
as any other; only a stored result that is to be predicted waits for a click in JupyterLab.
"""

import ast
import re
from dataclasses import dataclass

from chapter import Cell

PREDICTED = re.compile(r"\bpredicted\(\w+, \w+\.\w+\)")
IMPORTS = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class Fold:
    """How MyST-NB folds a cell: its tag, and what stands on the fold."""

    tag: str
    show: str
    hide: str


FOLDS = {
    "predict": Fold("hide-output", "I have my answer: show", "Hide the result"),
    "lab": Fold("hide-output", "I have my prediction: show", "Hide the result"),
    "imports": Fold("hide-input", "Imports", "Hide the imports"),
    "plotting": Fold("hide-input", "Plotting code", "Hide the plotting code"),
    "solution": Fold("hide-cell", "Solution", "Hide the solution"),
}


def folded(tags: list[str]) -> tuple[list[str], dict]:
    """The tags of a cell with those that fold it, and the metadata with the words on the fold."""
    for name, fold in FOLDS.items():
        if name in tags:
            words = {"code_prompt_show": fold.show, "code_prompt_hide": fold.hide}
            return [*tags, fold_tag(fold, tags)], {"mystnb": words, **hidden_in_jupyter(tags)}
    return tags, {}


def fold_tag(fold: Fold, tags: list[str]) -> str:
    """The tag that folds a cell: a plot that is to be predicted goes with its code, as one."""
    return "hide-cell" if {"predict", "plotting"} <= set(tags) else fold.tag


def hidden_in_jupyter(tags: list[str]) -> dict:
    """The metadata by which JupyterLab, too, shows a stored result only on a click."""
    stored = {"predict", "check-output"} <= set(tags)
    return {"jupyter": {"outputs_hidden": True}} if stored else {}


def check_imports(cell: Cell) -> None:
    """Refuse a cell tagged `imports` that does anything else: readers would miss it."""
    if "imports" in cell.tags and not only_imports(cell.source):
        raise cell.error(
            "a cell tagged `imports` only imports; give what else it does its own cell"
        )


def check_lab(cell: Cell) -> None:
    """Refuse a lab that runs without a prediction, or that gives the stated one away."""
    if "lab" in cell.tags and not PREDICTED.search(cell.source):
        raise cell.error(
            "a cell tagged `lab` opens with `predicted(my_prediction, chNN.STATED)` "
            "(vqlib.course); the stated prediction stands in the chapter's checks"
        )


def only_imports(source: str) -> bool:
    """Whether code consists of imports, besides the magics of IPython."""
    lines = [line for line in source.splitlines() if not line.startswith("%")]
    try:
        body = ast.parse("\n".join(lines)).body
    except SyntaxError:
        return False
    return bool(body) and all(isinstance(node, IMPORTS) for node in body)
