"""How idle threads of PyTorch wait is set before it is loaded, wherever a process begins."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
NAMES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
# Notes what stands in the environment at the moment when torch is imported.
FINDER = f"""
import json, os, sys
class Finder:
    def find_spec(self, name, *_):
        if name == "torch" and not hasattr(sys, "found"):
            sys.found = {{name: os.environ.get(name) for name in {NAMES}}}
sys.meta_path.insert(0, Finder())
"""


def at_torch(code: str, **given: str) -> list[str | None]:
    """The environment that torch finds when some code is run."""
    clean = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run(
        [sys.executable, "-c", f"{FINDER}\n{code}\nprint(json.dumps(sys.found))"],
        cwd=ROOT,
        env=clean | given,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout.splitlines()[-1]).values())


def test_the_command_line_sets_it():
    assert at_torch("import vqlib.__main__") == ["10000", None]


def test_tests_set_it():
    code = 'import pytest; pytest.main(["--collect-only", "-q", "tests/test_style.py"])'
    assert at_torch(code) == ["10000", None]


def test_notebooks_set_it():
    for path in sorted((ROOT / "notebooks").glob("*/*.ipynb")):
        cells = nbformat.read(path, as_version=nbformat.NO_CONVERT).cells
        first = next(cell for cell in cells if cell.cell_type == "code")
        assert first.source.endswith("\nimport vqlib") and "import torch" not in first.source


@pytest.mark.parametrize(
    "given", [{"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "ACTIVE"}], ids=lambda g: next(iter(g))
)
def test_what_the_user_has_set_stays(given):
    assert at_torch("import vqlib.train", **given) == [given.get(name) for name in NAMES]
