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


def test_the_front_doors_lead_to_the_first_pages(rendered_book):
    for door in (rendered_book / "index.html", rendered_book / "zh/index.html"):
        links = [link["href"] for link in soup_of(door).select("a")]
        assert links
        assert [href for href in links if is_broken(door, href)] == []


@pytest.mark.parametrize(("language", "page"), NOTEBOOKS)
def test_drawn_figures_are_vectors(file, language, page):
    notebook = json.loads((ROOT / f"{page}.ipynb").read_text("utf-8"))
    names = [name for cell in notebook["cells"] for name in cell["metadata"].get("figures", [])]
    sources = [image["src"] for image in soup_of(file).select("article img")]
    assert [source[:40] for source in sources if source.startswith("data:")] == []
    shown = [Path(source).name for source in sources]
    assert [f"{name}.{language}.svg" for name in names] == [
        name for name in shown if name.endswith(".svg") and name.split(".")[0] in names
    ]


@pytest.mark.parametrize("language", BOOKS)
def test_the_first_page_names_machines_in_its_own_words(rendered_book, language):
    page = BOOKS[language].toc["root"]
    file = rendered_book / ("" if language == "en" else language) / f"{page}.html"
    text = soup_of(file).select_one("article").text
    words = {"en": "one thread of an x86_64 CPU", "zh": "x86_64 CPU 的一个线程"}
    assert text.count(words[language]) == 4
    assert "1 threads" not in text


@pytest.mark.parametrize(("language", "page"), NOTEBOOKS)
def test_a_chapter_can_be_run_taken_away_and_printed(file, language, page):
    (line,) = soup_of(file).select("article h1 + ul.chapter-head")
    colab, notebook, pdf, minutes = line.select("li > *")
    repository = BOOKS["en"].config["repository"]
    owner = urlsplit(repository["url"]).path
    blob = f"/github{owner}/blob/{repository['branch']}/{page}.ipynb"
    assert colab["href"] == f"https://colab.research.google.com{blob}"
    assert follow(file, notebook["href"]).read_bytes() == (ROOT / f"{page}.ipynb").read_bytes()
    assert (pdf.name, pdf.text) == ("button", "PDF")
    source = (ROOT / f"book/chapters/{Path(page).name}.md").read_text("utf-8")
    stated = {"en": r"\*\*Time:\*\* about (\d+) minutes", "zh": r"\*\*时间：\*\* 约 (\d+) 分钟"}
    assert re.findall(r"\d+", minutes.text) == re.findall(stated[language], source)


@pytest.mark.parametrize(("language", "page"), PAGES)
def test_a_page_belongs_to_a_part_and_scaffolding_is_marked(file, language, page):
    parts = [[entry["file"] for entry in part["chapters"]] for part in BOOKS[language].toc["parts"]]
    number = next((n for n, files in enumerate(parts, start=1) if page in files), 0)
    soup = soup_of(file)
    assert [f"part-{number}"] == [
        name for name in soup.select_one("article h1").parent["class"] if name.startswith("part-")
    ]
    if page.startswith("notebooks/"):
        for name in ("learn", "summary", "full-scale"):
            assert len(soup.select(f"article section.{name} > h2")) == 1, name


# --- Nothing from elsewhere, nothing left to do ---------------------------------------------------


@every_page
def test_a_page_loads_nothing_from_another_host(file):
    loaded = soup_of(file).select("[src], link[rel=stylesheet], link[rel=preload], link[rel=icon]")
    found = [element.get("src") or element.get("href") for element in loaded]
    assert [address for address in found if urlsplit(address).netloc] == []


@every_page
def test_no_formula_is_left_as_tex(file):
    soup = soup_of(file)
    assert all(math.find("mjx-container") for math in soup.select(".math.notranslate"))
    assert "MathJax" not in " ".join(script.get_text() for script in soup.select("script"))


@every_page
def test_a_page_has_a_title_of_its_own(file, language, page):
    title = soup_of(file).title.get_text()
    assert title.count(BOOKS[language].config["title"]) == 1


@pytest.mark.parametrize(("language", "page"), PAGES)
def test_a_page_says_what_it_is_about(file, language, page):
    soup = soup_of(file)
    description = soup.select_one('meta[name="description"]')["content"]
    assert 10 < len(description) <= 200
    assert "\\" not in description, "no TeX"
    address = f"{BOOKS[language].url}{page}.html"
    assert soup.select_one('meta[property="og:url"]')["content"] == address
    assert soup.select_one('link[rel="canonical"]')["href"] == address
    assert soup.select_one('meta[property="og:title"]')["content"] in soup.title.get_text()


@every_page
def test_thebe_is_not_there(file):
    assert "thebe" not in file.read_text("utf-8").lower()


@pytest.mark.parametrize("language", BOOKS)
def test_our_style_sheets_are_one_file(rendered_book, language):
    sheets = BOOKS["en"].config["sphinx"]["config"]["style_sheets"]
    static = file_of(rendered_book, language, "_static/style").parent
    style = (static / "style.css").read_text("utf-8")
    for name in sheets:
        assert (ROOT / "book/_static" / name).read_text("utf-8") in style
        assert not (static / name).exists()
    page = soup_of(file_of(rendered_book, language, f"book/pages/{language}/glossary"))
    loaded = [link["href"].split("/")[-1].split("?")[0] for link in page.select("link[href*=css]")]
    assert loaded.count("style.css") == 1
    assert not set(sheets) & set(loaded)
