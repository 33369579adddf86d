"""The pages outside the books: the front doors, and what a web server shows for no page at all."""

from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from books import Book

BOOK = Path(__file__).resolve().parent
TEMPLATES = BOOK / "_templates/plain"
LOGO = BOOK / "_static/favicon.svg"


def introduce(book: Book) -> dict:
    """What a template says of one book."""
    start = {"hreflang": book.about["hreflang"], "start": f"{book.path}{book.toc['root']}.html"}
    return {**book.about, **start, "door": start, "title": book.config["title"]}


def write_front_pages(books: list[Book], site: Path) -> None:
    """Write `index.html`, which opens the book in the reader's language, and `404.html`.

    A book in a folder gets a front door of its own, for those who type the folder's address.
    """
    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    common = {
        "books": [introduce(book) for book in books],
        "base_url": books[0].url,
        "base_path": urlsplit(books[0].url).path,
        "logo": Markup(LOGO.read_text("utf-8")),
    }
    for name in ("index.html", "404.html"):
        (site / name).write_text(jinja.get_template(name).render(common), "utf-8")
    for book in filter(lambda book: book.folder, books):
        door = jinja.get_template("door.html").render(introduce(book), root=book.toc["root"])
        (site / book.folder / "index.html").write_text(door, "utf-8")
