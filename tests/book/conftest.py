"""The rendered book, built once for all tests that look at it."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from build import BUILD, ROOT, SITE
from execution import settle_home

# Before any kernel: Jupyter warns of a home that it cannot write, and a warning is an error here.
settle_home(BUILD / "home")


@pytest.fixture(scope="session")
def rendered_book() -> Path:
    """The folder of the finished site; the build takes seconds once its notebooks are cached.

    Of several workers that share the tests (pytest-xdist) the first builds, the others wait.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid4().hex)
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "built_for_tests").open("a+", encoding="utf-8") as built:
        fcntl.flock(built, fcntl.LOCK_EX)
        built.seek(0)
        if built.read() != run:
            build()
            built.truncate(0)
            built.write(run)
    return SITE


def build() -> None:
    """Build the site as `make book` does."""
    call = [sys.executable, str(ROOT / "book/build.py")]
    done = subprocess.run(call, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
