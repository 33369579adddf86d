"""Sphinx extension: every page links to the same page in the other languages.

The languages are data (`book_languages` in _config.yml). A page's twin has the same name with its
own language as the folder: `notebooks/en/04_vqvae` and `notebooks/zh/04_vqvae`.
"""

from html import escape
from posixpath import dirname, join, relpath


def twin(page: str, here: str, there: str) -> str:
    """Name of `page` in another language; a page of neither (search, genindex) keeps its name."""
    return "/".join(there if part == here else part for part in page.split("/"))


def switch_href(page: str, here: str, there: str, languages: dict) -> str:
    """Relative address, seen from `page` of the book `here`, of its twin in the book `there`."""
    start = join("/", languages[here]["folder"], page)
    target = join("/", languages[there]["folder"], twin(page, here, there) + ".html")
    return relpath(target, dirname(start))


def links_to_twins(page: str, here: str, languages: dict) -> list[dict]:
    """What the template needs for one link per other language."""
    return [
        {**language, "href": switch_href(page, here, code, languages)}
        for code, language in languages.items()
        if code != here
    ]


def alternates(links: list[dict]) -> str:
    """`<link>` elements that tell search engines of the other languages."""
    return "".join(
        f'\n<link rel="alternate" hreflang="{link["hreflang"]}" href="{escape(link["href"])}" />'
        for link in links
    )


def add_to_page(app, pagename, templatename, context, doctree):
    """Handler of `html-page-context`: give the page's template its links."""
    links = links_to_twins(pagename, app.config.book_language, app.config.book_languages)
    context["language_links"] = links
    context["metatags"] = context.get("metatags", "") + alternates(links)


def setup(app):
    """Register the extension with Sphinx."""
    app.add_config_value("book_language", "en", "html")
    app.add_config_value("book_languages", {}, "html")
    app.connect("html-page-context", add_to_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
