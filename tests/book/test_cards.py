"""Exercises as cards: what weave makes of their facts, what it refuses, and the page."""

from pathlib import Path

import pytest

from cards import read_cards
from chapter import WeaveError, read_chapter
from tests.book.tiny_book import build, printed
from weave import weave

TITLE = '+++ {"lang": "en"}\n\n# Title\n\n+++ {"lang": "zh"}\n\n# 标题\n\n'
PATH = Path("01_tiny.md")
SOLVED = "def f(x):\n    ### BEGIN SOLUTION\n    return sum(1 for _ in x)\n    ### END SOLUTION"
CHECK = "```{code-cell} ipython3\n:tags: [check, check-output]\n\ncheck(f)\n```\n\n"


def card(number="1.1", zh=None, en_title="### Count", zh_title="### 数一数"):
    texts = f'+++ {{"lang": "en", "exercise": "{number}"}}\n\n{en_title}\n\nWrite f.\n\n'
    return texts + f'+++ {{"lang": "zh", "exercise": "{zh or number}"}}\n\n{zh_title}\n\n写 f。\n\n'


def cell(facts='id: "1.1", points: 2, minutes: 10', source=SOLVED):
    metadata = f"---\ntags: [exercise]\nexercise: {{{facts}}}\n---"
    return f"```{{code-cell}} ipython3\n{metadata}\n{source}\n```\n\n{CHECK}"


def woven(body):
    return weave(TITLE + body, PATH, figures=Path("none"), repository="")


SECOND = card("1.2") + cell('id: "1.2", points: 3, minutes: 5, forbid: [while]')


def test_the_facts_stand_below_the_title_in_each_language():
    both = woven(card() + cell())
    expected = {
        "en": "### Exercise 1.1 · Count\n\nDifficulty ●●○ · 10 minutes\n\nWrite f.",
        "zh": "### 练习 1.1 · 数一数\n\n难度 ●●○ · 10 分钟\n\n写 f。",
    }
    for language, text in expected.items():
        assert getattr(both, language).cells[2].source == text


def test_ids_do_not_depend_on_what_stands_before():
    def ids(body):
        return [cell.id for cell in woven(body).en.cells if cell.id.startswith("ex-")]

    three = ["ex-1-1", "ex-1-1-check", "ex-1-1-solution"]
    assert ids(card() + cell()) == three
    assert ids("```{code-cell} ipython3\nx = 1\n```\n" + card() + cell()) == three


def test_the_facts_go_with_the_stub():
    stub = next(cell for cell in woven(card() + cell() + SECOND).en.cells if cell.id == "ex-1-2")
    assert stub.metadata.exercise == {"id": "1.2", "points": 3, "minutes": 5, "forbid": ["while"]}


BAD = {
    "no facts": (card() + cell().replace("exercise: {", "other: {"), "says which one it is"),
    "no number": (card() + cell("points: 1, minutes: 5"), "says which one it is"),
    "number as a number": (card() + cell("id: 1.1, points: 1, minutes: 5"), "says which one it is"),
    "no points": (card() + cell('id: "1.1", minutes: 5'), "says which one it is"),
    "too many points": (card() + cell('id: "1.1", points: 4, minutes: 5'), "1 to 3 points"),
    "no time": (card() + cell('id: "1.1", points: 1, minutes: 0'), "says which one it is"),
    "unknown fact": (card() + cell('id: "1.1", points: 1, minutes: 5, x: 1'), "says which one"),
    "forbidden text": (
        card() + cell('id: "1.1", points: 1, minutes: 5, forbid: for'), "says which one it is"
    ),
    "forbidden in the solution": (
        card() + cell('id: "1.1", points: 1, minutes: 5, forbid: [for]'), "the solution uses for"
    ),
    "forbidden name in the solution": (
        card() + cell('id: "1.1", points: 1, minutes: 5, forbid: [sum, max]'), "uses sum, which"
    ),
    "no card": (cell(), "no text sets exercise 1.1"),
    "card of another": (card("1.2") + cell(), "no text sets exercise 1.1"),
    "two cards": (card() + card("1.2") + cell(), "sets exercise 1.1, but no such cell"),
    "card alone": (card(), "sets exercise 1.1, but no such cell"),
    "card before a section": (
        card() + '+++ {"lang": "en"}\n\n## A\n\n+++ {"lang": "zh"}\n\n## 甲\n\n' + cell(),
        "sets exercise 1.1, but no such cell",
    ),
    "card without title": (
        card(en_title="**Count**", zh_title="**数**") + cell(), "begins with its title"
    ),
    "twins that differ": (card("1.1", "1.2") + cell(), "names another exercise"),
    "number twice": (card() + cell() + card() + cell(), "this is exercise 1.2, not 1.1"),
    "another chapter": (
        card("2.1") + cell('id: "2.1", points: 1, minutes: 5'), "this is exercise 1.1, not 2.1"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "message"), BAD.values(), ids=BAD)
def test_what_is_no_whole_exercise_is_refused(body, message):
    with pytest.raises(WeaveError, match=message):
        woven(body)


CHAPTERS = sorted((Path(__file__).parents[2] / "book/chapters").glob("*.md"))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_chapter_has_exercises(path):
    assert len(read_cards(read_chapter(path.read_text("utf-8"), path))) >= 3


@pytest.mark.parametrize(
    ("language", "title", "fold"),
    [("en", "Exercise 1.1 · Count", "Solution"), ("zh", "练习 1.1 · 数一数", "解答")],
)
def test_an_exercise_is_a_card_with_its_answer_folded(tmp_path, language, title, fold):
    outputs = {"ex-1-1-solution": [printed("✓ Correct. · 正确。")]}
    section = '+++ {"lang": "en"}\n\n## A\n\n+++ {"lang": "zh"}\n\n## 甲\n\n'
    page = build(tmp_path, section + card() + cell(), language, outputs)
    (section,) = page.select("section.exercise")
    assert section["id"] == "ex-1-1"
    assert section.h3.contents[0] == title
    (folded,) = section.select("details.hide")
    assert folded.select_one("summary > p.collapsed").text == fold
    assert [pre for pre in page.select("pre") if "Correct" in pre.text] == folded.select(
        ".cell_output pre"
    )
    contents = page.select('#pst-page-toc-nav a[href="#ex-1-1"]')
    assert [link.text.strip() for link in contents] == [title]
