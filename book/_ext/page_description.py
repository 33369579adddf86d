"""Sphinx extension: every page says what it is about, to search engines and where it is shared.

The description is the beginning of the page's first paragraph: whole sentences, up to the first
formula, as far as they fit.
"""

import re
from html import escape

from docutils import nodes

LONGEST = 200  # characters; more is not shown anywhere
SENTENCE = re.compile(r".+?(?:[.?!](?=\s|$)|[。？！]|$)\s*", re.DOTALL)


def text_of(paragraph: nodes.paragraph) -> str:
    """A paragraph up to its first formula, with no line breaks."""
    text = ""
    for node in paragraph.findall(nodes.Text):
        if isinstance(node.parent, nodes.raw):
            continue
        if isinstance(node.parent, (nodes.math, nodes.math_block)):
            break
        text += str(node)
    return " ".join(text.split())


def first_sentences(text: str, longest: int = LONGEST) -> str:
    """As many whole sentences as fit into `longest` characters, at least the beginning of one."""
    kept = ""
    for sentence in SENTENCE.findall(text):
        if len(kept + sentence.rstrip()) > longest:
            break
        kept += sentence
    return kept.rstrip() or text[: longest - 1].rstrip() + "…"


def describe(doctree: nodes.document) -> str:
    """The description of a page; empty where it has no paragraph of text."""
    for paragraph in doctree.findall(nodes.paragraph):
        in_text = isinstance(paragraph.parent, (nodes.section, nodes.document))
        if in_text and (text := text_of(paragraph)):
            return first_sentences(text)
    return ""


def metatags(properties: dict[str, str]) -> str:
    """`<meta>` elements: a description, and the Open Graph properties."""
    tags = [
        f'<meta property="og:{name}" content="{escape(properties[name])}" />'
        for name in properties
        if properties[name]
    ]
    if properties["description"]:
        tags.append(f'<meta name="description" content="{escape(properties["description"])}" />')
    return "".join(f"\n{tag}" for tag in tags)


def add_to_page(app, pagename, templatename, context, doctree):
    """Handler of `html-page-context`; pages that Sphinx adds by itself have no doctree."""
    if doctree is None:
        return
    properties = {
        "type": "article",
        "site_name": app.config.html_title or app.config.project,
        "title": app.env.titles[pagename].astext(),
        "description": describe(doctree),
        "url": context.get("pageurl") or "",
    }
    context["metatags"] = context.get("metatags", "") + metatags(properties)


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("html-page-context", add_to_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
