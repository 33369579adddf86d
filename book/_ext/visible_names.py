"""Sphinx extension: controls are called what is written on them.

Some labels of the theme and of MyST-NB replace the words that one sees, so that somebody who says
"click Search" to the computer finds nothing. Without them the words themselves are the name.
"""

import re
from pathlib import Path

REPLACEMENTS = (
    # Folded code: "Show code cell source" stands on it.
    (re.compile(r'<summary aria-label="[^"]*">'), "<summary>"),
    # The search button of the side bar: "Search Ctrl+K".
    (re.compile(r'(<button class="btn search-button-field[^>]*?) title="[^"]*"'), r"\1"),
    (re.compile(r'(<button class="btn search-button-field[^>]*?) aria-label="[^"]*"'), r"\1"),
    # The icons in the button "Color mode" would have names of their own.
    (re.compile(r'(<i class="theme-switch [^>]*?) title="[^"]*"'), r"\1"),
)


def keep_visible_names(html: str) -> str:
    """A page without the labels that hide other words."""
    for pattern, replacement in REPLACEMENTS:
        html = pattern.sub(replacement, html)
    return html


def finish_pages(app, exception):
    """Handler of `build-finished`."""
    for page in Path(app.outdir).rglob("*.html") if not exception else ():
        page.write_text(keep_visible_names(page.read_text("utf-8")), "utf-8")


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("build-finished", finish_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
