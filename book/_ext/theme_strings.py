"""Sphinx extension: translate what the theme leaves in the wrong words.

`book_theme_strings` maps an English string to its translation. It is put before the catalogues of
Sphinx and the theme. MyST-NB's prompts to unfold a cell are in no catalogue, and one setting for
all of them cannot say whether code or output is folded. Some labels the theme writes into its
templates with no translation at all; those are found in the attributes of the finished pages.
"""

import re
from gettext import NullTranslations
from pathlib import Path

from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.locale import get_translator, translators

CATALOGUES = ("sphinx", "booktheme", "togglebutton")
LABEL = re.compile(r'\b(alt|aria-label|title)="([^"<>]*)"')


class Strings(NullTranslations):
    """A gettext catalogue made of a plain dict, with another one behind it."""

    def __init__(self, strings: dict[str, str], behind: NullTranslations):
        super().__init__()
        self.strings = strings
        self.add_fallback(behind)

    def gettext(self, message: str) -> str:
        """The dict's translation, or that of the catalogue behind."""
        return self.strings.get(message) or super().gettext(message)


def put_first(app, config):
    """Handler of `config-inited`, the last moment before the builder keeps `app.translator`."""
    for name in CATALOGUES:
        translators["general", name] = Strings(config.book_theme_strings, get_translator(name))
    app.translator = get_translator()


def translate_prompts(app, doctree, docname):
    """Handler of `doctree-resolved`: what stands on folded code and output."""
    strings = app.config.book_theme_strings
    for cell in doctree.findall(HideCodeCellNode):
        for prompt in ("prompt_show", "prompt_hide"):
            cell[prompt] = strings.get(cell[prompt], cell[prompt])


def translate_labels(html: str, strings: dict[str, str]) -> str:
    """Translate the labels, tooltips and alternative texts of a page that are in `strings`."""
    return LABEL.sub(
        lambda label: f'{label[1]}="{strings.get(label[2], label[2])}"',
        html,
    )


def finish_pages(app, exception):
    """Handler of `build-finished`."""
    strings = app.config.book_theme_strings
    if exception or not strings:
        return
    for page in Path(app.outdir).rglob("*.html"):
        page.write_text(translate_labels(page.read_text("utf-8"), strings), "utf-8")


def setup(app):
    """Register the extension with Sphinx."""
    app.add_config_value("book_theme_strings", {}, "html")
    app.connect("config-inited", put_first)
    app.connect("doctree-resolved", translate_prompts)
    app.connect("build-finished", finish_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
