"""The queries of `queries.yml`, typed into the search box of a page."""

import re
from pathlib import Path

import pytest
import yaml

from books import read_books
from build import ROOT

BOOKS = {book.language: book for book in read_books(ROOT)}
QUERIES = yaml.safe_load(Path(__file__).with_name("queries.yml").read_text("utf-8"))
NUMBER = re.compile(r"/(\d\d)_")
EVERY_QUERY = [
    (language, query, page)
    for language, queries in QUERIES.items()
    for query, page in queries.items()
]


def first_page(language):
    return f"{BOOKS[language].path}{BOOKS[language].toc['root']}.html"


def search(page, query):
    """Type a query as a reader does, in the box behind the button of the side bar."""
    page.locator(".search-button-field").click()
    page.locator("#pst-search-dialog input").fill(query)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    wait_for_results(page)


def search_again(page, query):
    """The same in the box of the search page itself."""
    page.locator(".bd-search-container input").fill(query)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    wait_for_results(page)


def wait_for_results(page):
    """Sphinx writes its summary when it has shown the last result.

    Its `_pulse_status` is no sign of that: a beat that was still to come sets it again after the
    end of the search.
    """
    page.wait_for_function("Search.status?.innerText.trim()")


def results(page):
    """The addresses of the results, best first."""
    return [link.get_attribute("href") for link in page.locator("#search-results li > a").all()]


@pytest.fixture(scope="module")
def search_pages(open_page_for_module):
    """The search page of each language, opened once for all queries."""
    return {
        language: open_page_for_module(f"{BOOKS[language].path}search.html") for language in BOOKS
    }


@pytest.mark.parametrize(("language", "query", "wanted"), EVERY_QUERY)
def test_a_query_finds_its_page(search_pages, language, query, wanted):
    visit = search_pages[language]
    search_again(visit.page, query)
    found = results(visit.page)
    assert any(f"/{wanted}.html" in address for address in found), found
    assert visit.errors + visit.failed + visit.foreign == []


@pytest.mark.parametrize("language", BOOKS)
def test_every_page_has_a_search_box(open_page, language):
    visit = open_page(first_page(language))
    search(visit.page, "VQVAE")
    assert len(results(visit.page)) > 2


@pytest.mark.parametrize(
    ("language", "query", "anchor"),
    [("zh", "码本坍缩", "#term-codebook-collapse"), ("en", "perplexity", "#term-perplexity")],
)
def test_a_term_leads_to_its_definition(open_page, language, query, anchor):
    visit = open_page(first_page(language))
    search(visit.page, query)
    assert results(visit.page)[0].endswith(f"glossary.html{anchor}")
    visit.page.locator("#search-results li > a").first.click()
    visit.page.wait_for_url(f"**/glossary.html{anchor}")
    assert visit.page.locator(anchor).is_visible()


@pytest.mark.parametrize(("language", "query"), [("zh", "延伸阅读"), ("en", "Further reading")])
def test_equally_good_chapters_come_in_reading_order(open_page, language, query):
    visit = open_page(first_page(language))
    search(visit.page, query)
    chapters = [found[1] for found in map(NUMBER.search, results(visit.page)) if found]
    assert len(set(chapters)) > 9
    assert chapters[:12] == sorted(chapters[:12])


def test_a_result_shows_the_words_around_the_match(open_page):
    visit = open_page(first_page("zh"))
    search(visit.page, "码本坍缩的原因")
    summary = visit.page.locator("#search-results li p.context").last
    summary.wait_for()
    assert visit.page.locator("#search-results .highlighted", has_text="码本坍缩").count()


def test_an_unknown_word_finds_nothing(open_page):
    visit = open_page(first_page("zh"))
    search(visit.page, "齉龘")
    assert results(visit.page) == []


@pytest.mark.parametrize(("language", "query"), [("zh", "滑动窗口"), ("en", "sliding window")])
def test_search_works_from_a_disk(open_page, disk, language, query):
    visit = open_page(first_page(language), base=disk)
    search(visit.page, query)
    assert any("glossary.html" in address for address in results(visit.page))
    assert visit.errors + visit.failed + visit.foreign == []
