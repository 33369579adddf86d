"""Every full-scale cell runs in smoke form: the same code path with the numbers of its metadata."""

from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from smoke import shrink

ROOT = Path(__file__).resolve().parents[2]


def full_scale_cells():
    """The full-scale cells of the course, each with its chapter's name."""
    for path in sorted((ROOT / "notebooks/en").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=nbformat.NO_CONVERT).cells:
            if "full-scale" in cell.metadata.get("tags", []):
                yield pytest.param(cell, id=f"{path.stem}-{cell.id.rpartition('-')[2]}")


CELLS = list(full_scale_cells())


def test_there_are_full_scale_cells():
    assert CELLS


@pytest.mark.parametrize("cell", CELLS)
def test_full_scale_cell_runs_small(cell, stand_in_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    plt.switch_backend("Agg")
    values = {
        name: str(stand_in_data) if value == "STAND_IN" else value
        for name, value in cell.metadata.smoke.items()
    }
    code = compile(shrink(cell.source, values), cell.id, "exec")
    try:
        exec(code, {"__name__": "__main__"})
    finally:
        plt.close("all")
