"""Seconds that each chapter's cells take, as a reader runs them: `python benchmarks/chapters.py`.

Every notebook is executed once, from its first cell to its last, without the cells for a GPU; the
English ones, since the Chinese have the same code. A kernel's start is counted in. The slowest cell
is named by the first line of its code.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from record import table, write
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book"))
from cells import SKIP_TAGS  # noqa: E402 (its folder has only now become importable)


def run(path: Path) -> tuple[float, float, str]:
    """Seconds of the whole notebook, of its slowest cell, and how that cell begins."""
    notebook = nbformat.read(path, as_version=4)
    skipped = set(SKIP_TAGS)
    notebook.cells = [c for c in notebook.cells if not skipped & set(c.metadata.get("tags", []))]
    client = NotebookClient(notebook, resources={"metadata": {"path": str(path.parent)}})
    slowest, started = (0.0, ""), time.perf_counter()
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            before = time.perf_counter()
            client.execute_cell(cell, index)
            lines = [line for line in cell.source.splitlines() if line.strip()] or [""]
            slowest = max(slowest, (time.perf_counter() - before, lines[0]))
    return time.perf_counter() - started, *slowest


def main() -> None:
    """Run the notebooks and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="such as 04_vqvae; all by default")
    names = parser.parse_args().names
    os.environ["PYTHONPATH"] = str(ROOT)
    paths = sorted((ROOT / "notebooks" / "en").glob("*.ipynb"))
    rows, total = [], 0.0
    for path in tqdm([path for path in paths if path.stem in names or not names]):
        seconds, slowest, line = run(path)
        total += seconds
        rows.append([path.stem, f"{seconds:.0f}", f"{slowest:.0f}", f"`{line[:48]}`"])
    rows.append(["all", f"{total:.0f}", "", ""])
    header = ["chapter", "seconds", "of its slowest cell", "which begins"]
    write("chapters", table(header, rows))


if __name__ == "__main__":
    main()
