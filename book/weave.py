"""Weave the chapters' bilingual sources into notebooks, one for each language.

    python book/weave.py                        every chapter
    python book/weave.py 03_straight_through    some of them
    python book/weave.py --text                 only words have changed: run nothing, keep outputs
    python book/weave.py --check                write nothing; fail if a notebook is out of date
"""  # fmt: skip

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode
from nbformat.v4.rwbase import rejoin_lines

from alt_texts import check_alt
from cards import Facts, read_cards
from cells import install_cell, markdown_cell, plain_code_cell
from chapter import LANGUAGES, Cell, Exercise, Prose, Unit, WeaveError, read_chapter
from exercises import exercise_cells, refuse_markers
from outputs import checks_output, run_cells
from quiz import place_of_quiz, quiz_cells, read_quiz
from stubs import check_stubs, is_stub, stub_cells
from words import check_said

COMMAND = "python book/weave.py"
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}


@dataclass(frozen=True)
class House:
    """Where weave finds and puts things, below the root of the repository."""

    root: Path

    @property
    def figures(self) -> Path:
        return self.root / "book" / "figures" / "rendered"

    @property
    def repository(self) -> str:
        """The repository's address; `_config.yml` is its only home."""
        try:
            config = yaml.safe_load((self.root / "_config.yml").read_text("utf-8"))
            return config["repository"]["url"]
        except (OSError, KeyError, TypeError) as error:
            raise WeaveError(
                Path("_config.yml"), 1, "repository.url is missing; notebooks install vqlib from it"
            ) from error

    def quiz(self, chapter: Path) -> str | None:
        """The questions to the chapter of this name, if there are some."""
        path = self.root / "book" / "quizzes" / f"{chapter.stem[:2]}.yml"
        return path.read_text("utf-8") if path.exists() else None

    def chapters(self) -> dict[str, Path]:
        """The chapters' sources by name, in order."""
        return {path.stem: path for path in sorted((self.root / "book/chapters").glob("*.md"))}

    def notebook(self, language: str, chapter: str) -> Path:
        return self.root / "notebooks" / language / f"{chapter}.ipynb"

    def short(self, path: Path) -> Path:
        """A path as messages show it."""
        return path.relative_to(self.root)


HOUSE = House(Path(__file__).resolve().parent.parent)


@dataclass(frozen=True)
class Woven:
    """A chapter's two notebooks, and the source cell behind each cell id."""

    en: NotebookNode
    zh: NotebookNode
    sources: dict[str, Cell]

    def text(self, language: str, outputs: Mapping[str, list]) -> str:
        """The file of one notebook, with these `outputs` (by cell id) in it."""
        notebook = nbformat.from_dict(getattr(self, language))
        for cell in filter(checks_output, notebook.cells):
            cell.outputs = outputs[cell.id]
            cell.execution_count = 1  # nbval refuses outputs of a cell that seems never run
        return nbformat.writes(notebook) + "\n"


def weave(
    text: str, path: Path, *, figures: Path, repository: str, quiz: str | None = None
) -> Woven:
    """Make both notebooks from a chapter's source, without running anything.

    `path` names the chapter and appears in errors, `figures` is the folder of rendered figures,
    `repository` the address that vqlib is installed from, `quiz` the text of the chapter's
    questions. Raises `WeaveError`.
    """
    if not re.fullmatch(r"\d\d_[a-z0-9_]+\.md", path.name):
        raise WeaveError(path, 1, "a chapter is named like 03_straight_through.md; rename the file")
    units = read_chapter(text, path)
    cards = read_cards(units)
    check_stubs(units)
    questions = read_quiz(quiz, Path(f"book/quizzes/{path.stem[:2]}.yml")) if quiz else []
    asked_at = place_of_quiz(units, questions) + 1 if questions else 0
    prefix = path.stem.replace("_", "-")[:48]  # nbformat allows ids of 64 characters
    sources: dict[str, Cell] = {}
    notebooks = {}
    for language in LANGUAGES:
        cells = []
        for number, unit in enumerate(units, start=1):
            cell_id = f"{prefix}-c{number:03d}"
            made = list(unit_cells(unit, cell_id, language, figures, cards))
            if number == asked_at:
                made = quiz_cells(questions, language) + made
            for cell, source in made:
                cells.append(cell)
                sources.setdefault(cell.id, source)  # of a pair, the English cell
        # Below the title, because Sphinx names a page after what comes first.
        cells.insert(1, install_cell(repository, f"{prefix}-install"))
        notebooks[language] = nbformat.v4.new_notebook(cells=cells, metadata=NOTEBOOK_METADATA)
    return Woven(**notebooks, sources=sources)


def unit_cells(
    unit: Unit, cell_id: str, language: str, figures: Path, cards: Mapping[str, Facts]
) -> Iterable[tuple[NotebookNode, Cell]]:
    """The notebook cells of one unit, each with the source cell it comes from.

    `cards` are the facts of the chapter's exercises by number.
    """
    if isinstance(unit, Prose):
        check_alt(unit)
        check_said(unit)
        source = getattr(unit, language)
        card = cards.get(source.metadata.get("exercise"))
        return [(markdown_cell(source, cell_id, language, figures, card), source)]
    if isinstance(unit, Exercise):
        refuse_markers(unit.check)
    if is_stub(unit):
        return stub_cells(unit, language)
    if isinstance(unit, Exercise):
        origins = (unit.task, unit.check, unit.task)
        return zip(exercise_cells(unit), origins, strict=True)
    refuse_markers(unit.cell)
    return [(plain_code_cell(unit.cell, cell_id), unit.cell)]


def weave_file(path: Path, house: House) -> Woven:
    """Weave the chapter in a file of the repository, without running anything."""
    return weave(
        path.read_text("utf-8"),
        house.short(path),
        figures=house.figures,
        repository=house.repository,
        quiz=house.quiz(path),
    )


def write_notebooks(path: Path, house: House) -> list[Path]:
    """Weave and run one chapter; write its notebooks and return those that changed."""
    woven = weave_file(path, house)
    files = {language: house.notebook(language, path.stem) for language in LANGUAGES}
    for file in files.values():
        file.parent.mkdir(parents=True, exist_ok=True)
    # Run once, beside the notebook as Jupyter does: both languages have the same code.
    outputs = run_cells(woven.en, woven.sources, files["en"].parent)
    return [file for language, file in files.items() if write(file, woven.text(language, outputs))]


def write_texts(path: Path, house: House) -> list[Path]:
    """Weave one chapter whose code is as it was, with the outputs that its notebooks have."""
    woven = weave_file(path, house)
    files = {language: house.notebook(language, path.stem) for language in LANGUAGES}
    new, old = (code_cells(cells) for cells in (woven.en.cells, stored_cells(files["en"])))
    if [(c.source, c.metadata) for c in new] != [(c.source, c.metadata) for c in old]:
        raise WeaveError(house.short(path), 1, "its code has changed too; weave it without --text")
    # By their order, since the numbers in ids count texts too.
    outputs = {cell.id: before.outputs for cell, before in zip(new, old, strict=True)}
    return [file for language, file in files.items() if write(file, woven.text(language, outputs))]


def code_cells(cells: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Those of a notebook's cells that have code."""
    return [cell for cell in cells if cell.cell_type == "code"]


def write(path: Path, text: str) -> bool:
    """Write a file whole or not at all, and only if that changes it; returns whether it did."""
    data = text.encode()
    if path.exists() and path.read_bytes() == data:
        return False
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(path)
    return True


def check(house: House = HOUSE, names: Sequence[str] = ()) -> list[str]:
    """What is wrong with the committed notebooks of these chapters (all, if none is named).

    Nothing is run or written: stored outputs have to be there, and are otherwise left to nbval.
    """
    chapters = house.chapters()
    problems = []
    for name in names or chapters:
        try:
            problems += stale_notebooks(chapters[name], house)
        except WeaveError as error:
            problems.append(str(error))
    return problems if names else problems + orphans(house)


def stale_notebooks(path: Path, house: House) -> list[str]:
    """A line for each notebook of one chapter that is not what its source makes."""
    woven = weave_file(path, house)
    outputs = stored_outputs(house.notebook("en", path.stem))
    complete = all(cell.id in outputs for cell in filter(checks_output, woven.en.cells))
    stale = []
    for language in LANGUAGES:
        file = house.notebook(language, path.stem)
        text = woven.text(language, outputs) if complete else None
        if not file.exists() or text is None or file.read_bytes() != text.encode():
            stale.append(f"{house.short(file)} is not what {house.short(path)} makes")
    return stale


def stored_cells(path: Path) -> list[NotebookNode]:
    """The cells in a notebook's file; none where there is no readable notebook."""
    try:
        notebook = nbformat.from_dict(json.loads(path.read_text("utf-8")))
        nbformat.validate(notebook, version=4, version_minor=5)
    except (OSError, ValueError, KeyError, AttributeError, nbformat.ValidationError):
        return []
    return rejoin_lines(notebook).cells


def stored_outputs(path: Path) -> dict[str, list]:
    """The outputs in a notebook's file by cell id."""
    return {cell.id: cell.outputs for cell in stored_cells(path) if cell.get("outputs")}


def orphans(house: House) -> list[str]:
    """A line for each notebook that no chapter makes."""
    chapters = house.chapters()
    return [
        f"{house.short(file)} has no source in book/chapters; delete it"
        for language in LANGUAGES
        for file in sorted((house.root / "notebooks" / language).glob("*.ipynb"))
        if file.stem not in chapters
    ]


def write_all(
    house: House, names: Sequence[str], one: Callable[[Path, House], list[Path]] = write_notebooks
) -> list[str]:
    """Weave these chapters by `one`, saying which is at work; returns what went wrong."""
    problems = []
    for number, name in enumerate(names, start=1):
        print(f"[{number}/{len(names)}] {name}", file=sys.stderr, flush=True)
        try:
            for file in one(house.chapters()[name], house):
                print(f"  wrote {house.short(file)}", file=sys.stderr)
        except WeaveError as error:
            problems.append(str(error))
    return problems


def main(arguments: Sequence[str] | None = None, house: House = HOUSE) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog=COMMAND, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("chapters", nargs="*", help="names such as 03_straight_through; else all")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--text", action="store_true", help="run nothing; fail if code has changed")
    what.add_argument("--check", action="store_true", help="write nothing; fail if out of date")
    options = parser.parse_args(arguments)
    known = house.chapters()
    if unknown := [name for name in options.chapters if name not in known]:
        parser.error(f"no chapter {', '.join(unknown)} in book/chapters; known: {' '.join(known)}")
    if options.check:
        problems = check(house, options.chapters)
    else:
        one = write_texts if options.text else write_notebooks
        problems = write_all(house, options.chapters or list(known), one)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems and options.check:
        print(f"Run: {COMMAND}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
