"""Cells that the book folds under words of its own: what weave makes of them, and the page."""

from pathlib import Path

import pytest

from chapter import Code, WeaveError, read_chapter
from folds import folded, only_imports
from tests.book.tiny_book import build
from weave import weave

CHAPTERS = sorted((Path(__file__).parents[2] / "book/chapters").glob("*.md"))
TITLE = '+++ {"lang": "en"}\n\n# Title\n\n+++ {"lang": "zh"}\n\n# 标题\n\n'


def code(source, *tags):
    return f"```{{code-cell}} ipython3\n:tags: [{', '.join(tags)}]\n\n{source}\n```\n\n"


def cells(body):
    woven = weave(TITLE + body, Path("01_tiny.md"), figures=Path("none"), repository="")
    return woven.en.cells[2:]


def test_a_fold_has_words_of_its_own():
    (cell,) = cells(code("%pip list\nimport torch\nfrom math import log", "imports"))
    assert cell.metadata.tags == ["imports", "hide-input"]
    assert cell.metadata.mystnb.code_prompt_show == "Imports"
    (cell,) = cells(code("plt.show()", "plotting"))
    assert cell.metadata.mystnb.code_prompt_show == "Plotting code"


def test_other_cells_are_as_they_were():
    assert folded(["hide-input"]) == (["hide-input"], {})


@pytest.mark.parametrize(
    "source", ["import torch\nx = 1", "x = 1", "%pip list", "import torch\n!ls"]
)
def test_what_else_a_cell_does_is_not_folded_as_imports(source):
    with pytest.raises(WeaveError, match="only imports"):
        cells(code(source, "imports"))


@pytest.mark.parametrize("other", ["hide-input", "plotting"])
def test_a_cell_is_folded_once(other):
    with pytest.raises(WeaveError, match="exclude each other"):
        cells(code("import torch", "imports", other))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_cell_that_only_imports_says_so(path):
    units = read_chapter(path.read_text("utf-8"), path)
    for unit in units:
        if isinstance(unit, Code) and "full-scale" not in unit.cell.tags:
            assert only_imports(unit.cell.source) == ("imports" in unit.cell.tags), unit.cell.line


PAGE = code("import torch", "imports") + code("plt.show()", "plotting") + code("x = 1")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Imports", "Hide the imports", "Plotting code", "Hide the plotting code"]),
        ("zh", ["导入", "收起导入", "画图代码", "收起画图代码"]),
    ],
)
def test_the_page_has_the_words_of_its_language(tmp_path, language, words):
    page = build(tmp_path, PAGE, language)
    assert [p.text for p in page.select("details.hide > summary > p")] == words
    assert len(page.select("div.cell")) == 3
