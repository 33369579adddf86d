"""Sphinx extension: a notebook's links to the published glossary lead to the one in this book."""

import json
import re
from pathlib import Path

PUBLISHED = r"\]\({baseurl}[\w/-]*/glossary\.html(#term-[a-z0-9-]+)\)"


def link_inside(app, docname, source):
    """Handler of `source-read`: `source[0]` is the notebook's JSON text, and what is read next."""
    if Path(app.env.doc2path(docname)).suffix != ".ipynb":
        return
    published = re.compile(PUBLISHED.format(baseurl=re.escape(app.config.html_baseurl)))
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = published.sub(r"](\1)", "".join(cell["source"]))
    source[0] = json.dumps(notebook)


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("source-read", link_inside)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
