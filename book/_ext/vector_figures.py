"""Sphinx extension: show the drawn figures of a notebook as vectors.

A notebook carries its figures as PNG data URIs, so that it stands alone in Colab and on GitHub.
The book has the SVG files at hand: it takes those, sharp at any size and a tenth of the page's
weight. The cell's metadata names them in order: `"figures": ["two_stages", ...]`.
"""

import json
import re
from itertools import count
from os.path import relpath
from pathlib import Path, PurePosixPath

from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
DATA_URI = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=]+")
RENDERED = "book/figures/rendered"


def swap_in_cell(source: str, figures: list[str]) -> str:
    """Replace the k-th embedded picture of a Markdown cell by the k-th of `figures`.

    Raises ValueError where the two differ in number.
    """
    found = len(DATA_URI.findall(source))
    if found != len(figures):
        raise ValueError(f"{found} embedded pictures for the {len(figures)} figures {figures}")
    position = count()
    return DATA_URI.sub(lambda _: figures[next(position)], source)


def swap_in_notebook(notebook: dict, docname: str) -> None:
    """Point every named figure of the notebook, in place, at its SVG file."""
    page = PurePosixPath(docname)
    language = page.parent.name  # notebooks/<language>/<chapter>
    folder = relpath(RENDERED, page.parent)
    for cell in notebook["cells"]:
        names = cell["metadata"].get("figures")
        if names is not None:
            files = [f"{folder}/{name}.{language}.svg" for name in names]
            cell["source"] = swap_in_cell("".join(cell["source"]), files)


def swap_in_source(app, docname, source):
    """Handler of `source-read`: `source[0]` is the notebook's JSON text, and what is read next."""
    if Path(app.env.doc2path(docname)).suffix != ".ipynb":
        return
    notebook = json.loads(source[0])
    try:
        swap_in_notebook(notebook, docname)
    except ValueError as error:
        LOGGER.warning("figures: %s", error, location=docname)
    source[0] = json.dumps(notebook)


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("source-read", swap_in_source)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
