"""The finished pages of both books, as a reader's browser gets them."""

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from books import pages, read_books
from build import ROOT

BOOKS = {book.language: book for book in read_books(ROOT)}
LANGUAGES = BOOKS["en"].config["sphinx"]["config"]["book_languages"]
PAGES = [(language, page) for language, book in BOOKS.items() for page in pages(book.toc)]
# Pages that Sphinx adds by itself.
OWN_PAGES = [(language, page) for language in BOOKS for page in ("search", "genindex")]
NOTEBOOKS = [(language, page) for language, page in PAGES if page.startswith("notebooks/")]

every_page = pytest.mark.parametrize(("language", "page"), PAGES + OWN_PAGES)

# What the theme and its extensions say in English where nobody has translated it.
ENGLISH = [
    "Back to top", "By The", "Click to", "Color mode", "Contents", "Copyright", "Dark",
    "Download", "Edit", "Fullscreen", "Hide code", "Last updated", "Launch", "Light", "Link to",
    "Main", "Next", "Open issue", "Page", "Previous", "Print", "Repository", "Search", "Show code",
    "Skip to", "Source repositor", "System Settings", "Toggle",
]  # fmt: skip


def file_of(site: Path, language: str, page: str) -> Path:
    return site / BOOKS[language].folder / f"{page}.html"


@cache
def soup_of(file: Path) -> BeautifulSoup:
    return BeautifulSoup(file.read_text("utf-8"), "html.parser")


@pytest.fixture
def file(rendered_book, language, page) -> Path:
    return file_of(rendered_book, language, page)


def follow(file: Path, href: str) -> Path:
    """The file to which a relative address in `file` leads."""
    return (file.parent / unquote(urlsplit(href).path)).resolve() if href else file


# --- Languages ----------------------------------------------------------------------------------


@every_page
def test_a_page_says_its_language(file, language):
    assert soup_of(file).html["lang"] == LANGUAGES[language]["hreflang"]


@every_page
def test_the_switch_leads_to_the_same_page_and_back(file, language, page, rendered_book):
    other = "zh" if language == "en" else "en"
    (link,) = soup_of(file).select(".language-switch a")
    there = follow(file, link["href"])
    assert there == file_of(rendered_book, other, page.replace(f"/{language}/", f"/{other}/"))
    (back,) = soup_of(there).select(".language-switch a")
    assert follow(there, back["href"]) == file


@every_page
def test_the_switch_is_in_the_other_language(file, language):
    other = LANGUAGES["zh" if language == "en" else "en"]
    (link,) = soup_of(file).select(".language-switch a")
    assert link["lang"] == link["hreflang"] == other["hreflang"]
    assert link.text.strip() == other["name"]
    assert other["name"] in link["aria-label"], "a label has to contain what one sees"
    (alternate,) = soup_of(file).select('link[rel="alternate"]')
    assert (alternate["hreflang"], alternate["href"]) == (other["hreflang"], link["href"])


def spoken_by_the_theme(soup: BeautifulSoup) -> list[str]:
    """Texts and labels of a page, without those of the article's author."""
    page = BeautifulSoup(str(soup), "html.parser")
    authors = "article p, article pre, article table, .language-switch, script, style"
    for element in page.select(authors):
        element.decompose()
    labels = ("alt", "aria-label", "placeholder", "title")
    spoken = [element[name] for name in labels for element in page.select(f"[{name}]")]
    return [*spoken, *page.stripped_strings]


@every_page
def test_the_theme_speaks_chinese_in_the_chinese_book(file, language):
    if language == "zh":
        spoken = spoken_by_the_theme(soup_of(file))
        assert [text for text in spoken if text.startswith(tuple(ENGLISH))] == []


# --- Links and pictures -------------------------------------------------------------------------


def addresses(soup: BeautifulSoup) -> list[str]:
    """Whatever a page links to or loads within the site."""
    found = [element["href"] for element in soup.select("a[href], link[href]")]
    found += [element["src"] for element in soup.select("[src]")]
    return [address for address in found if not urlsplit(address).scheme]


def is_broken(file: Path, address: str) -> bool:
    """Whether an address in `file` leads to no file, or to no such place in a page."""
    target, anchor = follow(file, address.split("#")[0]), unquote(urlsplit(address).fragment)
    if not target.is_file():
        return True
    return bool(anchor) and target.suffix == ".html" and not soup_of(target).find(id=anchor)


@every_page
def test_no_link_is_broken(file):
    found = addresses(soup_of(file))
    assert len(found) > 20, "a page of the theme has more links than that"
    assert [address for address in found if is_broken(file, address)] == []


@pytest.mark.parametrize("language", BOOKS)
def test_the_front_door_leads_to_the_first_page(rendered_book, language):
    door = rendered_book / BOOKS[language].folder / "index.html"
    target = re.search(r"url=([^\"]+)", door.read_text("utf-8"))[1]
    assert follow(door, target) == file_of(rendered_book, language, BOOKS[language].toc["root"])


@pytest.mark.parametrize(("language", "page"), NOTEBOOKS)
def test_drawn_figures_are_vectors(file, language, page):
    notebook = json.loads((ROOT / f"{page}.ipynb").read_text("utf-8"))
    names = [name for cell in notebook["cells"] for name in cell["metadata"].get("figures", [])]
    shown = [Path(image["src"]).name for image in soup_of(file).select("article img")]
    assert [f"{name}.{language}.svg" for name in names] == [
        name for name in shown if name.endswith(".svg") and name.split(".")[0] in names
    ]
    assert "data:image/png" not in file.read_text("utf-8")


@pytest.mark.parametrize(("language", "page"), NOTEBOOKS)
def test_a_notebook_opens_in_colab(file, page):
    (link,) = soup_of(file).select('a[href*="colab.research.google.com"].dropdown-item')
    repository = BOOKS["en"].config["repository"]
    owner = urlsplit(repository["url"]).path
    assert link["href"].endswith(f"/github{owner}/blob/{repository['branch']}/{page}.ipynb")


@every_page
def test_thebe_is_not_there(file):
    assert "thebe" not in file.read_text("utf-8").lower()
