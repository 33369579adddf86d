"""The cells of a chapter in a browser, on a book of one small chapter: their looks and deeds."""

import pytest
from playwright.sync_api import Page

from tests.book.tiny_book import build, page_file, printed

BODY = """\
```{code-cell} ipython3
:tags: [check-output]

print(1)
```

"""
OUTPUTS = {"01-tiny-c002": [printed("1\n")]}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The address of the small chapter in each language."""
    addresses = {}
    for language in ("en", "zh"):
        folder = tmp_path_factory.mktemp(language)
        build(folder, BODY, language, OUTPUTS)
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


def test_a_look_that_is_lost_is_seen(open_tiny):
    page = open_tiny()
    page.add_style_tag(content=f"{OUTPUT} {{background: none !important; border: none !important}}")
    assert page.evaluate(LOOK, OUTPUT) == ["rgba(0, 0, 0, 0)", "none"]
