"""Build the book in all its languages as one site: `python book/build.py`.

English comes out in `_build/html/`, the other languages in folders below it. A warning anywhere
fails the build (`--no-strict` only lists them). Notebooks are executed once and their outputs kept
outside the source tree, for all languages, until the library or its requirements change.
"""

import argparse
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml

from assets import finish
from books import Book, BuildError, check_mirrored, merge, pages, read_books
from execution import (
    environment,
    execute_ahead,
    execution_digest,
    make_kernel,
    open_cache,
    settle_home,
)
from front_pages import write_front_pages
from showcase import open_showcase
from sitemap import write_sitemap

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
SITE = BUILD / "html"
HTML = "_build/html"  # where jupyter-book puts the pages, below the folder it is given

# jupyter_book.cli.main does nothing under `python -m`, and its script need not be on the PATH.
JUPYTER_BOOK = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]

# What Sphinx, MyST-NB and Jupyter Book print when something is wrong, whatever they exit with.
PROBLEM = re.compile(
    r"\b(WARNING|ERROR|CRITICAL): |Executing notebook failed|Validation errors in config"
    r"|^[\w.]*(Error|Exception|\.[A-Z]\w+):"  # the last line of a traceback
)
PROGRESS = re.compile(r"Executing notebook using|Executed notebook in")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # Sphinx colours its words even in a file


def write_inputs(book: Book, cache: Path, showcase: Path, work: Path) -> None:
    """Write the settings and table of contents that jupyter-book reads into `work`."""
    # Relative to the settings file for jupyter-book, and that has just moved.
    extensions = book.config["sphinx"]["local_extensions"]
    extensions = {name: str(ROOT / folder) for name, folder in extensions.items()}
    own = {
        "execute": {"cache": str(cache)},
        "html": {"baseurl": book.url},
        "sphinx": {"local_extensions": extensions, "config": {"showcase": str(showcase)}},
    }
    work.mkdir(parents=True)
    for name, content in (("config.yml", merge(book.config, own)), ("toc.yml", book.toc)):
        (work / name).write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")


def command(work: Path, strict: bool) -> list[str]:
    """The jupyter-book call for the inputs in `work`."""
    inputs = ["--config", f"{work}/config.yml", "--toc", f"{work}/toc.yml"]
    options = ["--path-output", str(work), "-n", "--keep-going", *(["-W"] if strict else [])]
    return [*JUPYTER_BOOK, "build", ".", *inputs, *options]


def run_logged(call: list[str], log_file: Path, env: dict[str, str]) -> tuple[int, str]:
    """Run `call` in the repository and show its progress; return exit status and whole output."""
    log = []
    process = subprocess.Popen(
        call, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    )
    with process, log_file.open("w", encoding="utf-8") as file:
        for line in (COLOUR.sub("", raw) for raw in process.stdout):
            log.append(line)
            file.write(line)
            if PROGRESS.search(line):
                print(" ", line.strip(), flush=True)
    return process.returncode, "".join(log)


def find_problems(log: str) -> list[str]:
    """The lines of a build's output that tell of a warning or an error, each once."""
    lines = (line.strip() for line in log.splitlines() if PROBLEM.search(line))
    return list(dict.fromkeys(lines))


def check_result(book: Book, status: int, problems: list[str], strict: bool) -> None:
    """Raise BuildError if a build failed; only list its warnings where that is allowed."""
    listed = "\n".join(f"  {problem}" for problem in problems)
    if status or (problems and strict):
        raise BuildError(
            f"The {book.language} book failed (exit status {status}):\n"
            f"{listed or '  no warning was printed'}\n"
            f"Whole log: {BUILD / book.language / 'build.log'}; "
            f"the pages as far as they go: {BUILD / book.language / HTML}"
        )
    if problems:
        print(f"{book.language}: warnings: {len(problems)}\n{listed}")


def check_complete(book: Book, html: Path) -> None:
    """Raise BuildError if a page of the table of contents was not written."""
    missing = [page for page in pages(book.toc) if not (html / f"{page}.html").exists()]
    if missing:
        raise BuildError(f"The {book.language} book lacks: {', '.join(missing)}")


def build(book: Book, cache: Path, showcase: Path, strict: bool) -> Path:
    """Build one book afresh; return the folder of its pages.

    Afresh, because Sphinx repeats a warning only for pages it reads again, and leaves pages
    behind that no longer exist. Execution, the expensive part, is cached.
    """
    start = time.monotonic()
    work = BUILD / book.language
    html = work / HTML
    write_inputs(book, cache, showcase, work)
    env = environment(ROOT, make_kernel(BUILD / "jupyter"))
    notebooks = [ROOT / f"{page}.ipynb" for page in pages(book.toc)]
    ahead = execute_ahead([path for path in notebooks if path.exists()], cache, env)
    status, log = run_logged(command(work, strict), work / "build.log", env)
    check_result(book, status, find_problems(log), strict)
    check_complete(book, html)
    finish(html)
    cached = log.count("Using cached notebook") - len(ahead)
    executed = log.count("Executed notebook in") + len(ahead)
    seconds = time.monotonic() - start
    print(
        f"{book.language}: {len(pages(book.toc))} pages, {executed} notebooks executed, "
        f"{cached} from the cache, {seconds:.0f} s"
    )
    return html


def build_site(strict: bool) -> None:
    """Build all books and put them together; what an older build left goes first."""
    settle_home(BUILD / "home")
    books = read_books(ROOT)
    check_mirrored(books)
    cache, showcase = open_cache(execution_digest(ROOT)), open_showcase(ROOT)
    for old in (SITE, *(BUILD / book.language for book in books)):
        shutil.rmtree(old, ignore_errors=True)
    for book in books:
        html = build(book, cache, showcase, strict)
        shutil.copytree(html, SITE / book.folder, dirs_exist_ok=True)
    write_front_pages(books, SITE)
    write_sitemap(books, SITE)
    print(f"Open {SITE / 'index.html'}")


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--strict",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="fail on any warning (the default)",
    )
    try:
        build_site(parser.parse_args().strict)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
