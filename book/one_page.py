"""A whole book on one HTML page: the finished articles, one after the other, with links inside."""

from pathlib import PurePosixPath
from posixpath import dirname, join, normpath, relpath
from urllib.parse import unquote, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from books import Book, pages
from front_pages import LOGO, TEMPLATES

# What is of no use on paper.
SCREEN_ONLY = "script, style, button, input, .chapter-head, .headerlink"


def anchor(page: str, fragment: str = "") -> str:
    """The id, on the one page, of a place in a page of the book."""
    return "--".join(filter(None, (page.replace("/", "-"), fragment)))


def address(href: str, page: str, book: Book) -> str:
    """Where a link in `page` leads from the one page: within it, or to the published site."""
    url = urlsplit(href)
    if url.scheme:
        return href
    path = normpath(join(dirname(page), unquote(url.path))) if url.path else f"{page}.html"
    target = str(PurePosixPath(path).with_suffix(""))
    if target in pages(book.toc):
        return f"#{anchor(target, url.fragment)}"
    return urljoin(f"{book.url}{page}.html", href)


def adapt(article: Tag, page: str, book: Book) -> Tag:
    """Make an article, in place, a part of the one page: its ids, links, pictures, folded text."""
    for element in article.select(SCREEN_ONLY):
        element.decompose()
    for element in article.select("[id]"):
        element["id"] = anchor(page, element["id"])
    for link in article.select("a[href]"):
        link["href"] = address(link["href"], page, book)
    for picture in article.select("img[src]"):
        if not urlsplit(picture["src"]).scheme:
            picture["src"] = normpath(join(dirname(page), picture["src"]))
    for folded in article.select("details"):
        folded["open"] = ""
        del folded["hidden"]  # the answers to a question that had buttons
    article["id"] = anchor(page)
    return article


def glyphs(soups: dict[str, BeautifulSoup]) -> Markup:
    """The shapes that the formulas of all pages point at, each once."""
    shapes = [shape for soup in soups.values() for shape in soup.select("svg.glyphs path")]
    return Markup("".join({shape["id"]: str(shape) for shape in shapes}.values()))


def contents(book: Book, soups: dict[str, BeautifulSoup]) -> list[dict]:
    """The table of contents: parts with the titles of their pages."""
    parts = [{"caption": "", "chapters": [{"file": book.toc["root"]}]}, *book.toc["parts"]]
    return [
        {
            "caption": part["caption"],
            "pages": [
                {"id": anchor(page["file"]), "title": title(soups[page["file"]])}
                for page in part["chapters"]
            ],
        }
        for part in parts
    ]


def title(soup: BeautifulSoup) -> str:
    """A page's heading."""
    heading = soup.select_one("article h1")
    return heading.get_text().removesuffix("#").strip()


def style_sheets(soup: BeautifulSoup, page: str) -> list[str]:
    """The style sheets of a page, as seen from the book's folder."""
    sheets = [urlsplit(link["href"]).path for link in soup.select('link[rel="stylesheet"]')]
    return [relpath(join("/", dirname(page), sheet), "/") for sheet in sheets]


def one_page(book: Book, sources: dict[str, str], version: str) -> str:
    """The HTML of the one page, for a file in the book's folder of the built site.

    `sources` maps the pages of the book, in reading order, to their HTML.
    """
    soups = {page: BeautifulSoup(html, "html.parser") for page, html in sources.items()}
    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    first = book.toc["root"]
    return jinja.get_template("print.html").render(
        title=book.config["title"],
        author=book.config["author"],
        hreflang=book.about["hreflang"],
        url=book.url,
        version=version,
        logo=Markup(LOGO.read_text("utf-8")),
        style_sheets=style_sheets(soups[first], first),
        glyphs=glyphs(soups),
        parts=contents(book, soups),
        articles=[
            Markup(adapt(soup.select_one("article"), page, book)) for page, soup in soups.items()
        ],
    )
