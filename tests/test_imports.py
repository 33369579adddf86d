"""Directions of import, and what a bare `import vqlib` costs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ["matplotlib", "ipywidgets", "torchvision", "lpips", "sklearn", "skimage"]


def test_the_contract_of_import_linter_holds():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", ["vqlib", "vqlib.cli", "vqlib.train", "vqlib.course.pretrained"])
def test_heavy_packages_are_imported_only_where_they_are_used(module):
    code = f"import sys, {module}; print(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.split() == []
