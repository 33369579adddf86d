"""Captions and words for outputs: what weave refuses, and what the page says in its language."""

import base64
import io
import json
import re
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from build import ROOT
from chapter import Prose, WeaveError, read_chapter
from outputs import is_table
from tests.book.tiny_book import build, shown
from vqlib.show import show_table
from weave import House, main, weave

sys.path.append(str(ROOT / "book/_ext"))  # where Sphinx looks for it
from output_words import put_in
from picture_caption import caption

CHAPTERS = sorted((ROOT / "book/chapters").glob("*.md"))
TITLE = '+++ {"lang": "en"}\n\n# Title\n\n+++ {"lang": "zh"}\n\n# 标题\n\n'
CODE = "```{code-cell} ipython3\nx\n```\n\n"


def pair(en, zh):
    """A pair of texts with these metadata."""
    cells = ({"lang": "en"} | en, "Words."), ({"lang": "zh"} | zh, "文字。")
    return "".join(f"+++ {json.dumps(data)}\n\n{text}\n\n" for data, text in cells)


ALT = {"alt": ["a"]}
BAD = {
    "caption without alt": ({"captions": ["a"]}, {"captions": ["甲"]}, "of the 0 pictures"),
    "too few": (
        {"alt": ["a", "b"], "captions": ["a"]}, {"alt": ["甲", "乙"], "captions": ["甲"]},
        "of the 2 pictures",
    ),
    "empty": (ALT | {"captions": [" "]}, ALT | {"captions": ["甲"]}, "a list of texts"),
    "one language": (ALT | {"captions": ["a"]}, ALT, "only one of the twins"),
    "rows without alt": ({"rows": [["a"]]}, {"rows": [["甲"]]}, "of the 0 pictures"),
    "rows that are no texts": (
        ALT | {"rows": [["a", 1]]}, ALT | {"rows": [["甲", "乙"]]}, "a list of titles, or null",
    ),
    "no rows at all": (ALT | {"rows": [None]}, ALT | {"rows": [None]}, "a list of titles"),
    "fewer rows": (
        ALT | {"rows": [["a", "b"]]}, ALT | {"rows": [["甲"]]}, "another number of rows"
    ),
    "columns that are no texts": (
        ALT | {"columns": ["a"]}, ALT | {"columns": ["甲"]}, "`columns` has a list of titles",
    ),
    "fewer columns": (
        ALT | {"columns": [["a", "b"]]}, ALT | {"columns": [["甲"]]}, "another number of columns"
    ),
    "columns in one language": (
        ALT | {"columns": [["a"]]}, ALT, "only one of the twins has `columns`"
    ),
    "rows in one language": (ALT | {"rows": [["a"]]}, ALT, "only one of the twins has `rows`"),
    "no texts": ({"words": {"psnr": 1}}, {"words": {"psnr": "甲"}}, "a text for each key"),
    "a list": ({"words": ["psnr"]}, {"words": ["psnr"]}, "a text for each key"),
    "no words": ({"words": {}}, {"words": {}}, "a text for each key"),
    "other keys": ({"words": {"a": "b"}}, {"words": {"c": "甲"}}, "a, c in one of them only"),
    "no twin": ({"words": {"a": "b"}}, {}, "a in one of them only"),
}  # fmt: skip


@pytest.mark.parametrize(("en", "zh", "message"), BAD.values(), ids=BAD)
def test_what_says_nothing_or_something_else_is_refused(en, zh, message):
    with pytest.raises(WeaveError, match=message):
        weave(TITLE + pair(en, zh) + CODE, Path("01_tiny.md"), figures=Path(), repository="")


# --- running: words belong to a table ------------------------------------------------------------

SHOW = """\
```{code-cell} ipython3
:tags: [check-output]

class Table:
    def __repr__(self):
        return "key"

    def _repr_html_(self):
        return '<table class="keyed"><tr><th data-word="a&lt;">a&lt;</th></tr></table>'


Table()
```
"""


@pytest.fixture
def house(tmp_path):
    (tmp_path / "book/chapters").mkdir(parents=True)
    (tmp_path / "_config.yml").write_text("repository:\n  url: https://example.org/vqlib\n")
    return House(tmp_path)


def run(house, key):
    words = {"words": {key: "A"}}
    (house.root / "book/chapters/01_tiny.md").write_text(TITLE + pair(words, words) + SHOW)
    return main([], house)


def test_a_stored_table_keeps_its_keys(house):
    assert run(house, "a<") == 0
    notebook = json.loads(house.notebook("en", "01_tiny").read_text())
    ((output,),) = [cell["outputs"] for cell in notebook["cells"] if cell.get("outputs")]
    assert is_table({kind: "".join(text) for kind, text in output["data"].items()})


def test_words_that_no_table_asks_for_are_reported(house, capsys):
    assert run(house, "b") == 1
    assert "01_tiny.md:9: no table below this text has the keys b" in capsys.readouterr().err


def test_words_for_verdicts_of_labs_may_be_unused(house):
    assert run(house, "above") == 0


def test_other_html_is_no_table():
    assert not is_table({"text/plain": "x", "text/html": "<b>x</b>"})
    assert is_table({"text/plain": "x", "text/html": show_table(("x",), [])._repr_html_()})


# --- the page ------------------------------------------------------------------------------------


def test_words_take_the_place_of_keys():
    html = show_table(("", "psnr", "K"), [("a<b", 1.5, 2)])._repr_html_()
    said, used = put_in(html, {"psnr": "PSNR & dB", "a<b": "less"})
    assert used == {"psnr", "a<b"}
    assert '<th scope="col">PSNR &amp; dB</th>' in said
    assert '<th scope="row">less</th>' in said
    assert '<th scope="col">K</th>' in said, "a key without a word stays"


def test_a_caption_may_hold_formulas_and_code():
    made = caption("From $x$ to `x_hat`.")
    assert [node.tagname for node in made] == ["#text", "math", "#text", "literal", "#text"]
    assert made.astext() == "From x to x_hat."


def png():
    data = io.BytesIO()
    Figure(figsize=(1, 1)).savefig(data, format="png")
    return base64.b64encode(data.getvalue()).decode()


@pytest.mark.parametrize(
    ("language", "heading", "below", "drawn"),
    [("en", "PSNR (dB)", "See the $x$.", "To the left."), ("zh", "峰值", "看 $x$。", "左边。")],
)
def test_the_page_speaks_its_language(tmp_path, language, heading, below, drawn):
    en = {"alt": ["a"], "captions": ["See the $x$."], "words": {"psnr": "PSNR (dB)"}}
    zh = {"alt": ["甲"], "captions": ["看 $x$。"], "words": {"psnr": "峰值"}}
    body = pair(en, zh) + CODE + CODE
    figures = "\n\n![b](data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw== "
    body = body.replace("\n\nWords.", f'\n\nWords.{figures}"To the left.")')
    body = body.replace("\n\n文字。", f'\n\n文字。{figures}"左边。")')
    outputs = {
        "01-tiny-c003": [shown(image_png=png(), text_plain="<Figure>")],
        "01-tiny-c004": [
            shown(text_html=show_table(("psnr",), [("4 × 4",)])._repr_html_(), text_plain="t")
        ],
    }
    page = build(tmp_path, body, language, outputs)
    assert page.select_one("table.keyed th").text == heading
    in_text, under = page.select("p.picture-caption")
    assert in_text.text == drawn
    assert under.text.replace("\\(", "$").replace("\\)", "$") == below
    scrolls = under.find_previous_sibling(class_="picture")
    assert scrolls.find("img")["alt"] == ("a" if language == "en" else "甲")


def test_rows_and_columns_have_their_titles_beside_the_picture(tmp_path):
    both = {"alt": ["a", "b"], "captions": ["c", "d"], "rows": [["above", "below"], None]}
    both["columns"] = [["left", "middle", "right"], ["x"]]
    picture = shown(image_png=png(), text_plain="<Figure>")
    outputs = {"01-tiny-c003": [picture], "01-tiny-c004": [picture]}
    page = build(tmp_path, pair(both, both) + CODE + CODE, "en", outputs)
    box, other = page.select(".titled-picture")
    assert "picture" not in box["class"], "what scrolls is the picture alone"
    assert [title.text for title in box.select(".row-titles p")] == ["above", "below"]
    columns = [[p.text for p in one.select(".column-titles p")] for one in (box, other)]
    assert columns == [["left", "middle", "right"], ["x"]]
    assert [one.find("img")["alt"] for one in (box, other)] == ["a", "b"]
    assert other.select(".row-titles") == []
    assert [caption.text for caption in page.select("p.picture-caption")] == ["c", "d"]
    assert box.find_next_sibling("p").text == "c"


def test_words_without_a_table_fail_the_build(tmp_path):
    words = {"words": {"psnr": "PSNR"}}
    with pytest.raises(AssertionError, match="no table has the keys psnr"):
        build(tmp_path, pair(words, words) + CODE, "en")


def test_verdicts_that_a_lab_does_not_come_to_do_not_fail_the_build(tmp_path):
    words = {"words": {"above": "above it"}}
    build(tmp_path, pair(words, words) + CODE, "en")


# --- ours ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_picture_has_a_caption(path):
    units = read_chapter(path.read_text("utf-8"), path)
    texts = [unit.en for unit in units if isinstance(unit, Prose)]
    bare = [text for text in texts if "alt" in text.metadata and "captions" not in text.metadata]
    assert [text.line for text in bare] == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_caption_is_short_and_no_copy_of_the_description(path):
    for unit in read_chapter(path.read_text("utf-8"), path):
        if isinstance(unit, Prose):
            for cell, longest in ((unit.en, 160), (unit.zh, 80)):
                captions = cell.metadata.get("captions", ())
                assert not set(captions) & set(cell.metadata.get("alt", ()))
                assert [caption for caption in captions if len(caption) > longest] == []


FIGURE = re.compile(r'\]\(figure:(?!here-)[\w-]+(?P<caption> "[^"]+")?\)')


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_drawn_figure_has_a_caption(path):
    found = list(FIGURE.finditer(path.read_text("utf-8")))
    assert found
    assert [figure[0] for figure in found if not figure["caption"]] == []
