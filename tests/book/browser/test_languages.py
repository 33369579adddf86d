"""Which language a reader gets, and that the site remembers the one that was chosen."""

import pytest

ENGLISH, CHINESE = "book/pages/en/preface.html", "zh/book/pages/zh/preface.html"


@pytest.mark.parametrize(
    ("locale", "book"), [("zh-CN", CHINESE), ("zh-TW", CHINESE), ("en-GB", ENGLISH)]
)
def test_the_front_page_opens_the_book_in_the_browsers_language(open_page, site, locale, book):
    visit = open_page("", locale=locale)
    visit.page.wait_for_url(site + book)
    assert visit.errors + visit.failed + visit.foreign == []


def test_the_front_page_offers_both_books_to_everybody_else(open_page, site):
    visit = open_page("", locale="fr-FR")
    assert visit.page.url == site
    assert visit.page.locator("main a").all_inner_texts() == ["English", "中文"]
    visit.page.locator("main a[hreflang=zh-CN]").click()
    visit.page.wait_for_url(site + CHINESE)
    visit.page.goto(site)
    visit.page.wait_for_url(site + CHINESE)
    assert visit.errors + visit.failed + visit.foreign == []


def test_the_front_page_works_without_javascript(open_page, site):
    visit = open_page("", java_script_enabled=False, locale="zh-CN")
    assert visit.page.url == site
    visit.page.locator("main a[hreflang=en]").click()
    visit.page.wait_for_url(site + ENGLISH)


def test_the_choice_counts_more_than_the_browsers_language(open_page, site):
    visit = open_page(ENGLISH, locale="en-GB")
    visit.page.locator(".language-switch a").click()
    visit.page.wait_for_url(site + CHINESE)
    visit.page.goto(site)
    visit.page.wait_for_url(site + CHINESE)
    visit.page.locator(".language-switch a").click()
    visit.page.wait_for_url(site + ENGLISH)
    visit.page.goto(site)
    visit.page.wait_for_url(site + ENGLISH)


def test_who_wants_to_choose_again_may_stay(open_page, site):
    visit = open_page("index.html#choose", locale="zh-CN")
    assert visit.page.url == f"{site}index.html#choose"
    assert visit.page.locator("main a").count() == 2


def test_the_front_page_works_from_a_disk(open_page, disk):
    visit = open_page("index.html", base=disk, locale="zh-CN")
    visit.page.wait_for_url(disk + CHINESE)
    assert visit.errors + visit.failed + visit.foreign == []


def test_the_address_of_a_book_leads_to_its_first_page(open_page, site):
    visit = open_page("zh/")
    visit.page.wait_for_url(site + CHINESE)


@pytest.mark.parametrize("dark", [False, True])
def test_a_first_visit_is_never_without_colours(open_page, dark):
    visit = open_page(ENGLISH, dark=dark)
    assert visit.page.locator("html").get_attribute("data-theme") == ("dark" if dark else "light")
    assert visit.errors == []
