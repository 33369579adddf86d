"""Print each book into one PDF file: `python book/pdf.py`.

Needs the built book in `_build/html`, a Chromium, which is looked for and installed as for the
tests, and a font with Chinese (on Debian and Ubuntu: fonts-noto-cjk). Bookmarks and links work.
"""

import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from books import Book, BuildError, pages, read_books
from build import BUILD, ROOT, SITE
from chromium import launch
from offline import version
from one_page import one_page

PAGE_NUMBER = """\
<div style="font: 8px sans-serif; text-align: center; width: 100%"><span class="pageNumber"></span>
</div>"""
MARGIN = {"top": "18mm", "bottom": "18mm", "left": "18mm", "right": "18mm"}

# A character without a font is drawn as an empty box, and so is one that does not exist.
DRAWS_CHINESE = """() => {
  const draw = (character) => {
    const canvas = document.createElement("canvas");
    const context = canvas.getContext("2d");
    context.font = "40px sans-serif";
    context.fillText(character, 10, 50);
    return canvas.toDataURL();
  };
  return draw("码") !== draw("\\u{10FFFE}") && draw("码") !== draw("本");
}"""


def check_font(page: Page) -> None:
    """Raise BuildError where Chromium has no font with Chinese."""
    if not page.evaluate(DRAWS_CHINESE):
        raise BuildError(
            "No font here has Chinese characters. On Debian and Ubuntu install one with\n"
            "  apt-get install fonts-noto-cjk"
        )


def shown(book: Book, folder: Path, page: Page) -> dict[str, str]:
    """The pages of a book as the browser shows them: a widget is a picture then."""
    sources = {}
    for name in pages(book.toc):
        page.goto((folder / f"{name}.html").as_uri())
        sources[name] = page.content()
    return sources


def print_book(book: Book, browser: Browser, target: Path) -> None:
    """Write one book into a PDF file."""
    folder = SITE / book.folder
    whole = folder / "print.html"
    page = browser.new_page()
    try:
        whole.write_text(one_page(book, shown(book, folder, page), version()), "utf-8")
        page.goto(whole.as_uri())
        check_font(page)
        page.pdf(
            path=target,
            format="A4",
            margin=MARGIN,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=PAGE_NUMBER,
            print_background=True,
            outline=True,
            tagged=True,
        )
    finally:
        page.close()
        whole.unlink(missing_ok=True)


def print_books() -> None:
    """Print all books of the site."""
    if not (SITE / "index.html").exists():
        raise BuildError("There is no book to print. Build it first: python book/build.py")
    with sync_playwright() as playwright:
        browser, name = launch(playwright)
        print(f"Printing with {name}")
        for book in read_books(ROOT):
            target = BUILD / f"vqlib-book-{version()}.{book.language}.pdf"
            print_book(book, browser, target)
            print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")
        browser.close()


def main() -> int:
    """Command line; returns the exit status."""
    try:
        print_books()
    except (BuildError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
