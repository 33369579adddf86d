"""The cells of a chapter in a browser, on a book of one small chapter: their looks and deeds."""

import pytest
from page_checks import AXE, PLAIN
from playwright.sync_api import Page

from assets import install
from tests.book.tiny_book import build, page_file, printed, shown
from vqlib.show import show_table

BODY = """\
```{code-cell} ipython3
:tags: [check-output]

print(1)
```
```{code-cell} ipython3
show_table(("psnr",), [(1,)])
```

+++ {"lang": "en"}

## Summary

+++ {"lang": "zh"}

## 小结

"""
QUIZ = """\
- id: two
  en: What is $1 + 1$?
  zh: $1 + 1$ 是多少？
  options:
    - {en: Three, zh: 三, why: {en: That is $1 + 2$., zh: 那是 $1 + 2$。}}
    - {en: Two, zh: 二, why: {en: One after 1., zh: 1 的下一个。}, right: true}
- id: three
  en: And then?
  zh: 然后呢？
  options:
    - {en: Three, zh: 三, why: {en: One after 2., zh: 2 的下一个。}, right: true}
    - {en: Four, zh: 四, why: {en: Two after 2., zh: 2 的下两个。}}
"""
TABLE = show_table(("psnr",), [(1,)])
OUTPUTS = {
    "01-tiny-c002": [printed("1\n")],
    "01-tiny-c003": [shown(text_html=TABLE._repr_html_(), text_plain=repr(TABLE))],
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The address of the small chapter in each language."""
    addresses = {}
    for language in ("en", "zh"):
        folder = tmp_path_factory.mktemp(language)
        build(folder, BODY, language, OUTPUTS, quiz=QUIZ)
        addresses[language] = page_file(folder, language).as_uri()
    return addresses


@pytest.fixture
def open_tiny(browser, tiny):
    """Function that opens the small chapter: `open_tiny("zh", color_scheme="dark")`."""
    contexts = []

    def open_page(language="en", **options) -> Page:
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.goto(tiny[language])
        return page

    yield open_page
    for context in contexts:
        context.close()


LOOK = """selector => {
  const {backgroundColor, borderTopStyle} = getComputedStyle(document.querySelector(selector));
  return [backgroundColor, borderTopStyle];
}"""
MARK = """() => getComputedStyle(document.querySelector(".cell_output"), "::before").clipPath"""
CODE, OUTPUT = ".cell_input", ".cell_output .output.stream"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_output_looks_unlike_code(open_tiny, scheme):
    page = open_tiny(color_scheme=scheme)
    (code, code_edge), (output, edge) = (page.evaluate(LOOK, box) for box in (CODE, OUTPUT))
    ground = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert len({code, output, ground}) == 3
    assert (code_edge, edge) == ("solid", "dashed")
    assert page.evaluate(MARK).startswith("polygon")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_table_looks_like_other_outputs(open_tiny, scheme):
    page = open_tiny(color_scheme=scheme)
    assert page.evaluate(LOOK, ".cell_output .output:has(table)") == page.evaluate(LOOK, OUTPUT)
    marks = page.evaluate(
        """() => [...document.querySelectorAll(".cell_output")].map(
          output => getComputedStyle(output, "::before").clipPath)"""
    )
    assert len(marks) == 2
    assert len(set(marks)) == 1


def test_a_look_that_is_lost_is_seen(open_tiny):
    page = open_tiny()
    page.add_style_tag(content=f"{OUTPUT} {{background: none !important; border: none !important}}")
    assert page.evaluate(LOOK, OUTPUT) == ["rgba(0, 0, 0, 0)", "none"]


# --- questions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("en", "Not quite. That is", "Right. One after 1."),
        ("zh", "不对。那是", "对。1 的下一个。"),
    ],
)
def test_a_question_answers_at_once_with_a_reason(open_tiny, language, first, second):
    page = open_tiny(language)
    question = page.get_by_role("group").first
    three, two = question.get_by_role("radio").all()
    feedback = question.get_by_role("status")
    three.check()
    assert feedback.inner_text().startswith(first)
    assert feedback.get_attribute("data-is") == "wrong"
    two.check()
    assert feedback.inner_text() == second
    assert feedback.get_attribute("data-is") == "right"


def test_a_question_is_answered_from_the_keyboard(open_tiny):
    page = open_tiny()
    first, second = page.get_by_role("group").all()
    first.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    assert first.get_by_role("radio").all()[1].is_checked()
    page.keyboard.press("Tab")  # one stop for each question
    page.keyboard.press("Space")
    assert second.get_by_role("radio").first.is_checked()
    assert second.get_by_role("status").inner_text() == "Right. One after 2."
    assert first.get_by_role("status").inner_text() == "Right. One after 1."


def test_a_question_is_called_by_its_words(open_tiny):
    page = open_tiny()
    names = [group.locator("legend").inner_text() for group in page.get_by_role("group").all()]
    assert names[1] == "2. And then?"
    assert page.get_by_role("radio", name="Four").count() == 1


def test_the_folded_answer_waits_for_those_without_a_script(open_tiny):
    page = open_tiny()
    assert not page.locator(".quiz details").first.is_visible()
    page = open_tiny(java_script_enabled=False)
    assert page.locator(".quiz details").first.is_visible()
    assert page.locator(".quiz input").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_questions_have_no_defect(open_tiny, scheme):
    page = open_tiny(color_scheme=scheme)
    for group in page.get_by_role("group").all():
        group.get_by_role("radio").first.check()
    page.add_style_tag(content=PLAIN)
    page.add_script_tag(path=install() / "axe-core/axe.min.js")
    only = {"context": {"include": [[".quiz"]]}, "options": {}}
    assert page.evaluate(AXE, only) == []


def test_words_too_pale_to_read_are_seen(open_tiny):
    page = open_tiny()
    page.add_style_tag(content=".quiz label {color: #ccc !important}")
    page.add_script_tag(path=install() / "axe-core/axe.min.js")
    only = {"context": {"include": [[".quiz"]]}, "options": {}}
    assert any("color-contrast" in defect for defect in page.evaluate(AXE, only))
