"""Around the books: front doors, the page for the lost, sitemap, descriptions, zip and PDF."""

import re
from xml.etree import ElementTree
from zipfile import ZipFile

import docutils.nodes as nodes
import pytest
from bs4 import BeautifulSoup

from _ext.page_description import describe, first_sentences, metatags
from books import pages, read_books
from build import ROOT
from front_pages import write_front_pages
from offline import pack, version
from one_page import address, anchor, one_page
from sitemap import twins, write_sitemap
from vqlib.course.pretrained import pretrained_record

BOOKS = read_books(ROOT)
ENGLISH, CHINESE = BOOKS
BASE = "https://vqlib-course.github.io/vqlib/"


@pytest.fixture
def site(tmp_path):
    (tmp_path / "zh").mkdir()
    write_front_pages(BOOKS, tmp_path)
    write_sitemap(BOOKS, tmp_path)
    return tmp_path


def soup(file):
    return BeautifulSoup(file.read_text("utf-8"), "html.parser")


# --- Doors --------------------------------------------------------------------------------------


def test_the_front_page_offers_both_books_in_their_language(site):
    sections = soup(site / "index.html").select("main section")
    assert [section["lang"] for section in sections] == ["en", "zh-CN"]
    for section, book in zip(sections, BOOKS, strict=True):
        assert section.find(["h1", "h2"]).get_text() == book.config["title"]
        assert section.a["href"] == f"{book.path}{book.toc['root']}.html"
        assert section.a["hreflang"] == section["lang"]


def test_the_page_for_the_lost_leads_home_from_any_depth(site):
    page = soup(site / "404.html")
    assert [link["href"] for link in page.select("main a")] == [
        f"/vqlib/{book.path}{book.toc['root']}.html" for book in BOOKS
    ]
    assert page.select('script, link[rel="stylesheet"], img') == [], "complete in itself"


def test_a_book_in_a_folder_has_its_own_door(site):
    door = soup(site / "zh/index.html")
    assert door.html["lang"] == "zh-CN"
    assert door.a["href"] == f"{CHINESE.toc['root']}.html"


# --- First pages ----------------------------------------------------------------------------------


def first_page(site, book):
    return soup(site / book.folder / f"{book.toc['root']}.html").select_one("article")


def test_the_first_pages_have_the_same_structure(rendered_book):
    outlines = [
        [(tag.name, tag.get("class")) for tag in first_page(rendered_book, book).find_all(True)]
        for book in BOOKS
    ]
    kept = {"div", "figure", "img", "h1", "h2", "button", "details", "ol", "pre"}
    english, chinese = ([tag for tag in outline if tag[0] in kept] for outline in outlines)
    assert english == chinese


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.language)
def test_the_first_page_leads_to_every_chapter_and_counts_their_hours(rendered_book, book):
    article = first_page(rendered_book, book)
    chapters = [page for page in pages(book.toc) if page.startswith("notebooks/")]
    listed = article.select(".front-chapters li")
    assert [row.a["href"].split("/")[-1] for row in listed] == [
        f"{page.split('/')[-1]}.html" for page in chapters
    ]
    minutes = sum(int(row.span.get_text().split()[0]) for row in listed)
    facts = article.select_one(".front-facts").get_text()
    numbers = re.findall(r"\d+", facts)
    assert numbers[2:] == [str(len(chapters)), str(round(minutes / 60))]  # after CC BY 4.0


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.language)
def test_the_first_page_quotes_the_records(rendered_book, book):
    text = first_page(rendered_book, book).get_text()
    for name in ("photos_vqvae", "photos_vqgan"):
        record = pretrained_record(name)
        assert f"{record['held_out']['psnr_db']:.1f}" in text
        assert f" {round(record['seconds'] / 60)} " in text


# --- The address of the site ----------------------------------------------------------------------


def test_the_settings_are_the_home_of_the_address():
    assert (ENGLISH.url, CHINESE.url) == (BASE, f"{BASE}zh/")


def test_the_sitemap_has_every_page_with_its_twin(site):
    root = ElementTree.parse(site / "sitemap.xml").getroot()
    space = {
        "s": "http://www.sitemaps.org/schemas/sitemap/0.9",
        "x": "http://www.w3.org/1999/xhtml",
    }
    listed = [url.findtext("s:loc", namespaces=space) for url in root.findall("s:url", space)]
    assert sorted(listed) == sorted(
        f"{book.url}{page}.html" for book in BOOKS for page in pages(book.toc)
    )
    for url in root.findall("s:url", space):
        links = {link.get("hreflang"): link.get("href") for link in url.findall("x:link", space)}
        assert set(links) == {"en", "zh-CN"}
        assert url.findtext("s:loc", namespaces=space) in links.values()


def test_twins_stand_together():
    first = twins(BOOKS)[0]
    assert first["en"].endswith("/book/pages/en/preface.html")
    assert first["zh-CN"].endswith("/zh/book/pages/zh/preface.html")


# --- Descriptions ---------------------------------------------------------------------------------


def paragraph(*parts):
    return nodes.paragraph("", "", *(nodes.Text(p) if isinstance(p, str) else p for p in parts))


def document(*parts):
    return nodes.section("", nodes.title("", "Title"), *parts)


def test_a_page_is_described_by_its_first_paragraph():
    quote = nodes.block_quote("", paragraph("A quote."))
    page = document(quote, paragraph("One\nsentence. Another one."), paragraph("More."))
    assert describe(page) == "One sentence. Another one."


def test_a_description_ends_before_a_formula():
    page = document(paragraph("第一句。第二句里有 ", nodes.math("", "z_q"), "，看不到。"))
    assert describe(page).startswith("第一句。")
    assert "z_q" not in describe(page)


def test_a_long_paragraph_ends_with_a_sentence():
    text = "Short. " + "word " * 60 + "end."
    assert first_sentences(text) == "Short."
    assert first_sentences("词" * 300) == "词" * 199 + "…"
    assert first_sentences("PSNR is 27.2 dB. Good.") == "PSNR is 27.2 dB. Good."


def test_metatags_are_escaped():
    tags = metatags({"title": 'a "b" <c>', "description": "d", "url": ""})
    assert 'property="og:title" content="a &quot;b&quot; &lt;c&gt;"' in tags
    assert '<meta name="description" content="d" />' in tags
    assert "og:url" not in tags


# --- Copies to take away --------------------------------------------------------------------------


def test_the_zip_holds_the_site_in_one_folder(site, tmp_path_factory):
    target = tmp_path_factory.mktemp("zip") / "vqlib-book-1.2.zip"
    with ZipFile(pack(site, target)) as archive:
        assert archive.namelist() == ["vqlib-book-1.2/index.html", "vqlib-book-1.2/zh/index.html"]
    first = target.read_bytes()
    pack(site, target)
    assert target.read_bytes() == first, "the same site makes the same file"


def test_the_version_is_that_of_the_library():
    assert f'version = "{version()}"' in (ROOT / "pyproject.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("href", "target"),
    [
        ("#loss", "#book-pages-en-setup--loss"),
        ("notation.html", "#book-pages-en-notation"),
        ("notation.html#sizes", "#book-pages-en-notation--sizes"),
        ("../../../zh/book/pages/zh/setup.html", f"{BASE}zh/book/pages/zh/setup.html"),
        ("https://arxiv.org/abs/2012.09841", "https://arxiv.org/abs/2012.09841"),
    ],
)
def test_links_on_the_one_page_lead_within_it_where_they_can(href, target):
    assert address(href, "book/pages/en/setup", ENGLISH) == target


def test_the_one_page_holds_every_article(rendered_book):
    files = {page: rendered_book / "zh" / f"{page}.html" for page in pages(CHINESE.toc)}
    sources = {page: file.read_text("utf-8") for page, file in files.items()}
    page = BeautifulSoup(one_page(CHINESE, sources, "1.2"), "html.parser")
    assert [article["id"] for article in page.select("article")] == list(
        map(anchor, pages(CHINESE.toc))
    )
    ids = {element["id"] for element in page.select("[id]")}
    inside = [link["href"] for link in page.select('a[href^="#"]')]
    assert [href for href in inside if href.removeprefix("#") not in ids] == []
    shapes = {use["xlink:href"].removeprefix("#") for use in page.select("mjx-container use")}
    assert shapes <= ids
    assert [
        image["src"]
        for image in page.select("img")
        if not (rendered_book / "zh" / image["src"]).is_file()
    ] == []
