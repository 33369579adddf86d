"""Links from a chapter to the glossary, written `[perplexity](term:perplexity)` in its source.

Notebooks get the address of the published glossary, which leads there from Jupyter, Colab and
GitHub alike. The book's build turns it into a link inside the book: book/_ext/glossary_links.py.
"""

import re
from functools import cache
from pathlib import Path

from books import read_books
from chapter import Cell

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(term:(?P<name>[^)\s]*)\)")
ANCHOR = re.compile(r"^\(term-([a-z0-9-]+)\)=$", re.MULTILINE)


def link_terms(cell: Cell, language: str, text: str) -> str:
    """The text with its links to terms led to the glossary of the language."""

    def address(match: re.Match) -> str:
        name = match["name"]
        if name not in known_terms(language):
            raise cell.error(f"the {language} glossary has no term-{name}; write it there first")
        return f"]({glossary_url(language)}#term-{name})"

    return LINK.sub(address, text)


@cache
def known_terms(language: str) -> frozenset[str]:
    """The anchors of a glossary's entries, without `term-`."""
    glossary = ROOT / "book" / "pages" / language / "glossary.md"
    return frozenset(ANCHOR.findall(glossary.read_text("utf-8")))


@cache
def glossary_url(language: str) -> str:
    """Address of the published glossary of a language."""
    (book,) = (book for book in read_books(ROOT) if book.language == language)
    return f"{book.url}book/pages/{language}/glossary.html"
