"""Notebook cells from the source's cells: Markdown in one language, and code for both."""

from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from cards import Facts, with_facts
from chapter import Cell
from folds import check_imports, check_lab, folded
from pictures import embed_figures
from results import state_results
from smoke import shrink
from terms import link_terms

SKIP_TAGS = ("skip-execution", "nbval-skip")
OUTPUT_TAGS = ("check-output", "nbval-check-output")
INSTALL = """\
# Installs vqlib where it is missing, as on Colab · 在没有 vqlib 的环境（如 Colab）里安装它
import importlib.util

if importlib.util.find_spec("vqlib") is None:
    %pip install -q "vqlib[course] @ git+{repository}"
# Before torch, which then lets idle threads sleep · 先于 torch 导入，空闲的线程才会休眠
import vqlib\
"""


def markdown_cell(
    source: Cell, cell_id: str, language: str, figures: Path, card: Facts | None = None
) -> NotebookNode:
    """A Markdown cell with its figures inside, its numbers checked and its terms linked.

    `card` are the facts of the exercise that it sets.
    """
    text, shown = embed_figures(source, language, figures)
    text = link_terms(source, language, state_results(source, text))
    text = with_facts(text, card, language) if card else text
    metadata = {key: value for key, value in source.metadata.items() if key != "lang"}
    if shown:
        metadata["figures"] = shown
    return new_markdown_cell(text, metadata=metadata, id=cell_id)


def code_cell(source: str, metadata: dict, tags: list[str], cell_id: str) -> NotebookNode:
    """A code cell without outputs, folded where a tag says so."""
    tags, words = folded(tags)
    metadata = {**metadata, **words, "tags": tags} if tags else metadata
    return new_code_cell(source, metadata=metadata, id=cell_id)


def install_cell(repository: str, cell_id: str) -> NotebookNode:
    """The cell that installs vqlib where it is missing; the book leaves it out."""
    return code_cell(INSTALL.format(repository=repository), {}, ["remove-cell"], cell_id)


def plain_code_cell(source: Cell, cell_id: str) -> NotebookNode:
    """A code cell that is part of no exercise, with the tags that nbval needs."""
    check_imports(source)
    check_lab(source)
    tags = list(source.tags)
    if "full-scale" in tags:
        check_smoke(source)
        tags.extend(SKIP_TAGS)
    elif "smoke" in source.metadata:
        raise source.error("smoke values are for a cell tagged `full-scale`")
    if "check-output" in tags:
        tags = [*(tag for tag in tags if tag != "check-output"), *OUTPUT_TAGS]
    return code_cell(source.source, source.metadata, tags, cell_id)


def check_smoke(source: Cell) -> None:
    """Refuse a full-scale cell that the smoke test could not make small."""
    values = source.metadata.get("smoke")
    if not isinstance(values, dict) or not values:
        raise source.error(
            "a full-scale cell says how to make it small; "
            "give it metadata such as `smoke: {steps: 2, data_root: STAND_IN}`"
        )
    try:
        shrink(source.source, values)
    except SyntaxError as error:
        raise source.error(f"a full-scale cell is plain Python, no magics: {error.msg}") from error
    except ValueError as error:
        raise source.error(str(error)) from error
