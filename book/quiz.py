"""Questions by which readers test themselves, before the summary of a chapter.

They stand in `book/quizzes/NN.yml`, in both languages, each option with a reason; see
CONTRIBUTING.md. Notebooks get them as Markdown that any reader shows: the question, its options as
a list, the answer with all reasons folded. In the book a script (book/_static/quiz.js) makes radio
buttons of it, which answer at once.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from chapter import LANGUAGES, Cell, Prose, Unit, WeaveError

SUMMARY = re.compile(r"^## Summary$", re.MULTILINE)
OPTIONS = range(2, 6)  # how many a question may have
WORDS = {
    "en": {
        "heading": "## Check yourself",
        "intro": "One answer to each question is right. Decide first, then look why.",
        "answer": "Answer",
        "right": "**{}** is right.",
    },
    "zh": {
        "heading": "## 自测",
        "intro": "每题只有一个正确答案。先拿定主意，再看理由。",
        "answer": "答案",
        "right": "正确答案是 **{}**。",
    },
}


@dataclass(frozen=True)
class Option:
    """One answer: its text and why it is right or wrong, by language."""

    text: dict[str, str]
    why: dict[str, str]


@dataclass(frozen=True)
class Question:
    """A question by language; `right` counts the options from 0, `line` is where it begins."""

    id: str
    text: dict[str, str]
    options: tuple[Option, ...]
    right: int
    path: Path
    line: int


def read_quiz(text: str, path: Path) -> list[Question]:
    """The questions of a chapter; raises `WeaveError` where something is missing."""
    try:
        root, entries = yaml.compose(text), yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise WeaveError(path, line, f"these questions cannot be read: {error}") from error
    if not isinstance(entries, list):
        raise WeaveError(path, 1, "a quiz is a list of questions, `- id: …`")
    lines = [node.start_mark.line + 1 for node in root.value]
    questions = [question(*pair, path) for pair in zip(entries, lines, strict=True)]
    for number, one in enumerate(questions):
        if one.id in {other.id for other in questions[:number]}:
            raise WeaveError(path, one.line, f"the id {one.id} is taken")
    return questions


def question(entry: dict, line: int, path: Path) -> Question:
    """One question from its YAML."""
    try:
        options = tuple(Option(words(one), words(one["why"])) for one in entry["options"])
        right = [n for n, one in enumerate(entry["options"]) if one.get("right") is True]
        made = Question(entry["id"], words(entry), options, right[0], path, line)
        whole = len(right) == 1 and len(options) in OPTIONS
        whole &= bool(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", made.id)) and len(made.id) <= 50
    except (KeyError, TypeError, IndexError, AttributeError):
        whole = False
    if not whole:
        raise WeaveError(
            path,
            line,
            "a question has an id-like-this, text in en and zh, and 2 to 5 options, each with en, "
            "zh and a why in both; exactly one is `right: true`",
        )
    return made


def words(entry: dict) -> dict[str, str]:
    """The text of an entry in each language, as one line; raises KeyError where one is missing."""
    found = {language: " ".join(entry[language].split()) for language in LANGUAGES}
    if not all(found.values()):
        raise KeyError
    return found


def place_of_quiz(units: Sequence[Unit], questions: Sequence[Question]) -> int:
    """The position of the unit before which the questions stand: the summary."""
    for position, unit in enumerate(units):
        if isinstance(unit, Prose) and SUMMARY.search(unit.en.source):
            return position
    raise WeaveError(questions[0].path, 1, "the chapter has no `## Summary` for this to precede")


def quiz_cells(questions: Sequence[Question], language: str) -> list[tuple[NotebookNode, Cell]]:
    """The heading and a Markdown cell for each question, with what they come from."""
    said = WORDS[language]
    texts = {"quiz": f"{said['heading']}\n\n{said['intro']}"}
    for number, one in enumerate(questions, start=1):
        texts[f"quiz-{one.id}"] = as_markdown(one, number, language)
    sources = [questions[0], *questions]
    return [
        (new_markdown_cell(text, id=cell_id), Cell("markdown", text, {}, one.path, one.line))
        for (cell_id, text), one in zip(texts.items(), sources, strict=True)
    ]


def as_markdown(one: Question, number: int, language: str) -> str:
    """A question as any notebook shows it: options as a list, the answer with reasons folded."""
    said = WORDS[language]
    options = numbered(option.text[language] for option in one.options)
    reasons = numbered(option.why[language] for option in one.options)
    return f"""\
<div class="quiz" data-right="{one.right + 1}">

**{number}.** {one.text[language]}

{options}

<details><summary>{said["answer"]}</summary>

{said["right"].format(one.right + 1)}

{reasons}

</details>

</div>"""


def numbered(texts) -> str:
    """Texts as a Markdown list."""
    return "\n".join(f"{n}. {text}" for n, text in enumerate(texts, start=1))
