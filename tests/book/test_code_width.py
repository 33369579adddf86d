"""Code in the chapters is no wider than its box in a window of 1280 pixels."""

import unicodedata
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks/en").glob("*.ipynb"))
WIDEST = 88  # characters of 13 pixels; the Chinese notebooks have the same code


def width(line: str) -> int:
    """How many letters of code a line is wide; Chinese characters are wider."""
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in line)


def is_shown(cell: nbformat.NotebookNode) -> bool:
    """Whether the book has the cell; it leaves out the one that installs vqlib."""
    return "remove-cell" not in cell.metadata.get("tags", ())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_line_of_code_is_too_wide(path):
    cells = nbformat.read(path, as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code" and is_shown(cell)]
    lines = [line for source in code for line in source.split("\n")]
    assert [line for line in lines if width(line) > WIDEST] == []
