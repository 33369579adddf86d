"""Sphinx extension: a search for a term of the glossary leads to its definition.

Titles that match a query come before all other results, with a link to the very place. The terms
of the glossary are entered in the search index as such titles, in both languages. What is shown
beneath a result is the business of `search.js`, which only the search page loads.
"""

from docutils import nodes

GLOSSARY = "glossary"  # the last part of the page's name
ANCHOR = "term-"  # what the anchors of all entries begin with


def written(element: nodes.Element) -> str:
    """An element's text without the HTML in it."""
    texts = element.findall(nodes.Text)
    return "".join(str(text) for text in texts if not isinstance(text.parent, nodes.raw))


def glossary_terms(doctree: nodes.document) -> list[tuple[str, str]]:
    """The terms with their anchors: ("码本", "term-codebook"), ("codebook", "term-codebook"), …"""
    entries = []
    for entry in doctree.findall(nodes.definition_list):
        anchor = next((name for name in entry["ids"] if name.startswith(ANCHOR)), None)
        if anchor:
            terms = written(entry.next_node(nodes.term)).split(" · ")
            unlike = {term.strip().lower(): term.strip() for term in terms}  # Transformer is one
            entries += [(term, anchor) for term in unlike.values()]
    return entries


def enter_terms(app):
    """Handler of `html-collect-pages`, the last moment before the index is written."""
    for page in app.env.found_docs:
        if page.split("/")[-1] == GLOSSARY:
            # As if each term were a title of the page; Sphinx has no other way in.
            app.builder.indexer._all_titles[page] += glossary_terms(app.env.get_doctree(page))
    return []  # no further pages


def add_script(app, pagename, templatename, context, doctree):
    """Handler of `html-page-context`."""
    if pagename == "search":
        app.add_js_file("search.js")


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("html-page-context", add_script)
    app.connect("html-collect-pages", enter_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
