"""Read a chapter's source: a MyST text notebook in two languages, and the rules it keeps.

The format itself is jupytext's (`md:myst`). What is added here: each English Markdown cell is
followed by its Chinese twin, an exercise by its check, and tags are known ones.
"""

import re
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import yaml
from jupytext.myst import (
    CODE_DIRECTIVE,
    MystMetadataParsingError,
    get_parser,
    myst_to_notebook,
    read_cell_metadata,
    read_fenced_cell,
)
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import ValidationError
from nbformat.v4 import new_code_cell, new_markdown_cell

LANGUAGES = ("en", "zh")
KNOWN_TAGS = (
    "check-output", "full-scale", "exercise", "check", "stub", "imports", "plotting", "predict",
    "lab", "hide-input", "hide-output", "remove-input", "remove-output",
)  # fmt: skip
EXCLUSIVE_TAGS = (
    {"full-scale", "check-output"},  # a full-scale cell is never run when weaving
    {"full-scale", "exercise"},
    {"full-scale", "check"},
    {"exercise", "check"},
    {"imports", "plotting"},
    {"imports", "hide-input"},  # folded as it is, under its own words
    {"plotting", "hide-input"},
    {"predict", "imports"},  # nothing to predict
    {"predict", "full-scale"},
    {"predict", "exercise"},
    {"predict", "check"},
    {"predict", "remove-output"},
    {"predict", "hide-output"},
    {"predict", "hide-input"},
    *({"lab", other} for other in KNOWN_TAGS if other != "lab"),
    *({"stub", other} for other in KNOWN_TAGS if other not in ("stub", "exercise")),
    {"exercise", "check-output"},  # belongs on the check: that is what prints
)
MARKDOWN = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, double_inline=True)


class WeaveError(Exception):
    """A source that cannot be woven. The message starts with `path:line: `."""

    def __init__(self, path: Path, line: int, message: str):
        super().__init__(f"{path}:{line}: {message}")


@dataclass(frozen=True)
class Cell:
    """One cell of the source; `line` (from 1) is where it opens: its `+++` or its fence."""

    kind: str
    source: str
    metadata: dict
    path: Path
    line: int

    @property
    def language(self) -> str | None:
        return self.metadata.get("lang")

    @property
    def tags(self) -> list[str]:
        return self.metadata.get("tags", [])

    def error(self, message: str) -> WeaveError:
        """The error to raise for this cell."""
        return WeaveError(self.path, self.line, message)


@dataclass(frozen=True)
class Prose:
    """A Markdown cell in each language; one without a language is its own twin."""

    en: Cell
    zh: Cell


@dataclass(frozen=True)
class Code:
    """A code cell, shared by both languages."""

    cell: Cell


@dataclass(frozen=True)
class Exercise:
    """A code cell that holds a solution, and the cell that checks it."""

    task: Cell
    check: Cell


Unit = Prose | Code | Exercise


def read_chapter(text: str, path: Path) -> list[Unit]:
    """Parse a chapter and group its cells; raises `WeaveError` where a rule is broken."""
    cells = read_cells(text, path)
    for cell in cells:
        check_metadata(cell)
    units = group_cells(cells)
    for unit in units:
        if isinstance(unit, Prose):
            check_same_structure(unit)
    check_title(cells, path)
    return units


def read_cells(text: str, path: Path) -> list[Cell]:
    """Parse the text with jupytext, keeping the line on which each cell opens."""
    try:
        notebook = myst_to_notebook(text, add_source_map=True)
    except (MystMetadataParsingError, yaml.YAMLError) as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else 1
        raise WeaveError(path, line, f"this metadata cannot be read: {error}") from error
    except ValidationError as error:
        message = f"{error.message} in this cell's metadata; tags, for one, are a list: [a, b]"
        raise WeaveError(path, invalid_cell_line(text), message) from error
    lines = text.splitlines()
    return [
        Cell(cell.cell_type, cell.source, cell.metadata, path, opening_line(cell, start, lines))
        for cell, start in zip(notebook.cells, notebook.metadata["source_map"], strict=True)
    ]


def opening_line(cell, start: int, lines: list[str]) -> int:
    """The line of a cell's fence or `+++`; of its first words where it has neither."""
    # jupytext counts from 0 and means the line *below* the marker: the marker's number from 1.
    if cell.cell_type != "markdown" or (start and lines[start - 1].lstrip().startswith("+++")):
        return start
    return next(n for n, line in enumerate(lines[start:], start + 1) if line.strip())


def invalid_cell_line(text: str) -> int:
    """The line of the first cell whose metadata no notebook can hold; jupytext does not say."""
    for token in get_parser().parse(text + "\n"):
        try:
            if token.type == "myst_block_break":
                new_markdown_cell(metadata=read_cell_metadata(token, 0))
            elif token.type == "fence" and token.info.startswith(CODE_DIRECTIVE):
                new_code_cell(metadata=read_fenced_cell(token, 0, "Code")[0])
        except ValidationError:
            return token.map[0] + 1
    return 1


def check_metadata(cell: Cell) -> None:
    """Refuse languages, tags and kinds of cell that mean nothing here."""
    if cell.kind == "raw":
        raise cell.error("a raw cell shows in neither book; use a Markdown or a code cell")
    if cell.kind == "code" and "lang" in cell.metadata:
        raise cell.error("both languages share the code cells; remove 'lang' from this one")
    if cell.kind == "code" and "alt" in cell.metadata:
        raise cell.error("both languages share the code; move 'alt' to the Markdown pair before it")
    if "lang" in cell.metadata and cell.language not in LANGUAGES:
        raise cell.error(f"unknown lang {cell.language!r}; use 'en' or 'zh'")
    if cell.kind == "code":
        check_tags(cell)


def check_tags(cell: Cell) -> None:
    """Refuse an unknown tag, and tags that contradict each other."""
    for tag in cell.tags:
        if tag not in KNOWN_TAGS:
            raise cell.error(f"unknown tag {tag!r}; known tags: {' '.join(KNOWN_TAGS)}")
    for pair in EXCLUSIVE_TAGS:
        if pair <= set(cell.tags):
            raise cell.error(f"the tags {' and '.join(sorted(pair))} exclude each other")


def group_cells(cells: list[Cell]) -> list[Unit]:
    """Pair each English cell with its Chinese twin, and each exercise with its check."""
    rest, units = deque(cells), []
    while rest:
        take = take_prose if rest[0].kind == "markdown" else take_code
        units.append(take(rest))
    return units


def take_prose(rest: deque[Cell]) -> Prose:
    """Take the next Markdown cell, with its twin where it has a language."""
    cell = rest.popleft()
    if cell.language is None:
        if has_words(cell.source):
            raise cell.error(
                'these words would go to both notebooks; give the cell a language (`+++ {"lang": '
                '"en"}`) and a twin. Only a formula or a picture stands without'
            )
        return Prose(cell, cell)
    if cell.language == "zh":
        raise cell.error("this zh cell has no en cell right before it; write the English first")
    if not rest or rest[0].language != "zh":
        raise cell.error(
            'this en cell is not followed by its zh twin; add a cell `+++ {"lang": "zh"}` below it'
        )
    return Prose(cell, rest.popleft())


def take_code(rest: deque[Cell]) -> Code | Exercise:
    """Take the next code cell, with its check where it is an exercise."""
    cell = rest.popleft()
    if "check" in cell.tags:
        raise cell.error("this check has no exercise right before it; tag that cell `exercise`")
    if "exercise" not in cell.tags:
        return Code(cell)
    if not rest or "check" not in rest[0].tags:
        raise cell.error(
            "this exercise is not followed by its check; add a code cell tagged `check` below it"
        )
    return Exercise(cell, rest.popleft())


def structure(source: str) -> dict:
    """What both languages must have in common: headings, `$$` formulas, images."""
    tokens = MARKDOWN.parse(source)
    tokens += [child for token in tokens for child in token.children or []]
    kinds = [token.type for token in tokens]
    return {
        "headings": [token.tag for token in tokens if token.type == "heading_open"],
        "$$ formulas": kinds.count("math_block") + kinds.count("math_inline_double"),
        "images": kinds.count("image"),
    }


def has_words(source: str) -> bool:
    """Whether a Markdown text says anything outside its formulas, pictures and code."""
    tokens = MARKDOWN.parse(source)
    texts = (child.content for token in tokens for child in token.children or [])
    kinds = (child.type for token in tokens for child in token.children or [])
    return any(
        kind == "text" and re.search(r"[^\W\d_]{2}", text)
        for kind, text in zip(kinds, texts, strict=True)
    )


def check_same_structure(prose: Prose) -> None:
    """Refuse twins that cannot say the same."""
    en, zh = structure(prose.en.source), structure(prose.zh.source)
    for part in en:
        if en[part] != zh[part]:
            raise prose.zh.error(
                f"this zh cell has {part} {zh[part]}, its en twin (line {prose.en.line}) has "
                f"{en[part]}; both must say the same"
            )


def check_title(cells: list[Cell], path: Path) -> None:
    """Refuse a chapter that does not open with its title: Sphinx names the page after it."""
    first = cells[0] if cells else Cell("markdown", "", {}, path, 1)
    if first.kind != "markdown" or structure(first.source)["headings"][:1] != ["h1"]:
        raise first.error("a chapter opens with its title: begin with a `# ` heading")
