"""What a page says in its language about outputs that both languages share.

Code runs once for both books. What its outputs say in words stands in the metadata of the Markdown
pair before it, down to the next Markdown cell, in each language, and is put in when the page is
made (book/_ext/picture_caption.py, picture_titles.py and output_words.py):

- `"captions": ["…"]`, one for each picture: what to look for, where `alt` says what is there;
- `"rows": [["…", "…"], null]`, for each picture the titles of its rows, from the top, or null;
- `"columns": [["…", "…"], null]`, the same for its columns, from the left;
- `"words": {"psnr": "PSNR (dB)"}`, for the keys of tables (`vqlib.show.show_table`).
"""

import re
from collections.abc import Mapping, Sequence
from html import unescape

from nbformat import NotebookNode

from chapter import Cell, Prose
from vqlib.course.labs import VERDICTS

TITLES = ("rows", "columns")
KEY = re.compile(r'data-word="([^"]*)"')


def check_said(prose: Prose) -> None:
    """Refuse captions and words that are none, or that differ between the twins."""
    for cell in {prose.en.line: prose.en, prose.zh.line: prose.zh}.values():
        check_captions(cell)
        check_titles(cell)
        check_words(cell)
    en, zh = (set(cell.metadata.get("words", ())) for cell in (prose.en, prose.zh))
    if en != zh:
        raise prose.zh.error(
            f"`words` has other keys in the en twin (line {prose.en.line}): "
            f"{', '.join(sorted(en ^ zh))} in one of them only"
        )
    for what in ("captions", *TITLES):
        if (what in prose.en.metadata) != (what in prose.zh.metadata):
            raise prose.zh.error(f"only one of the twins has `{what}`; both must say the same")
    for what in TITLES:
        if count_titles(prose.en, what) != count_titles(prose.zh, what):
            raise prose.zh.error(f"`{what}` names another number of {what} than its en twin")


def check_captions(cell: Cell) -> None:
    """Refuse captions that are not one for each picture that `alt` describes."""
    captions = cell.metadata.get("captions")
    if captions is None:
        return
    pictures = len(cell.metadata.get("alt", ()))
    texts = isinstance(captions, list) and all(is_text(caption) for caption in captions)
    if not texts or len(captions) != pictures or not captions:
        raise cell.error(
            f"`captions` is a list of texts, one for each of the {pictures} pictures in `alt`"
        )


def check_titles(cell: Cell) -> None:
    """Refuse titles of rows or columns that are not a list of texts, or null, for each picture."""
    pictures = len(cell.metadata.get("alt", ()))
    for what in TITLES:
        found = cell.metadata.get(what)
        if found is None:
            continue
        lists = isinstance(found, list) and all(one is None or is_texts(one) for one in found)
        if not lists or len(found) != pictures or not any(found):
            raise cell.error(
                f"`{what}` has a list of titles, or null, for each of the {pictures} pictures in "
                "`alt`"
            )


def count_titles(cell: Cell, what: str) -> list[int]:
    """How many rows, or columns, of each picture have a title."""
    return [len(titles or ()) for titles in cell.metadata.get(what, ())]


def check_words(cell: Cell) -> None:
    """Refuse words that are no texts by key, or that belong to no language."""
    words = cell.metadata.get("words")
    if words is None:
        return
    if cell.language is None:
        raise cell.error("`words` are of a language; give the cell one and a twin")
    if not isinstance(words, dict) or not words or not all(map(is_text, words.values())):
        raise cell.error('`words` has a text for each key: "words": {"psnr": "PSNR (dB)"}')


def is_texts(value: object) -> bool:
    """Whether something is a list of texts that say something."""
    return isinstance(value, list) and bool(value) and all(map(is_text, value))


def is_text(value: object) -> bool:
    """Whether something is a text that says anything."""
    return isinstance(value, str) and bool(value.strip())


def check_keys(cells: Sequence[NotebookNode], sources: Mapping[str, Cell]) -> None:
    """Raise `WeaveError` where words are given for keys that no table below the text has.

    `cells` are executed; `sources` maps their ids to the source cells, where errors are reported.
    """
    text, keys = None, set()
    for cell in [*cells, None]:
        if cell is not None and cell.cell_type == "code":
            keys |= keys_of(cell)
            continue
        # Which verdict a lab comes to is not known here: it depends on the prediction.
        unused = set(text.metadata.get("words", ())) - keys - set(VERDICTS) if text else set()
        if unused:
            raise text.error(f"no table below this text has the keys {', '.join(sorted(unused))}")
        text, keys = cell and sources[cell.id], set()


def keys_of(cell: Mapping) -> set[str]:
    """The keys in the tables that an executed cell shows."""
    tables = (output.get("data", {}).get("text/html", "") for output in cell["outputs"])
    return {unescape(key) for table in tables for key in KEY.findall(table)}
