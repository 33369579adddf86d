"""Sphinx extension: the section of an exercise is a card, with the same anchor in every language.

Weave writes its title: "Exercise 3.1 · Straight-through", "练习 3.1 · 直通". The section gets the
class `exercise` and `ex-3-1` as its first id; the one made from the title stays valid.
"""

import re

from docutils import nodes

TITLE = re.compile(r"(?:Exercise|练习) (\d+)\.(\d+) · ")


def make_cards(doctree: nodes.document) -> None:
    """Give class and anchor to the sections of exercises, in place."""
    for section in doctree.findall(nodes.section):
        found = TITLE.match(section[0].astext())
        if found:
            section["classes"].append("exercise")
            section["ids"].insert(0, f"ex-{found[1]}-{found[2]}")


def make_cards_of_page(app, doctree):
    """Handler of `doctree-read`."""
    make_cards(doctree)


def setup(app):
    """Register the extension with Sphinx."""
    # Before Sphinx collects the contents of the page, which lead to first ids.
    app.connect("doctree-read", make_cards_of_page, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
