"""Run experiments: `python -m vqlib.course.experiments [EXPERIMENT …]`.

Whatever takes longer than a chapter may is an experiment with a name. Its record lies in `records/`
beside this file; the chapters read it. Without a name all are run. What has been measured is left
alone, what was interrupted goes on where it was. Each takes at most half an hour on two cores.
"""

import argparse
import os
from pathlib import Path

from vqlib.course.experiments import EXPERIMENTS
from vqlib.course.experiments.running import RECORDS, run_experiment


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(prog="python -m vqlib.course.experiments", description=__doc__)
    known = ", ".join(EXPERIMENTS)
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help=f"of {known}")
    parser.add_argument("--quick", action="store_true", help="a little of each, kept in runs only")
    parser.add_argument("--runs", type=Path, default=Path("runs/experiments"), help="of the runs")
    parser.add_argument(
        "--at-once", type=int, default=os.cpu_count() or 1, help="parts side by side"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.experiments) - set(EXPERIMENTS)
    if unknown:
        parser.error(f"unknown experiment {', '.join(sorted(unknown))}; there are {known}")
    if arguments.at_once < 1:
        parser.error(f"at-once is {arguments.at_once}; it must be at least 1")
    runs = arguments.runs / "quick" if arguments.quick else arguments.runs
    records = runs / "records" if arguments.quick else RECORDS
    options = {"quick": arguments.quick, "at_once": arguments.at_once}
    for name in arguments.experiments or EXPERIMENTS:
        record = run_experiment(name, EXPERIMENTS[name], records, runs, **options)
        print(f"{name}: {record['question']}")
        for key, value in record["summary"].items():
            print(f"  {key:40} {value:g}")


if __name__ == "__main__":
    main()
