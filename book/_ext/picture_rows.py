"""Sphinx extension: the rows of a picture have titles in the page's language, beside it.

Both books share the pictures that code draws, so these say symbols. The titles of their rows stand
in the metadata of the notebook's Markdown cells, where captions and alternative texts stand:
`"rows": [["original", "VQVAE"], null]` has a list for each picture, or null.
"""

import json
from pathlib import Path

from docutils import nodes
from picture_alt import passages, pictures

AFTER_CAPTIONS = 600  # which look for the picture where it was


def title_rows(doctree: nodes.document, cells: list[dict]) -> None:
    """Put the titles of rows beside what code has drawn, in place."""
    drawn = pictures(doctree)
    for rows, indices in passages(cells, "rows"):
        shown = [picture for index in indices for picture in drawn.get(index, [])]
        for picture, titles in zip(shown, rows, strict=False):
            if titles:
                beside(picture, titles)


def beside(picture: nodes.Element, titles: list[str]) -> None:
    """Put a picture and the titles of its rows into one box, in its place."""
    box = nodes.container(classes=["titled-rows"])
    picture.replace_self(box)
    box += nodes.container(
        "", *(nodes.paragraph(title, title) for title in titles), classes=["row-titles"]
    )
    box += picture


def title_pictures(app, doctree):
    """Handler of `doctree-read`."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix == ".ipynb":
        title_rows(doctree, json.loads(path.read_text("utf-8"))["cells"])


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("doctree-read", title_pictures, priority=AFTER_CAPTIONS)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
