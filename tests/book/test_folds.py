"""Cells that the book folds under words of its own: what weave makes of them, and the page."""

import re
from pathlib import Path

import pytest

from chapter import Code, Prose, WeaveError, read_chapter
from folds import folded, only_imports
from tests.book.tiny_book import build, printed
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


# --- what is to be predicted --------------------------------------------------------------------


def test_what_is_to_be_predicted_is_folded():
    (cell,) = cells(code("print(1)", "predict"))
    assert cell.metadata.tags == ["predict", "hide-output"]
    assert "jupyter" not in cell.metadata


def test_a_stored_result_waits_for_a_click_in_jupyter_too():
    (cell,) = cells(code("print(1)", "check-output", "predict"))
    assert cell.metadata.tags[-1] == "hide-output"
    assert cell.metadata.jupyter == {"outputs_hidden": True}


def test_a_plot_that_is_to_be_predicted_is_folded_with_its_code():
    (cell,) = cells(code("plt.show()", "plotting", "predict"))
    assert cell.metadata.tags == ["plotting", "predict", "hide-cell"]
    assert cell.metadata.mystnb.code_prompt_show == "I have my answer: show"


@pytest.mark.parametrize(
    "other", ["imports", "full-scale", "remove-output", "hide-output", "hide-input"]
)
def test_what_shows_nothing_cannot_be_predicted(other):
    with pytest.raises(WeaveError, match="exclude each other"):
        cells(code("import torch", "predict", other))


LAB = "guess = predicted(my_prediction, ch01.STATED)\nlab_rows(guess, {}, {})"


def test_what_a_lab_finds_is_folded():
    (cell,) = cells(code(LAB, "lab"))
    assert cell.metadata.tags == ["lab", "hide-output"]
    assert cell.metadata.mystnb.code_prompt_show == "I have my prediction: show"


@pytest.mark.parametrize(
    "source",
    ["print(1)", "predicted(my_prediction, {'nats': 1.0})", "unpredicted(my, ch01.STATED)"],
)
def test_a_lab_without_a_prediction_is_refused(source):
    with pytest.raises(WeaveError, match="a cell tagged `lab` opens with"):
        cells(code(source, "lab"))


ASKED = re.compile(r"[Pp]redict|[Gg]uess|[Bb]efore you|like to"), re.compile("猜|之前|先自己")


def unasked(units):
    """Lines of the cells to be predicted whose section asks for no prediction, in a language."""
    lines, asked = [], [False, False]
    for unit in units:
        if isinstance(unit, Prose):
            for n, cell in enumerate((unit.en, unit.zh)):
                parts = re.split(r"^#+ ", cell.source, flags=re.MULTILINE)
                found = bool(ASKED[n].search(parts[-1]))
                asked[n] = found or (asked[n] and len(parts) == 1)
        elif isinstance(unit, Code) and {"predict", "lab"} & set(unit.cell.tags) and not all(asked):
            lines.append(unit.cell.line)
    return lines


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_the_text_asks_for_every_prediction(path):
    assert unasked(read_chapter(path.read_text("utf-8"), path)) == []


def test_a_fold_that_nobody_asked_for_is_seen():
    text = TITLE + code("print(1)", "predict")
    assert unasked(read_chapter(text, Path("01_tiny.md"))) == [TITLE.count("\n") + 1]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["I have my answer: show", "Hide the result"]),
        ("zh", ["想好了，显示结果", "收起结果"]),
    ],
)
def test_the_page_shows_a_result_on_request(tmp_path, language, words):
    outputs = {"01-tiny-c002": [printed("stored")], "01-tiny-c003": [printed("drawn")]}
    body = code("print(1)", "check-output", "predict") + code("plt.show()", "plotting", "predict")
    page = build(tmp_path, body, language, outputs)
    stored, drawn = page.select("details.hide")
    for fold, text in ((stored, "stored"), (drawn, "drawn")):
        assert "open" not in fold.attrs
        assert [p.text for p in fold.select("summary > p")] == words
        assert fold.select_one(".cell_output").text.strip() == text
    assert not stored.select(".cell_input")
    assert drawn.select(".cell_input")
