"""Sphinx extension: "16 × 16" and "40 min" stay in one line.

Spaces inside a size, and between a number and its unit, become such that no line ends there.
"""

import re

from docutils import nodes

SIZE = re.compile(r"(?<=\d) × (?=\d)")
MINUTES = re.compile(r"(?<=\d) (?=(?:min\b|分钟))")


def join(text: str) -> str:
    """A text with no-break spaces where no line should end."""
    return MINUTES.sub("\u00a0", SIZE.sub("\u00a0×\u00a0", text))


def join_texts(app, doctree, docname):
    """Handler of `doctree-resolved`; code stays as it is."""
    for text in list(doctree.findall(nodes.Text)):
        if not isinstance(text.parent, (nodes.literal, nodes.literal_block, nodes.raw)):
            joined = join(str(text))
            if joined != text:
                text.parent.replace(text, nodes.Text(joined))


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("doctree-resolved", join_texts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
