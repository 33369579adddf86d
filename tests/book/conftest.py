"""The rendered book, built once for all tests that look at it."""

import subprocess
import sys
from pathlib import Path

import pytest

from build import ROOT, SITE


@pytest.fixture(scope="session")
def rendered_book() -> Path:
    """The folder of the finished site; the build takes seconds once its notebooks are cached."""
    call = [sys.executable, str(ROOT / "book/build.py")]
    done = subprocess.run(call, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return SITE
