"""The words for those who do not see the pictures that a chapter's code draws.

Both languages share the code, so the words stand in the Markdown pair before it, one for each
picture in order: `+++ {"lang": "en", "alt": ["The six digits", "Their tokens"]}`. They belong to
the code cells down to the next Markdown cell. The book reads them in book/_ext/picture_alt.py.
"""

from collections.abc import Mapping, Sequence

from nbformat import NotebookNode

from chapter import Cell, Prose

HIDDEN = {"remove-output", "remove-cell"}  # pictures of these cells are in no page
WIDGET = "application/vnd.jupyter.widget-view+json"


def check_alt(prose: Prose) -> None:
    """Refuse lists that are none, or that differ in length between the twins."""
    for cell in {prose.en.line: prose.en, prose.zh.line: prose.zh}.values():
        if "alt" in cell.metadata:
            check_list(cell)
    en, zh = (len(cell.metadata.get("alt", ())) for cell in (prose.en, prose.zh))
    if en != zh:
        raise prose.zh.error(
            f"this zh cell describes {zh} pictures in `alt`, its en twin (line {prose.en.line}) "
            f"{en}; both must say the same"
        )


def check_list(cell: Cell) -> None:
    """Refuse an `alt` that is not a list of texts in one language."""
    alt = cell.metadata["alt"]
    if cell.language is None:
        raise cell.error("`alt` holds words; give the cell a language and a twin")
    words = isinstance(alt, list) and all(isinstance(text, str) and text.strip() for text in alt)
    if not alt or not words:
        raise cell.error('`alt` is a list of texts, one for each picture: "alt": ["…", "…"]')


def count_pictures(cell: Mapping) -> int:
    """The pictures of an executed code cell that a page shows; widgets are none."""
    if HIDDEN & set(cell["metadata"].get("tags", ())):
        return 0
    bundles = (output.get("data", {}) for output in cell["outputs"])
    return sum(
        WIDGET not in bundle and any(kind.startswith("image/") for kind in bundle)
        for bundle in bundles
    )


def check_pictures(cells: Sequence[NotebookNode], sources: Mapping[str, Cell]) -> None:
    """Raise `WeaveError` where executed cells show more or fewer pictures than are described.

    `sources` maps the cells' ids to the source cells, where errors are reported.
    """
    text, drawn = None, []
    for cell in [*cells, None]:
        if cell is not None and cell.cell_type == "code":
            drawn += [sources[cell.id]] * count_pictures(cell)
            continue
        if text is not None:
            compare(text, drawn)
        text, drawn = cell and sources[cell.id], []


def compare(text: Cell, drawn: Sequence[Cell]) -> None:
    """Refuse a Markdown cell that does not describe what is `drawn`: a code cell per picture."""
    described = len(text.metadata.get("alt", ()))
    if described == len(drawn):
        return
    lines = ", ".join(str(line) for line in sorted({cell.line for cell in drawn})) or "none"
    raise text.error(
        f"cells below this text produce {len(drawn)} pictures (lines: {lines}), the text describes "
        f'{described}: give `"alt": ["…", …]` one text for each, in both languages'
    )
