"""The questions before a chapter's summary: what weave makes of them, and what it refuses."""

import re
from pathlib import Path

import pytest
import yaml

from build import ROOT
from chapter import WeaveError
from quiz import read_quiz
from tests.book.tiny_book import build
from weave import weave

CHAPTERS = sorted((ROOT / "book/chapters").glob("*.md"))
PATH = Path("book/quizzes/01.yml")
QUIZ = """\
- id: two-and-two
  en: What is $1 + 1$?
  zh: $1 + 1$ 是多少？
  options:
    - en: 3
      zh: 3
      why: {en: That is $1 + 2$., zh: 那是 $1 + 2$。}
    - en: The same as
        $2$.
      zh: 等于 $2$。
      right: true
      why: {en: One after 1., zh: 1 的下一个。}
""".replace("en: 3", 'en: "3"').replace("zh: 3", 'zh: "3"')
SUMMARY = '+++ {"lang": "en"}\n\n## Summary\n\nAll.\n\n+++ {"lang": "zh"}\n\n## 小结\n\n全部。\n\n'
TITLE = '+++ {"lang": "en"}\n\n# Title\n\n+++ {"lang": "zh"}\n\n# 标题\n\n'


def woven(body=SUMMARY, quiz=QUIZ):
    path = Path("01_tiny.md")
    return weave(TITLE + body, path, figures=Path("none"), repository="", quiz=quiz)


def test_questions_stand_before_the_summary_in_each_language():
    both = woven()
    ids = [cell.id for cell in both.en.cells]
    assert ids == ["01-tiny-c001", "01-tiny-install", "quiz", "quiz-two-and-two", "01-tiny-c002"]
    assert [cell.id for cell in both.zh.cells] == ids
    assert both.en.cells[2].source.startswith("## Check yourself")
    assert both.zh.cells[2].source.startswith("## 自测")


def test_a_question_is_plain_markdown_with_its_answer_folded():
    text = woven().en.cells[3].source
    question, answer = text.split("<details><summary>Answer</summary>")
    assert (
        '<div class="quiz" data-right="2">\n\n**1.** What is $1 + 1$?\n\n1. 3\n2. The' in question
    )
    assert "**2** is right.\n\n1. That is $1 + 2$.\n2. One after 1.\n\n</details>" in answer


def test_a_chapter_may_have_no_questions():
    assert not [cell for cell in woven(quiz=None).en.cells if cell.id.startswith("quiz")]


def without(line, quiz=QUIZ):
    assert line in quiz
    return quiz.replace(line, "")


BAD = {
    "not yaml": ("- id: [", 1, "cannot be read"),
    "no list": ("id: x", 1, "a list of questions"),
    "no id": (QUIZ.replace("id: two", "name: two"), 1, "a question has"),
    "bad id": (QUIZ.replace("two-and-two", "Two and two"), 1, "a question has"),
    "id twice": (QUIZ + QUIZ, 13, "two-and-two is taken"),
    "no Chinese": (without("  zh: $1 + 1$ 是多少？\n"), 1, "a question has"),
    "no Chinese option": (without("      zh: 等于 $2$。\n"), 1, "a question has"),
    "no reason": (QUIZ.replace("why: {en: One", "who: {en: One"), 1, "a question has"),
    "no Chinese reason": (QUIZ.replace(", zh: 1 的下一个。", ""), 1, "a question has"),
    "empty reason": (QUIZ.replace("zh: 1 的下一个。", 'zh: ""'), 1, "a question has"),
    "nothing right": (without("      right: true\n"), 1, "a question has"),
    "two right": (
        QUIZ.replace('      zh: "3"\n', '      zh: "3"\n      right: true\n'), 1, "a question has"
    ),
    "one option": (QUIZ[: QUIZ.index("    - en: The")], 1, "a question has"),
}  # fmt: skip


@pytest.mark.parametrize(("quiz", "line", "message"), BAD.values(), ids=BAD)
def test_what_is_no_whole_question_is_refused(quiz, line, message):
    with pytest.raises(WeaveError) as error:
        woven(quiz=quiz)
    assert str(error.value).startswith(f"{PATH}:{line}: ")
    assert message in str(error.value)


def test_questions_need_a_summary():
    with pytest.raises(WeaveError, match="no `## Summary`"):
        woven("")


# --- the questions of the course -----------------------------------------------------------------


def quiz_of(chapter):
    path = ROOT / "book/quizzes" / f"{chapter.stem[:2]}.yml"
    return read_quiz(path.read_text("utf-8"), path)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_every_chapter_has_questions(chapter):
    assert len(quiz_of(chapter)) >= 3


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_no_place_is_always_right(chapter):
    assert len({question.right for question in quiz_of(chapter)}) > 1


def lengths(question, language):
    """How many characters the right option has, and the longest of the others."""
    texts = [option.text[language] for option in question.options]
    right = texts.pop(question.right)
    return len(right), max(map(len, texts))


def test_the_longest_option_is_not_always_right():
    questions = [question for chapter in CHAPTERS for question in quiz_of(chapter)]
    for language in ("en", "zh"):
        longest = [right > other for right, other in (lengths(q, language) for q in questions)]
        assert sum(longest) < 0.6 * len(questions)


def test_ids_are_unique_in_the_course():
    ids = [question.id for chapter in CHAPTERS for question in quiz_of(chapter)]
    assert len(set(ids)) == len(ids)


def test_every_file_belongs_to_a_chapter():
    files = {path.stem for path in (ROOT / "book/quizzes").glob("*.yml")}
    assert files == {chapter.stem[:2] for chapter in CHAPTERS}


def test_chinese_and_letters_have_a_space_between_them():
    # $…$ and digits too; punctuation needs none.
    tight = re.compile(r"[\u4e00-\u9fff][A-Za-z0-9$]|[A-Za-z0-9$%][\u4e00-\u9fff]")
    for chapter in CHAPTERS:
        text = (ROOT / "book/quizzes" / f"{chapter.stem[:2]}.yml").read_text("utf-8")
        words = yaml.safe_load(text)
        said = [entry for question in words for entry in (question, *question["options"])]
        said += [entry["why"] for question in words for entry in question["options"]]
        assert [entry["zh"] for entry in said if tight.search(entry["zh"])] == []


@pytest.mark.parametrize(("language", "heading"), [("en", "Check yourself"), ("zh", "自测")])
def test_the_page_works_without_a_script(tmp_path, language, heading):
    page = build(tmp_path, SUMMARY, language, quiz=QUIZ)
    assert page.select("article h2")[0].contents[0] == heading
    (quiz,) = page.select(".quiz")
    assert quiz["data-right"] == "2"
    options, reasons = quiz.select("ol")
    assert len(options.select("li")) == len(reasons.select("li")) == 2
    assert reasons.find_parent("details")
    assert page.select('script[src*="quiz.js"][defer]')
