"""Every page of the site, opened as a reader opens it, on a phone and a desk, by day and by night.

A page is loaded once for all checks; `test_planted_defects.py` shows that each of them can fail.
"""

import re

import pytest
from page_checks import Expected, find_defects

from books import Book, pages, read_books
from build import ROOT

BOOKS = {book.language: book for book in read_books(ROOT)}
OWN_PAGES = ["search", "genindex"]  # Sphinx adds them by itself
DOORS = ["index.html", "404.html"]  # in all languages at once
REDIRECTS = [f"{book.path}index.html" for book in BOOKS.values() if book.path]
FORMULA = re.compile(r"\$[^$`\n]+\$|^\$\$", re.MULTILINE)


def address(book: Book, page: str) -> str:
    return f"{book.path}{page}.html"


def twins() -> list[tuple[str, str, str]]:
    """Language, page and the page's name in the other language."""
    en, zh = (BOOKS[language] for language in ("en", "zh"))
    names = list(zip(pages(en.toc), pages(zh.toc), strict=True))
    names += [(name, name) for name in OWN_PAGES]
    return [row for here, there in names for row in (("en", here, there), ("zh", there, here))]


def has_formulas(page: str) -> bool:
    """Whether the source of a page holds TeX."""
    files = [ROOT / f"{page}.{ending}" for ending in ("md", "ipynb")]
    return any(file.exists() and FORMULA.search(file.read_text("utf-8")) for file in files)


def test_no_page_is_left_out(rendered_book):
    on_disk = {file.relative_to(rendered_book).as_posix() for file in rendered_book.rglob("*.html")}
    listed = {address(BOOKS[language], page) for language, page, _ in twins()}
    assert on_disk == {*listed, *DOORS, *REDIRECTS}


@pytest.mark.parametrize(("language", "page", "twin"), twins())
def test_a_page_has_no_defect(open_page, site, language, page, twin):
    here, there = BOOKS[language], BOOKS["zh" if language == "en" else "en"]
    expected = Expected(here.about["hreflang"], site + address(there, twin), has_formulas(page))
    assert find_defects(open_page(address(here, page)), expected) == {}


@pytest.mark.parametrize("page", DOORS)
def test_a_page_outside_the_books_has_no_defect(open_page, page):
    visit = open_page(f"{page}#choose", locale="fr-FR")
    assert find_defects(visit, Expected("en")) == {}
