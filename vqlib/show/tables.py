"""Tables whose headings are keys: the book puts the words of its language in their place.

Both languages run the same code, so a table cannot say "mean" or "平均". It says a key; the words
for the keys stand beside the text, and Jupyter shows the keys themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

EMPTY = "–"


@dataclass(frozen=True)
class Table:
    """A table as notebooks show it: HTML, or text where there is none."""

    keys: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    are_keys: tuple[tuple[bool, ...], ...]
    """Which entries of the rows are keys, too, and no numbers."""

    def __repr__(self) -> str:
        lines = [self.keys, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        left = [all(column) for column in zip(*self.are_keys, strict=True)] or [True] * len(widths)
        return "\n".join(
            "  ".join(
                text.ljust(width) if to_left else text.rjust(width)
                for text, width, to_left in zip(line, widths, left, strict=True)
            ).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col"{_word(key)}>{escape(key)}</th>' for key in self.keys)
        body = "".join(map(_row, self.rows, self.are_keys))
        return f'<table class="keyed"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def show_table(
    keys: Sequence[str], rows: Sequence[Sequence[Any]], formats: Sequence[str] = ()
) -> Table:
    """A table with a heading for each column.

    Args:
        keys: names of the columns, such as "psnr"; a symbol such as "K" needs no word.
        rows: entries, a text (a key, too), a number or None for each column.
        formats: how the numbers of each column are written, such as ".2f"; by default as they are.

    Raises:
        ValueError: a row or the formats have another length than `keys`.
    """
    formats = tuple(formats) or ("",) * len(keys)
    for name, part in (("formats", formats), *((f"row {n}", row) for n, row in enumerate(rows))):
        if len(part) != len(keys):
            raise ValueError(f"{name} has {len(part)} entries for {len(keys)} columns")
    written = (
        tuple(_written(entry, style) for entry, style in zip(row, formats, strict=True))
        for row in rows
    )
    are_keys = (tuple(isinstance(entry, str) for entry in row) for row in rows)
    return Table(tuple(keys), tuple(written), tuple(are_keys))


def _written(entry: Any, style: str) -> str:
    if entry is None:
        return EMPTY
    if isinstance(entry, str):
        return entry
    return format(entry.item() if hasattr(entry, "item") else entry, style)


def _row(entries: tuple[str, ...], are_keys: tuple[bool, ...]) -> str:
    cells = []
    for n, (text, is_key) in enumerate(zip(entries, are_keys, strict=True)):
        tag, scope = ("th", ' scope="row"') if is_key and n == 0 else ("td", "")
        cells.append(f"<{tag}{scope}{_word(text) if is_key else ''}>{escape(text)}</{tag}>")
    return f"<tr>{''.join(cells)}</tr>"


def _word(key: str) -> str:
    return f' data-word="{escape(key)}"' if key else ""
