"""Code in the chapters is no wider than its box in a window of 1280 pixels."""

from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks/en").glob("*.ipynb"))
WIDEST = 88  # characters of 13 pixels; the Chinese notebooks have the same code


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_line_of_code_is_too_wide(path):
    cells = nbformat.read(path, as_version=4).cells
    lines = [line for cell in cells if cell.cell_type == "code" for line in cell.source.split("\n")]
    assert [line for line in lines if len(line) > WIDEST] == []
