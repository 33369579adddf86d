"""What every result says first: how it was made, and on what."""

import platform
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

import torch

from vqlib.course.experiments.running import keep as keep
from vqlib.train import Trained

M = TypeVar("M")
RESULTS = Path(__file__).parent / "results"


def stamp() -> str:
    """Command line, day, machine, threads and PyTorch's version, as one line of Markdown."""
    command = " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    threads = f"{torch.get_num_threads()} thread" + "s" * (torch.get_num_threads() != 1)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    return f"`{command}`, {date.today()}, {device}, {threads}, torch {torch.__version__}."


def write(name: str, lines: list[str]) -> None:
    """Print the lines and write them, under the stamp, to `results/NAME.md`."""
    text = "\n".join([stamp(), "", *lines]) + "\n"
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table; the first column is words, the others are numbers."""
    ruler = ["---", *["--:"] * (len(header) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (header, ruler, *rows)]


def spread(values: list[float], form: str = ".3g") -> str:
    """The mean of one value per seed, with the smallest and the largest in brackets."""
    mean = f"{sum(values) / len(values):{form}}"
    return f"{mean} ({min(values):{form}}–{max(values):{form}})" if len(values) > 1 else mean


def to_the_end(trained: Trained[M]) -> Trained[M]:
    """What was trained; if a signal has ended it early, the script ends, too, and measures nothing.

    Raises:
        SystemExit: with the status that shells give to this signal.
    """
    if trained.signal is not None:
        raise SystemExit(128 + trained.signal)
    return trained


def seconds(run: Callable, *arguments, **options) -> float:
    """How long one call takes, the GPU's queue emptied before and after."""
    synchronize = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    synchronize()
    started = time.perf_counter()
    run(*arguments, **options)
    synchronize()
    return time.perf_counter() - started
