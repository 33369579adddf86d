"""A book of one chapter, built in seconds from a source given as text: how weave's cells look.

The settings are the course's own, without what asks for the whole course (its first page, the
search of the whole site) and without running anything: outputs are those put into the cells.
"""

import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import nbformat
import yaml
from bs4 import BeautifulSoup
from nbformat.v4 import new_output

from books import Book, merge, read_books
from build import COLOUR, HTML, JUPYTER_BOOK, ROOT, find_problems
from weave import Woven, weave

CHAPTER = "01_tiny"
LEFT_OUT = ("front_page", "search_results")
TITLE = '+++ {"lang": "en"}\n\n# Title\n\nText.\n\n+++ {"lang": "zh"}\n\n# 标题\n\n文字。\n\n'


def printed(text: str) -> nbformat.NotebookNode:
    """The output of a `print`."""
    return new_output("stream", name="stdout", text=text)


def shown(**data: str) -> nbformat.NotebookNode:
    """An output in formats such as `text_html`."""
    return new_output("display_data", data={k.replace("_", "/"): v for k, v in data.items()})


@cache
def course(language: str) -> Book:
    (book,) = (book for book in read_books(ROOT) if book.language == language)
    return book


def settings(language: str) -> dict:
    """The course's settings for a book somewhere else, with nothing to run."""
    config = course(language).config
    sphinx = config["sphinx"]
    own = {
        "exclude_patterns": ["_build", "out"],
        "execute": {"execute_notebooks": "off"},
        "html": {"favicon": str(ROOT / "book/_static/favicon.svg")},
        "sphinx": {
            "local_extensions": {
                name: str(ROOT / folder)
                for name, folder in sphinx["local_extensions"].items()
                if name not in LEFT_OUT
            },
            "config": {
                "extensions": [x for x in sphinx["config"]["extensions"] if x not in LEFT_OUT],
                "templates_path": [str(ROOT / "book/_templates")],
                "html_static_path": [str(ROOT / "book/_static")],
                "html_theme_options": {"logo": {"image_light": "", "image_dark": ""}},
            },
        },
    }
    return merge(config, own)


def build(
    folder: Path, body: str, language: str, outputs: Mapping[str, list] | None = None, **options
) -> BeautifulSoup:
    """The page of a chapter with this `body` below its title; `outputs` are those of cell ids.

    Raises AssertionError for any warning. `options` go to `weave`.
    """
    path = Path(f"{CHAPTER}.md")
    repository = "https://example.org/owner/vqlib"
    woven: Woven = weave(TITLE + body, path, figures=folder, repository=repository, **options)
    notebook = nbformat.from_dict(getattr(woven, language))
    for cell in notebook.cells:
        if cell.id in (outputs or {}):
            cell.outputs = outputs[cell.id]
    home = folder / f"notebooks/{language}"
    home.mkdir(parents=True)
    nbformat.write(notebook, home / f"{CHAPTER}.ipynb")
    glossary = folder / f"book/pages/{language}/glossary.md"
    glossary.parent.mkdir(parents=True)
    glossary.write_text("# Terms\n\n(term-code)=\n编码 · code\n", "utf-8")
    pages = [{"file": f"book/pages/{language}/glossary"}]
    toc = {
        "format": "jb-book",
        "root": f"notebooks/{language}/{CHAPTER}",
        "parts": [{"caption": "c", "chapters": pages}],
    }
    (folder / "config.yml").write_text(yaml.safe_dump(settings(language), allow_unicode=True))
    (folder / "toc.yml").write_text(yaml.safe_dump(toc))
    inputs = ["--config", f"{folder}/config.yml", "--toc", f"{folder}/toc.yml"]
    call = [*JUPYTER_BOOK, "build", str(folder), *inputs, "--path-output", f"{folder}/out"]
    done = subprocess.run(call, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    log = COLOUR.sub("", done.stdout + done.stderr)
    assert done.returncode == 0, log
    assert find_problems(log) == [], log
    return BeautifulSoup(page_file(folder, language).read_text("utf-8"), "html.parser")


def page_file(folder: Path, language: str) -> Path:
    """Where `build` has put the page of the chapter."""
    return folder / "out" / HTML / f"notebooks/{language}/{CHAPTER}.html"
