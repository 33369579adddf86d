"""Run the parts of an experiment that have not been measured, and keep what they find.

The record of an experiment is a JSON file: question, command and machine, a summary, and each
part with its settings, its numbers and its seconds. It is written anew, all or nothing, after each
part. A part that was measured with the same settings on the same models is not run again.
"""

import json
import multiprocessing
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tqdm import tqdm

from vqlib.course.experiments.experiment import PICTURES, Experiment, Found, Scale
from vqlib.course.training.record import commit, machine

RECORDS = Path(__file__).parent / "records"
DIGITS = 5  # of each number in a record
GRACE = 10  # seconds for a process to save where it is


def run_experiment(
    name: str,
    experiment: Experiment,
    records: Path,
    runs: Path,
    *,
    quick: bool = False,
    at_once: int = 1,
) -> dict[str, Any]:
    """Run what is missing; the record.

    Args:
        name: of the experiment.
        experiment: what to run.
        records: folder of the records.
        runs: folder of the training runs.
        quick: run a little of each part.
        at_once: parts side by side, each in a process with one thread.

    Raises:
        SystemExit: a signal; what is measured by then is kept.
    """
    path = records / f"{name}.json"
    record = open_record(path, name, experiment)
    measured = record["parts"]
    missing = [part for part in experiment.parts if part not in measured]
    jobs = [
        Job(part, experiment.parts[part], inputs, Scale(runs / name / inputs, quick))
        for part, inputs in ((part, experiment.digest(part)) for part in missing)
    ]
    folders = {job.part: job.scale.folder for job in jobs}
    bar = tqdm(total=len(experiment.parts), initial=len(measured), desc=name, unit="part")
    with bar, _ended_by_sigterm():
        for part, result in _results(jobs, at_once):
            measured[part] = result
            keep_pictures(pictures_of(path, part), folders[part])
            keep(path, record)
            bar.update()
    record["parts"] = {part: measured[part] for part in experiment.parts}
    found = {part: result["found"] for part, result in record["parts"].items()}
    record["summary"] = _rounded(experiment.summary(found))
    record["seconds"] = round(sum(r["seconds"] for r in record["parts"].values()))
    keep(path, record)
    return record


def open_record(path: Path, name: str, experiment: Experiment) -> dict[str, Any]:
    """The record with those of its parts that would be measured alike today; or a new one."""
    old = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"parts": {}}
    valid = {
        part: result
        for part, result in old["parts"].items()
        if part in experiment.parts and result["inputs"] == experiment.digest(part)
    }
    return {
        "question": experiment.question,
        "common": {key: _plain(value) for key, value in experiment.common.items()},
        "command": f"python -m vqlib.course.experiments {name}",
        "summary": {},
        "parts": valid,
    }


def is_done(path: Path, experiment: Experiment) -> bool:
    """Whether the record has every part as it would be measured today, and its summary."""
    if not path.is_file():
        return False
    record = json.loads(path.read_text(encoding="utf-8"))
    valid = open_record(path, path.stem, experiment)["parts"]
    return list(valid) == list(experiment.parts) and bool(record["summary"])


def keep(path: Path, record: dict[str, Any]) -> None:
    """Write the record, all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    text = json.dumps(record, indent=1, ensure_ascii=False)
    unfinished.write_text(text + "\n", encoding="utf-8")
    unfinished.replace(path)


def pictures_of(path: Path, part: str) -> Path:
    """Where a record has the pictures of a part, if it shows some."""
    return path.with_suffix("") / f"{part.replace(', ', '_').replace(' ', '_')}.png"


def keep_pictures(path: Path, folder: Path) -> None:
    """Put the pictures of a part's run beside the record, if there are some."""
    if (folder / PICTURES).is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / PICTURES, path)


class Job(NamedTuple):
    """A part to be run, perhaps in another process."""

    part: str
    run: partial[Found]
    inputs: str
    scale: Scale


def measure(job: Job) -> tuple[str, dict[str, Any]]:
    """One part, on one thread: its name, and its entry in the record."""
    torch.set_num_threads(1)
    started = time.perf_counter()
    found = job.run(job.scale)
    return job.part, {
        "settings": {key: _plain(value) for key, value in job.run.keywords.items()},
        "found": _rounded(found),
        "seconds": round(time.perf_counter() - started),
        "machine": machine(torch.device("cpu")),
        "torch": torch.__version__,
        "commit": commit(),
        "inputs": job.inputs,
    }


def _results(jobs: list[Job], at_once: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the parts give, in the order in which they end."""
    if at_once == 1 or len(jobs) < 2:
        yield from map(measure, jobs)
        return
    spawn = multiprocessing.get_context("spawn")  # a fork would inherit PyTorch's threads
    with ProcessPoolExecutor(at_once, mp_context=spawn) as pool:
        futures = [pool.submit(measure, job) for job in jobs]
        try:
            for done in as_completed(futures):
                yield done.result()
        except BaseException:  # whatever ends this ends what runs beside it
            for future in futures:
                future.cancel()
            _end(multiprocessing.active_children())
            raise


def _end(processes: list[BaseProcess]) -> None:
    """End processes; one that trains saves first where it is, and none is waited for too long."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(GRACE)
        process.kill()


class _ended_by_sigterm:
    """SIGTERM ends the block as Ctrl-C does, so that the processes beside it end, too."""

    def __enter__(self):
        self.before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))

    def __exit__(self, *_):
        signal.signal(signal.SIGTERM, self.before)


def _rounded(found: Found) -> Found:
    return {name: float(f"{value:.{DIGITS}g}") for name, value in found.items()}


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str | None) else repr(value)
