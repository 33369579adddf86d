"""Train the small pretrained models: `python -m vqlib.course.make_weights [JOB …]`.

Each model folder gets a `record.json`: command, commit, seed, machine, seconds and measurements, so
that every number the lessons quote can be traced and repeated. Without a job all are done, each
after those that it needs, some side by side. What is done already is left alone; what was
interrupted goes on where it was. `LEDGER.md` beside the model folders lists what the package
carries.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import torch

from vqlib.course.training import JOBS
from vqlib.course.training.job import do, is_done
from vqlib.course.training.ledger import write_ledger
from vqlib.saved.find import WEIGHTS

LOOK_EVERY = 0.5  # seconds between two looks at what is running


def main() -> None:
    """Parse the options and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=f"of {', '.join(JOBS)}")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder of the model folders")
    parser.add_argument("--runs", type=Path, default=Path("runs/weights"), help="of the runs")
    parser.add_argument("--device", help="such as cpu or cuda:0; by default the best there is")
    parser.add_argument(
        "--at-once", type=int, default=os.cpu_count() or 1, help="jobs side by side"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.jobs) - set(JOBS)
    if unknown:
        parser.error(f"unknown job {', '.join(sorted(unknown))}; there are {', '.join(JOBS)}")
    if arguments.at_once < 1:
        parser.error(f"at-once is {arguments.at_once}; it must be at least 1")
    names = arguments.jobs or list(JOBS)
    if len(names) == 1 or arguments.at_once == 1:
        for name in in_order(names):
            make(name, arguments)
    else:
        side_by_side(names, arguments)


def make(name: str, arguments: argparse.Namespace) -> None:
    """One job in this process, on one thread, unless it is done already."""
    if is_done(name, JOBS[name], arguments.out):
        print(f"{name}: is there already", file=sys.stderr)
        return
    torch.set_num_threads(1)  # the last bits of sums depend on the number of threads
    do(name, JOBS[name], arguments.out, arguments.runs, arguments.device)
    write_ledger(arguments.out)


def in_order(names: list[str]) -> list[str]:
    """The jobs, each after those of them that it needs."""
    return [name for name in JOBS if name in names]


def side_by_side(names: list[str], arguments: argparse.Namespace) -> None:
    """Jobs in processes of their own, as many at once as asked for.

    Raises:
        SystemExit: a job failed; those beside it are finished first.
    """
    waiting, failed = in_order(names), []
    running: dict[str, subprocess.Popen] = {}
    try:
        while waiting or running:
            for name, process in list(running.items()):
                if process.poll() is not None:
                    del running[name]
                    failed += [name] if process.returncode else []
            if failed:
                waiting = []
            blocked = {*waiting, *running}
            for name in [n for n in waiting if not blocked & set(JOBS[n].needs)]:
                if len(running) < arguments.at_once:
                    waiting.remove(name)
                    running[name] = subprocess.Popen(command(name, arguments))
            time.sleep(LOOK_EVERY)
    except KeyboardInterrupt:
        for process in running.values():
            process.wait()  # Ctrl-C reaches them too; each saves where it is
        raise SystemExit("interrupted; the same command goes on from here") from None
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}; the same command goes on from here")


def command(name: str, arguments: argparse.Namespace) -> list[str]:
    """What does one job in a process of its own."""
    options = {"--out": arguments.out, "--runs": arguments.runs, "--device": arguments.device}
    given = [str(x) for pair in options.items() if pair[1] is not None for x in pair]
    return [sys.executable, "-m", "vqlib.course.make_weights", name, *given]


if __name__ == "__main__":
    main()
