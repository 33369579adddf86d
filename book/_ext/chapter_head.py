"""Sphinx extension: what stands at the head of a chapter, and which part of the book a page is in.

Below its title a chapter says where it can be run, taken away and printed, and how long it takes:
"Open in Colab · Notebook · PDF · 80 min". The address follows from the repository's, the minutes
from the chapter's own paragraph on time. The words are `chapter_head` in _config.yml.

Every page's outermost section gets the class `part-N`, counted as in the table of contents, so that
the style sheet can give each part a colour, and scaffolding gets a class by the title of its
section (`scaffold_titles`).

A Chinese title gets a place to break between any two words, for the browser would break within.
"""

import re
from functools import cache
from html import escape
from urllib.parse import urlsplit

import jieba
from docutils import nodes

COLAB = "https://colab.research.google.com/github"
WORD = re.compile(r"[\u4e00-\u9fff]")
MINUTES = re.compile(r"(?:Time: about|时间： ?约) (\d+) ")


def part_of(docname: str, parts: list[list[str]]) -> int:
    """Number of the part, from 1, that lists a page; 0 for a page outside of them."""
    return next((n for n, pages in enumerate(parts, start=1) if docname in pages), 0)


def minutes_of(doctree: nodes.document) -> str:
    """The minutes that a chapter says it takes; empty where it says none."""
    texts = (paragraph.astext() for paragraph in doctree.findall(nodes.paragraph))
    return next((found[1] for found in map(MINUTES.match, texts) if found), "")


def colab_address(notebook: str, repository: str, branch: str) -> str:
    """Where Colab opens a notebook of the repository."""
    return f"{COLAB}{urlsplit(repository).path}/blob/{branch}/{notebook}"


def head(words: dict[str, str], colab: str, notebook: str, minutes: str) -> str:
    """The line below the title, as HTML; `notebook` is the relative address of its file."""
    items = [
        f'<a href="{escape(colab)}" target="_blank">{words["colab"]}</a>',
        f'<a href="{escape(notebook)}" download>{words["notebook"]}</a>',
        f'<button type="button" onclick="print()" title="{words["print"]}">PDF</button>',
    ]
    if minutes:
        items.append(f"<span>{words['minutes'].format(minutes)}</span>")
    return f'<ul class="chapter-head">{"".join(f"<li>{item}</li>" for item in items)}</ul>'


def mark_scaffold(doctree: nodes.document, titles: dict[str, str]) -> None:
    """Give sections a class, in place, where their title begins with one of `titles`."""
    for section in doctree.findall(nodes.section):
        title = section[0].astext()
        section["classes"] += [name for start, name in titles.items() if title.startswith(start)]


@cache
def tokenizer(*terms: str) -> jieba.Tokenizer:
    """Cuts Chinese into words; it knows `terms` besides its own."""
    words = jieba.Tokenizer()
    for term in terms:
        words.add_word(term)
    return words


def break_between_words(title: nodes.title, words: jieba.Tokenizer) -> None:
    """Put `<wbr>` between the Chinese words of a title, in place, but never before punctuation."""
    for text in list(title.findall(nodes.Text)):
        parts = []
        for word in words.cut(text.astext()):
            if parts and WORD.match(word) and WORD.match(parts[-1].astext()[-1:]):
                parts.append(nodes.raw("", "<wbr>", format="html"))
            parts.append(nodes.Text(word))
        text.parent.replace(text, parts)


def furnish(app, doctree, docname):
    """Handler of `doctree-resolved`."""
    section = next(iter(doctree.findall(nodes.section)), None)
    if section is None:
        return
    subtrees = app.env.external_site_map.root.subtrees
    if app.config.book_language == "zh":
        break_between_words(section[0], tokenizer(*app.config.html_search_options["terms"]))
    number = part_of(docname, [[str(item) for item in part.items] for part in subtrees])
    section["classes"].append(f"part-{number}")
    mark_scaffold(doctree, app.config.scaffold_titles)
    notebook = app.env.doc2path(docname, base=False)
    if str(notebook).endswith(".ipynb"):
        theme = app.config.html_theme_options
        colab = colab_address(notebook, theme["repository_url"], theme["repository_branch"])
        source = "../" * docname.count("/") + f"_sources/{notebook}"
        line = head(app.config.chapter_head, colab, source, minutes_of(doctree))
        section.insert(1, nodes.raw("", line, format="html"))


def setup(app):
    """Register the extension with Sphinx."""
    app.add_config_value("chapter_head", {}, "html")
    app.add_config_value("scaffold_titles", {}, "html")
    app.connect("doctree-resolved", furnish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
