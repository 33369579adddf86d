"""A Chromium to look at the book with: one that is there, or one that is installed for the purpose.

The PDF is printed by it and the tests read the pages in it, both through Playwright.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

from playwright.sync_api import Browser, Error, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# What brings a Chromium, in the order in which it is tried; the second needs root.
PLAYWRIGHTS = [sys.executable, "-m", "playwright", "install", "chromium"]
UPDATE = ["apt-get", "update"]  # a new machine knows no packages yet
DEBIANS = ["apt-get", "install", "--yes", "--no-install-recommends", "chromium", "fonts-noto-cjk"]

ADVICE = """\
There is no Chromium that runs, and none could be installed. Install one, for instance with
  .venv/bin/playwright install --with-deps chromium
or on Debian and Ubuntu, as root, with
  apt-get install chromium fonts-noto-cjk"""


def find() -> str | None:
    """A Chromium or Chrome on the PATH."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def may_install_packages() -> bool:
    """Whether Debian's package manager is here, and obeys."""
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def attempts() -> Iterator[tuple[str, dict]]:
    """Ways to start a browser, by name, with arguments for Playwright; later ones install it."""
    if on_path := find():
        yield on_path, {"executable_path": on_path}
    yield "Playwright's own Chromium", {}
    print("No Chromium here: installing Playwright's.", flush=True)
    if not subprocess.run(PLAYWRIGHTS, check=False).returncode:
        yield "Playwright's own Chromium, installed just now", {}
    if may_install_packages():
        print("Playwright's does not run: installing Debian's.", flush=True)
        subprocess.run(UPDATE, check=False)
        if not subprocess.run(DEBIANS, check=False).returncode and (installed := find()):
            yield f"{installed}, installed just now", {"executable_path": installed}


def launch(playwright: Playwright) -> tuple[Browser, str]:
    """Start the first Chromium that runs; return it, and which one it is.

    Raises RuntimeError, with advice, where there is none.
    """
    for name, arguments in attempts():
        try:
            browser = playwright.chromium.launch(**arguments)
        except Error:
            continue
        return browser, f"{name}, version {browser.version}"
    raise RuntimeError(ADVICE)
