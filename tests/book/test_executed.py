"""The notebooks ran from their first cell to their last, and printed what they store.

The build of the book has executed each of them once, in a kernel of its own, and fails where a cell
fails or writes to stderr. One by hand: `python -m pytest notebooks/en/03_straight_through.ipynb`.
"""

import re
from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache

from build import ROOT
from cells import OUTPUT_TAGS, SKIP_TAGS
from execution import execution_digest, open_cache

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*/*.ipynb"))


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def executed(path: Path) -> list[nbformat.NotebookNode]:
    """The cells of a notebook as they ran; what fails is not kept, nor what has changed since."""
    cache = get_cache(open_cache(execution_digest(ROOT)))
    record = cache.match_cache_notebook(nbformat.read(path, as_version=4))
    return cache.get_cache_bundle(record.pk).nb.cells


def printed(cell: nbformat.NotebookNode) -> list[tuple[str, str]]:
    """What a cell shows, as text, with neighbouring prints as one."""
    shown: list[tuple[str, str]] = []
    for output in cell.outputs:
        text = output.text if output.output_type == "stream" else output.data["text/plain"]
        kind = output.get("name", output.output_type)
        if shown and kind == "stdout" == shown[-1][0]:
            text = shown.pop()[1] + text
        shown.append((kind, text))
    return shown


def differences(stored: list[nbformat.NotebookNode], ran: list[nbformat.NotebookNode]) -> list[str]:
    """What is wrong with a run: cells that did not run, or printed something else."""
    assert [cell.source for cell in stored] == [cell.source for cell in ran]
    wrong = []
    for before, after in zip(stored, ran, strict=True):
        tags = before.metadata.get("tags", [])
        if SKIP_TAGS[0] not in tags and after.execution_count is None and before.source.strip():
            wrong.append(f"{before.id} did not run")
        if OUTPUT_TAGS[0] in tags and printed(before) != printed(after):
            wrong.append(f"{before.id} stores {printed(before)}, but printed {printed(after)}")
    return wrong


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 24


@pytest.mark.usefixtures("rendered_book")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_notebook_prints_what_it_stores(path):
    assert differences(code_cells(path), executed(path)) == []


def cell(text: str | None, *tags: str, count: int | None = 1) -> nbformat.NotebookNode:
    outputs = [] if text is None else [nbformat.v4.new_output("stream", text=text)]
    metadata = {"tags": list(tags)}
    options = {"outputs": outputs, "execution_count": count, "metadata": metadata, "id": "c"}
    return nbformat.v4.new_code_cell("print(x)", **options)


@pytest.mark.parametrize(
    ("stored", "ran", "message"),
    [
        (cell("1\n", *OUTPUT_TAGS), cell("2\n", *OUTPUT_TAGS), "c stores .*but printed"),
        (cell("1\n", *OUTPUT_TAGS), cell(None, *OUTPUT_TAGS), "c stores .*but printed"),
        (cell(None, count=None), cell(None, count=None), "c did not run"),
    ],
)
def test_what_is_wrong_is_found(stored, ran, message):
    (found,) = differences([stored], [ran])
    assert re.search(message, found)


def test_what_varies_and_what_is_skipped_may_differ():
    parts = cell("1\n", *OUTPUT_TAGS)
    parts.outputs += cell("2\n").outputs
    stored = [cell("1\n2\n", *OUTPUT_TAGS), cell(None), cell(None, *SKIP_TAGS, count=None)]
    ran = [parts, cell("3 s\n"), cell(None, *SKIP_TAGS, count=None)]
    assert differences(stored, ran) == []
