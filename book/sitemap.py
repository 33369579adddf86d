"""The site's map for search engines: every page, with its twins in the other languages."""

from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent, register_namespace

from books import Book, pages

SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
XHTML = "http://www.w3.org/1999/xhtml"


def twins(books: list[Book]) -> list[dict[str, str]]:
    """For each page of the course its address in every language."""
    addresses = [[f"{book.url}{page}.html" for page in pages(book.toc)] for book in books]
    languages = [book.about["hreflang"] for book in books]
    return [dict(zip(languages, page, strict=True)) for page in zip(*addresses, strict=True)]


def write_sitemap(books: list[Book], site: Path) -> None:
    """Write `sitemap.xml`."""
    register_namespace("", SITEMAP)
    register_namespace("xhtml", XHTML)
    root = Element(f"{{{SITEMAP}}}urlset")
    for page in twins(books):
        for address in page.values():
            url = SubElement(root, f"{{{SITEMAP}}}url")
            SubElement(url, f"{{{SITEMAP}}}loc").text = address
            for language, twin in page.items():
                link = {"rel": "alternate", "hreflang": language, "href": twin}
                SubElement(url, f"{{{XHTML}}}link", link)
    indent(root)
    ElementTree(root).write(site / "sitemap.xml", "utf-8", xml_declaration=True)
