"""What the chapters' own plots and widgets keep to, so that all of them look alike."""

import ast
import re

import nbformat
import pytest

from build import ROOT
from vqlib.show.style import WIDEST

NOTEBOOKS = sorted((ROOT / "notebooks/en").glob("*.ipynb"))
COLOUR = re.compile("#([0-9a-fA-F]{3}){1,2}")
WIDGETS = {"frames_widget", "grid_widget", "before_after_widget"}


def named(call: ast.Call) -> str:
    """The last part of the name of what is called."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def defects(source: str) -> list[str]:
    """What a code cell does that makes it look unlike the others."""
    python = re.sub(r"^( *)[%!].*", r"\1pass", source, flags=re.MULTILINE)  # magics are none
    found = []
    for node in ast.walk(ast.parse(python)):
        if isinstance(node, ast.Constant) and COLOUR.fullmatch(str(node.value)):
            found.append(f"a colour of its own: {node.value}")
        if not isinstance(node, ast.Call):
            continue
        words = {word.arg: word.value for word in node.keywords}
        if named(node) == "legend":
            found.append("a legend: label_ends names curves at their ends")
        if named(node) in WIDGETS and "title" not in words:
            found.append(f"a {named(node)} without a title")
        if isinstance(size := words.get("figsize"), ast.Tuple):
            width = size.elts[0]
            if isinstance(width, ast.Constant) and width.value > WIDEST:
                found.append(f"a figure of {width.value} inches")
        if "fontsize" in words:
            found.append("a size of letters of its own")
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_plots_and_widgets_of_a_chapter_look_like_all_others(path):
    cells = nbformat.read(path, as_version=4).cells
    found = [each for cell in cells if cell.cell_type == "code" for each in defects(cell.source)]
    assert found == []


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ('axis.plot(x, color="#d9722b")', "colour"),
        ("%matplotlib inline\naxis.legend(frameon=False)", "legend"),
        ('frames_widget(frames, label="t")', "without a title"),
        ("figure, axis = plt.subplots(figsize=(9, 3))", "9 inches"),
        ("axis.text(0, 0, 'a', fontsize=8)", "letters"),
    ],
)
def test_planted_defects_are_found(source, what):
    (found,) = defects(source)
    assert what in found
