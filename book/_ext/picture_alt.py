"""Sphinx extension: say what the pictures drawn by code show, in the page's language.

Both books share the code and its outputs, so the words stand in the metadata of the notebook's
Markdown cells: `"alt": ["the first picture", ...]` describes, in order, what the code cells put out
down to the next Markdown cell. Without this, MyST-NB would read out a file name.
"""

import json
from pathlib import Path

from docutils import nodes
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
WIDGET = "application/vnd.jupyter.widget-view+json"


def passages(cells: list[dict], what: str = "alt") -> list[tuple[list[str] | dict, list[int]]]:
    """What each Markdown cell's metadata say of `what`, and where the code cells below it are."""
    found = [([], [])]
    for index, cell in enumerate(cells):
        if cell["cell_type"] == "markdown":
            found.append((cell["metadata"].get(what, []), []))
        elif cell["cell_type"] == "code":
            found[-1][1].append(index)
    return found


def is_picture(node: nodes.Node) -> bool:
    """Whether a node is one output, in all its formats, that a page shows as a picture."""
    if not isinstance(node, nodes.container) or node.get("nb_element") != "mime_bundle":
        return False
    kinds = [child.get("mime_type", "") for child in node.children]
    return WIDGET not in kinds and any(kind.startswith("image/") for kind in kinds)


def pictures(doctree: nodes.document) -> dict[int, list[nodes.Element]]:
    """The pictures of each code cell that has some, by the cell's position in the notebook."""
    found = {}
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") == "cell_code":
            found[cell["cell_index"]] = list(cell.findall(is_picture))
    return found


def describe(doctree: nodes.document, cells: list[dict]) -> list[str]:
    """Set the `alt` of all pictures, in place; return a line for each text that does not fit."""
    drawn, problems = pictures(doctree), []
    for texts, indices in passages(cells):
        shown = [picture for index in indices for picture in drawn.get(index, [])]
        if len(shown) != len(texts):
            where = f"code cells {indices[0] + 1} to {indices[-1] + 1}" if indices else "no code"
            problems.append(f"{where} show {len(shown)} pictures, the text describes {len(texts)}")
        for picture, text in zip(shown, texts, strict=False):
            for image in picture.findall(nodes.image):
                image["alt"] = text
    return problems


def describe_pictures(app, doctree):
    """Handler of `doctree-read`."""
    docname = app.env.docname
    path = Path(app.env.doc2path(docname))
    if path.suffix == ".ipynb":
        for problem in describe(doctree, json.loads(path.read_text("utf-8"))["cells"]):
            LOGGER.warning("alt texts: %s", problem, location=docname)


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("doctree-read", describe_pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
