"""Stubs in the middle of a chapter: what weave makes of them, what it refuses, and ours."""

from pathlib import Path

import pytest
import torch

from cells import SKIP_TAGS
from chapter import WeaveError, read_chapter
from exercises import split_solution
from stubs import is_stub, name_of, task_of
from tests.book.tiny_book import build
from vqlib.course import mine
from vqlib.course.checks import ch13, ch14, ch15, ch17
from vqlib.generate import Sampling, TextCondition
from vqlib.generate.sliding_window import window_start
from vqlib.measure import bits_per_image
from weave import weave

CHAPTERS = sorted((Path(__file__).parents[2] / "book/chapters").glob("*.md"))
TITLE = '+++ {"lang": "en"}\n\n# Title\n\n+++ {"lang": "zh"}\n\n# 标题\n\n'
SOLVED = "def my_add(x):\n    ### BEGIN SOLUTION\n    return x + 1\n    ### END SOLUTION"
USE = "```{code-cell} ipython3\nmine(my_add, add)(1)\n```\n\n"


def stub(source=SOLVED, tags="stub"):
    return f"```{{code-cell}} ipython3\n:tags: [{tags}]\n\n{source}\n```\n\n"


def exercise(forbid="[for]"):
    """A stub with card and check."""
    card = '+++ {"lang": "%s", "exercise": "1.1"}\n\n### %s\n\n'
    facts = f'{{id: "1.1", points: 1, minutes: 5, forbid: {forbid}}}'
    return (
        card % ("en", "Add")
        + card % ("zh", "加")
        + f"```{{code-cell}} ipython3\n---\ntags: [exercise, stub]\nexercise: {facts}\n---\n"
        + f"{SOLVED}\n```\n\n```{{code-cell}} ipython3\n:tags: [check]\n\ncheck(my_add)\n```\n\n"
    )


def woven(body):
    return weave(TITLE + body, Path("01_tiny.md"), figures=Path("none"), repository="")


def test_a_stub_runs_and_its_solution_is_text():
    both = woven(stub() + USE)
    for notebook, word in ((both.en, "Solution"), (both.zh, "解答")):
        task, solution = notebook.cells[2:4]
        assert (task.id, solution.id) == ("stub-my-add", "stub-my-add-solution")
        assert task.source == "def my_add(x):\n    ...  # your code here · 在这里写你的代码"
        assert task.metadata.tags == ["stub"], "it runs: later cells look whether it is finished"
        assert solution.cell_type == "markdown", "code would replace what the learner wrote"
        assert solution.source == (
            f"<details><summary>{word}</summary>\n\n"
            "```python\ndef my_add(x):\n    return x + 1\n```\n\n</details>"
        )


def test_a_stub_may_be_an_exercise_with_its_check():
    both = woven(exercise() + USE)
    for notebook, word in ((both.en, "Solution"), (both.zh, "解答")):
        card, task, check, solution = notebook.cells[2:6]
        assert "1.1" in card.source
        assert [c.id for c in (task, check, solution)] == [
            "ex-1-1",
            "ex-1-1-check",
            "ex-1-1-solution",
        ]
        assert task.metadata.tags == ["exercise", "stub"], "it runs, unfinished"
        assert check.source == "check(my_add)"
        assert set(SKIP_TAGS) < set(check.metadata.tags), "there is nothing to check in the book"
        assert solution.cell_type == "markdown"
        assert word in solution.source
        assert "return x + 1" in solution.source


def test_the_stub_as_it_stands_is_unfinished():
    names = {}
    exec(woven(stub() + USE).en.cells[2].source, names)
    assert mine(names["my_add"], lambda x: x + 1)(1) == 2


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (stub(), "no later cell uses this stub"),
        (USE + stub(), "no later cell uses this stub"),
        (stub() + USE.replace("mine(my_add, add)", "my_add"), "no later cell uses this stub"),
        (stub(SOLVED.replace("my_add", "add")) + USE, "called `my_…`"),
        (stub(f"{SOLVED}\n\n\n{SOLVED.replace('my_add', 'my_other')}") + USE, "one function"),
        (stub("def my_add(x):\n    return x + 1") + USE, "holds its solution between"),
        (stub() + USE + USE.replace("mine(my_add, add)(1)", "mine = 1"), "assigns `mine`"),
        (stub(tags="stub, check-output") + USE, "exclude each other"),
        (stub(tags="stub, predict") + USE, "exclude each other"),
        (exercise(), "no later cell uses this stub"),
        (exercise(forbid="[x]") + USE, "uses x, which the exercise forbids"),
    ],
)
def test_what_is_no_stub_is_refused(body, message):
    with pytest.raises(WeaveError, match=message):
        woven(body)


@pytest.mark.parametrize(("language", "word"), [("en", "Solution"), ("zh", "解答")])
def test_the_page_has_the_solution_folded(tmp_path, language, word):
    page = build(tmp_path, stub() + USE, language)
    (folded,) = page.select("article details:not(.hide)")
    assert folded.summary.text == word
    assert "return x + 1" in folded.select_one("pre").text


# --- those of the course -------------------------------------------------------------------------

LOGITS = torch.tensor([[0.5, -1.0, 2.0], [3.0, 3.0, 0.0]])
TOKENS = torch.tensor([[5, 1, 7, 2], [0, 3, 3, 1]])
CASES = {  # a stub: vqlib's own, and what both are called with
    "my_bits": (bits_per_image, [(512, 256), (1, 16), (3, 1)]),
    "my_corner": (
        lambda i, j, size, window: tuple(map(window_start, (i, j), size, window)),
        [(0, 0, (32, 48), (16, 16)), (9, 47, (20, 48), (16, 16)), (5, 6, (9, 12), (4, 7))],
    ),
    "my_steps": (ch17.steps, [(0, 6, 16, 16), (7, 4, 12, 8), (11, 4, 20, 8), (2, 6, 5, 8)]),
    "my_temperature": (
        lambda logits, tau: Sampling(temperature=tau).probabilities(logits),
        [(LOGITS, 0.5), (LOGITS, 2.0)],
    ),
    "my_sentence": (ch13.sentence, [(TOKENS[:, :1], TOKENS), (TOKENS[:, :3], TOKENS)]),
    "my_sequence": (
        ch14.sequence,
        [
            (TOKENS.view(2, 2, 2), TOKENS.view(2, 2, 2), 9),
            (TOKENS.view(2, 1, 4), TOKENS.view(2, 4, 1), 8),
        ],
    ),
    "my_mask": (ch14.prefix_mask, [(3, 2), (1, 4), (2, 0)]),
    "my_information": (ch13.information, [(-LOGITS.abs()[:, :, None], torch.tensor([2, 0]))]),
    "my_cut": (
        lambda text, words: TextCondition(words, max_words=9).cut(text),
        [("湖边有雪山", ("湖", "湖边", "有", "雪山")), ("湖有湖", ("有", "湖"))],
    ),
    "my_order_information": (
        ch15.order_information,
        [((("a", "b"), ("b", "a"), ("a", "a")), (0.5, 0.3, 0.2)), ((("a",), ("b",)), (0.5, 0.5))],
    ),
}


def stubs_of_the_course():
    for path in CHAPTERS:
        for unit in read_chapter(path.read_text("utf-8"), path):
            if is_stub(unit):
                cell = task_of(unit)
                yield pytest.param(cell, id=f"{path.stem}-{name_of(cell)}")


@pytest.mark.parametrize("cell", list(stubs_of_the_course()))
def test_a_solution_gives_what_the_library_gives(cell):
    names = {"torch": torch, "math": __import__("math")}
    exec(split_solution(cell)[1], names)
    library, cases = CASES[name_of(cell)]
    for case in cases:
        found, right = names[name_of(cell)](*case), library(*case)
        if isinstance(right, list):  # words
            assert found == right
        else:
            torch.testing.assert_close(found, right)


def test_there_are_stubs():
    assert len(list(stubs_of_the_course())) >= 2
