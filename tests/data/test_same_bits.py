"""Bundled pictures are the same in every bit, whatever instructions a processor has."""

import ast
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

import vqlib.data

SCRIPT = Path(__file__).with_name("digests.py")
DATA = Path(vqlib.data.__file__).parent

# Written down once, so that every machine is compared with the one that did.
KNOWN = {
    "scenes": "df1d047297406dbc",
    "digits": "2cac97ffa04ec88e",
    "faces": "3bdfcae09f177611",
    "glyphs": "ff74a6ab0302aea4",
    "photos": "4b17113286c0d2eb",
}
# Levels of instructions that numpy has code for, lowest first, as far as this processor has them.
LEVELS = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
WITHOUT_FMA = "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA"


@pytest.mark.parametrize(
    ("missing", "settings"),
    [
        (LEVELS[1:], {"ATEN_CPU_CAPABILITY": "avx2", "OPENBLAS_CORETYPE": "Haswell"}),
        (LEVELS, {"ATEN_CPU_CAPABILITY": "default", "GLIBC_TUNABLES": WITHOUT_FMA}),
    ],
    ids=["an older processor", "the oldest"],
)
def test_another_processor_gives_the_same_bits(missing, settings):
    settings = {"NPY_DISABLE_CPU_FEATURES": " ".join(missing), "OMP_NUM_THREADS": "2"} | settings
    done = subprocess.run(
        [sys.executable, SCRIPT],
        env=os.environ | settings,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == KNOWN


def test_this_processor_gives_the_same_bits():
    assert runpy.run_path(str(SCRIPT))["digests"]() == KNOWN


# What IEEE 754 leaves no choice in. Of numpy's other functions last bits differ, and so they do of
# a sum with the order of its terms.
EXACT = {
    *("add", "subtract", "multiply", "divide", "sqrt", "square", "absolute", "abs", "sign"),
    *("floor", "ceil", "rint", "trunc", "clip", "minimum", "maximum", "isfinite"),
}
UFUNCS = {name for name in dir(np) if isinstance(getattr(np, name), np.ufunc)}
SUMS = {"sum", "mean", "dot", "einsum", "inner", "tensordot", "prod", "std", "var", "average"}
PAINTERS = [*sorted((DATA / "scenery").glob("*.py")), DATA / "exact.py", DATA / "enlarge.py"]


@pytest.mark.parametrize("path", PAINTERS, ids=lambda path: path.stem)
def test_pixels_are_computed_by_exact_operations_alone(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        where = f"{path.name}, line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Attribute):
            assert node.attr not in (UFUNCS | SUMS) - EXACT, f"{where}: {node.attr}"
        if isinstance(node, ast.ImportFrom):
            assert node.module != "math", where
        if isinstance(node, ast.BinOp):
            assert not isinstance(node.op, ast.MatMult), where
            of_integers = isinstance(node.left, ast.Constant) and isinstance(node.left.value, int)
            assert of_integers or not isinstance(node.op, ast.Pow), where
