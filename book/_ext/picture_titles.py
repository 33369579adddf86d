"""Sphinx extension: rows and columns of a picture have titles in the page's language, beside it.

Both books share the pictures that code draws, so these say symbols. The titles stand in the
metadata of the notebook's Markdown cells, where captions and alternative texts stand:
`"rows": [["original", "VQVAE"], null]` and `"columns"` have a list for each picture, or null.
"""

import json
from pathlib import Path

from docutils import nodes
from picture_alt import passages, pictures

AFTER_CAPTIONS = 600  # which look for the picture where it was
CLASSES = {"rows": "row-titles", "columns": "column-titles"}


def title_pictures(doctree: nodes.document, cells: list[dict]) -> None:
    """Put titles beside and above what code has drawn, in place."""
    drawn, boxes = pictures(doctree), {}
    for what, name in CLASSES.items():
        for titles_of_each, indices in passages(cells, what):
            shown = [picture for index in indices for picture in drawn.get(index, [])]
            for picture, titles in zip(shown, titles_of_each, strict=False):
                if titles:
                    if picture not in boxes:
                        boxes[picture] = boxed(picture)
                    texts = (nodes.paragraph(title, title) for title in titles)
                    boxes[picture].insert(0, nodes.container("", *texts, classes=[name]))


def boxed(picture: nodes.Element) -> nodes.Element:
    """A box around the box in which a picture scrolls, in its place."""
    box, scrolls = nodes.container(classes=["titled-picture"]), picture.parent
    around = scrolls.parent
    around[around.index(scrolls)] = box  # `replace_self` would hand its classes on
    box += scrolls
    return box


def title_page(app, doctree):
    """Handler of `doctree-read`."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix == ".ipynb":
        title_pictures(doctree, json.loads(path.read_text("utf-8"))["cells"])


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("doctree-read", title_page, priority=AFTER_CAPTIONS)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
