"""Run a chapter; keep what its `check-output` cells promise: text that never varies.

The run also shows how many pictures there are, for which the text before them has words.
"""

import os
import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output

from alt_texts import check_pictures
from chapter import Cell
from words import check_keys

TIMEOUT_SECONDS = 600
TABLE = '<table class="keyed">'
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def checks_output(cell: Mapping) -> bool:
    """Whether a notebook's cell stores its output."""
    return "check-output" in cell["metadata"].get("tags", [])


def run_cells(
    notebook: NotebookNode, sources: Mapping[str, Cell], folder: Path
) -> dict[str, list[NotebookNode]]:
    """Run a notebook in `folder`; return the outputs of its `check-output` cells by cell id.

    `sources` maps cell ids to source cells: where errors are reported, and which cells run (the
    ones that weave adds by itself do not). Cells tagged `skip-execution` are skipped.
    """
    notebook = deepcopy(notebook)
    notebook.cells = [cell for cell in notebook.cells if cell.id in sources]
    if not any(map(checks_output, notebook.cells)):
        return {}
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    outputs = {}
    # Nobody predicts here (vqlib.course.labs).
    with client.setup_kernel(env=os.environ | {"VQLIB_BOOK": "1"}):
        for index, cell in enumerate(notebook.cells):
            try:
                client.execute_cell(cell, index)
            except (CellControlSignal, DeadKernelError) as error:
                raise sources[cell.id].error(f"this cell fails:\n{last_lines(error)}") from error
            if checks_output(cell):
                outputs[cell.id] = text_outputs(cell.outputs, sources[cell.id])
    check_pictures(notebook.cells, sources)
    check_keys(notebook.cells, sources)
    return outputs


def last_lines(error: Exception, count: int = 6) -> str:
    """The end of an error's text, without the colours of a terminal."""
    return "\n".join(COLOUR.sub("", str(error)).rstrip().splitlines()[-count:])


def is_table(data: Mapping) -> bool:
    """Whether an output is a table by `vqlib.show.show_table`: HTML, with the same as text."""
    return set(data) == {"text/plain", "text/html"} and data["text/html"].startswith(TABLE)


def text_outputs(outputs: list[NotebookNode], source: Cell) -> list[NotebookNode]:
    """What was printed, as one output, then the text results; refuses everything else."""
    printed, results = "", []
    for output in outputs:
        if output.output_type == "stream" and output.name == "stdout":
            printed += output.text
        elif output.output_type == "stream":
            raise source.error(f"a check-output cell wrote to stderr:\n{output.text.rstrip()}")
        elif set(output.data) != {"text/plain"} and not is_table(output.data):
            kinds = ", ".join(sorted(output.data))
            raise source.error(
                f"a check-output cell shows text only, and tables by `show_table`; this one shows "
                f"{kinds}"
            )
        else:
            results.append(new_output(output.output_type, data=output.data))
    if printed:
        results.insert(0, new_output("stream", name="stdout", text=printed))
    if not results:
        raise source.error("this check-output cell shows nothing; print something or drop the tag")
    return results
