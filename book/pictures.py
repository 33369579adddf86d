"""Put rendered figures into the Markdown itself, so that a notebook shows them with no other file.

A source says `![what it shows](figure:NAME "what to look for")`; the second text is the caption in
the book and may be missing. The PNG of the cell's language goes in as a data URI;
the book's build swaps the vector file back in, by the names kept in the metadata.
"""

import base64
import re
from pathlib import Path

from chapter import Cell

# The alternative text may hold one level of brackets, as in "codes in [-1, 1]".
FIGURE = re.compile(
    r"!\[(?P<alt>(?:[^\[\]]|\[[^\[\]]*\])*)\]"
    r'\(figure:(?P<name>[\w-]+)(?P<caption> "[^"\n]+")?\)'
)
LEFT_OVER = re.compile(r"[(<\"']figure:[^\s)>]*")


def embed_figures(cell: Cell, language: str, folder: Path) -> tuple[str, list[str]]:
    """The cell's Markdown with its figures inside, and the figures' names in order."""

    def data_uri(match: re.Match) -> str:
        alt, name = match["alt"], match["name"]
        if not alt.strip():
            raise cell.error(f"figure:{name} has no alternative text; say in [ ] what it shows")
        if cell.language is None:
            raise cell.error(f"figure:{name} differs by language; put it in an en and a zh cell")
        path = folder / f"{name}.{language}.png"
        if not path.is_file():
            raise cell.error(f"figure:{name} is not drawn yet: there is no file {path}")
        encoded = base64.b64encode(path.read_bytes()).decode("ascii")
        return f"![{alt}](data:image/png;base64,{encoded}{match['caption'] or ''})"

    names = [match["name"] for match in FIGURE.finditer(cell.source)]
    source = FIGURE.sub(data_uri, cell.source)
    if left_over := LEFT_OVER.search(source):
        raise cell.error(f"{left_over[0]!r} is not a figure; write ![what it shows](figure:NAME)")
    return source, names
