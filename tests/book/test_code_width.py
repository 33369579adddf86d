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


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_line_of_code_is_too_wide(path):
    cells = nbformat.read(path, as_version=4).cells
    lines = [line for cell in cells if cell.cell_type == "code" for line in cell.source.split("\n")]
    assert [line for line in lines if width(line) > WIDEST] == []
