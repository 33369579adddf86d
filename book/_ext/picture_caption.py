"""Sphinx extension: pictures have a caption in the page's language.

For pictures that code draws, the captions stand where their alternative texts stand, in the
metadata of the notebook's Markdown cells: `"captions": ["…"]`. For drawn figures and other pictures
of the text a caption is the title of the Markdown image: `![what is there](address "what to see")`.

What code draws gets a box, in which it may scroll; the caption stands below that and stays.
"""

import json
import re
from pathlib import Path

from docutils import nodes
from picture_alt import passages, pictures

PART = re.compile(r"\$([^$]+)\$|`([^`]+)`")


def caption(text: str) -> nodes.paragraph:
    """A caption as a paragraph; it may hold formulas `$…$` and code in backticks."""
    made = nodes.paragraph(classes=["picture-caption"])
    end = 0
    for found in PART.finditer(text):
        made += nodes.Text(text[end : found.start()])
        formula, code = found.groups()
        made += nodes.math(formula, formula) if formula else nodes.literal(code, code)
        end = found.end()
    made += nodes.Text(text[end:])
    return made


def caption_outputs(doctree: nodes.document, cells: list[dict]) -> None:
    """Put captions below what code has drawn, in place."""
    drawn = pictures(doctree)
    for captions, indices in passages(cells, "captions"):
        shown = [picture for index in indices for picture in drawn.get(index, [])]
        for picture, text in zip(shown, captions, strict=False):
            box = nodes.container(classes=["picture"])
            picture.replace_self([box, caption(text)])
            box += picture


def caption_text(doctree: nodes.document) -> None:
    """Put captions below the pictures of the text that have a title, in place."""
    for image in list(doctree.findall(nodes.image)):
        if image.get("title") and isinstance(image.parent, nodes.paragraph):
            paragraph = image.parent
            below = paragraph.parent.index(paragraph) + 1
            paragraph.parent.insert(below, caption(image.attributes.pop("title")))


def caption_pictures(app, doctree):
    """Handler of `doctree-read`."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix == ".ipynb":
        caption_outputs(doctree, json.loads(path.read_text("utf-8"))["cells"])
    caption_text(doctree)


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("doctree-read", caption_pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
