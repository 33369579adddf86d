"""The committed notebooks: up to date, the same code in both languages, Markdown for any reader."""

from pathlib import Path

import nbformat
import pytest
from markdown_it import MarkdownIt
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin
from mdit_py_plugins.myst_role import myst_role_plugin
from weave import check

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*/*.ipynb"))
CHAPTERS = sorted(path.stem for path in (ROOT / "book/chapters").glob("*.md"))

MYST = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin)
for plugin in (colon_fence_plugin, myst_block_plugin, myst_role_plugin):
    MYST.use(plugin)


def myst_only(markdown):
    """The constructs in a text that MyST understands and Colab prints as they are."""
    tokens = MYST.parse(markdown)
    tokens += [child for token in tokens for child in token.children or []]
    return [
        token.type
        for token in tokens
        if token.type.startswith(("myst_", "colon_fence"))
        or (token.type == "fence" and token.info.startswith("{"))
    ]


def markdown_tokens(cell):
    """All tokens inside the paragraphs of a Markdown cell; none of a code cell."""
    tokens = MYST.parse(cell.source) if cell.cell_type == "markdown" else []
    return [child for token in tokens for child in token.children or []]


def read(path):
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code_cells(language, chapter):
    cells = read(ROOT / "notebooks" / language / f"{chapter}.ipynb").cells
    return [cell for cell in cells if cell.cell_type == "code"]


def test_there_are_chapters():
    assert CHAPTERS


def test_nothing_is_stale():
    assert check() == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_both_languages_have_the_same_code_cells(chapter):
    assert code_cells("en", chapter) == code_cells("zh", chapter)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_markdown_renders_without_myst(path):
    cells = [cell for cell in read(path).cells if cell.cell_type == "markdown"]
    found = {cell.id: myst_only(cell.source) for cell in cells}
    assert not {cell_id: kinds for cell_id, kinds in found.items() if kinds}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_asterisks_are_left_over(path):
    # Between a Chinese character and a bracket, ** does not open: write [**word**](address).
    tokens = [t for cell in read(path).cells for t in markdown_tokens(cell)]
    assert [
        token.content for token in tokens if token.type == "text" and "**" in token.content
    ] == []


@pytest.mark.parametrize(
    "markdown",
    [
        "```{note}\nx\n```",
        "- item\n\n  ~~~{tip}\n  x\n  ~~~",
        "text\n\n:::{tip}\nx\n:::",
        "see {ref}`there`",
        "参见{ref}`那里`",
        "(here)=\n# Title",
        "% hidden",
    ],
)
def test_myst_is_recognised(markdown):
    assert myst_only(markdown)


def test_plain_markdown_is_not_taken_for_myst():
    plain = "```python\nd = {}\n```\n\n$\\mathrm{x}$ and `{a}` 50 %\n\n| a |\n|:---|\n| b |\n"
    assert not myst_only(plain)
