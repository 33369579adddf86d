"""Sphinx extension: tables that code has made get headings in the page's language.

Such a table says keys, `<th data-word="psnr">psnr</th>` (`vqlib.show.show_table`). The words for
them stand in the metadata of the notebook's Markdown cells, `"words": {"psnr": "PSNR (dB)"}`, for
what the code cells put out down to the next Markdown cell. A key without a word stays.
"""

import json
import re
from html import escape, unescape
from pathlib import Path

from docutils import nodes
from picture_alt import passages
from sphinx.util import logging

from vqlib.course.labs import VERDICTS

LOGGER = logging.getLogger(__name__)
ENTRY = re.compile(r' data-word="([^"]*)">([^<]*)<')


def put_in(html: str, words: dict[str, str]) -> tuple[str, set[str]]:
    """A table with its words, and the keys for which there was one."""
    used = set()

    def entry(match: re.Match) -> str:
        key = unescape(match[1])
        if key not in words:
            return f">{match[2]}<"
        used.add(key)
        return f">{escape(words[key])}<"

    return ENTRY.sub(entry, html), used


def say(doctree: nodes.document, cells: list[dict]) -> list[str]:
    """Put words into all tables, in place; return a line for words that no table asks for."""
    outputs = {
        cell["cell_index"]: [raw for raw in cell.findall(nodes.raw) if raw["format"] == "html"]
        for cell in doctree.findall(nodes.container)
        if cell.get("nb_element") == "cell_code"
    }
    problems = []
    for words, indices in passages(cells, "words"):
        used = set()
        for raw in (raw for index in indices for raw in outputs.get(index, [])):
            html, found = put_in(raw.rawsource or raw.astext(), dict(words))
            raw.rawsource = html
            raw.clear()
            raw += nodes.Text(html)
            used |= found
        if unused := set(words) - used - set(VERDICTS):  # which of these comes is not known here
            problems.append(f"no table has the keys {', '.join(sorted(unused))}")
    return problems


def say_words(app, doctree):
    """Handler of `doctree-read`."""
    docname = app.env.docname
    path = Path(app.env.doc2path(docname))
    if path.suffix == ".ipynb":
        for problem in say(doctree, json.loads(path.read_text("utf-8"))["cells"]):
            LOGGER.warning("words: %s", problem, location=docname)


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("doctree-read", say_words)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
