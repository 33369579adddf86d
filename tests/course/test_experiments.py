"""Experiments: what they keep, what they run again, and that the records belong to the code."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
import torch

from vqlib.course import experiments
from vqlib.course.experiments import EXPERIMENTS, experiment_record
from vqlib.course.experiments.experiment import Experiment, of_seeds, spread
from vqlib.course.experiments.running import RECORDS, is_done, run_experiment

calls = []


def part(scale, *, width: int, seed: int) -> dict[str, float]:
    calls.append((width, seed, scale.quick))
    if width == 13:
        raise RuntimeError("thirteen")
    return {"area": width * width + seed / 3}


def summary(parts) -> dict[str, float]:
    return spread("area_2", of_seeds(parts, "width 2", "area"))


def small(widths=(1, 2), **options) -> Experiment:
    parts = {
        f"width {width}, seed {seed}": partial(part, width=width, seed=seed)
        for width in widths
        for seed in (0, 1)
    }
    return Experiment("How large?", parts, summary, **options)


def run(tmp_path, experiment, **options):
    calls.clear()
    return run_experiment("areas", experiment, tmp_path, tmp_path / "runs", **options)


def test_the_record_has_every_part_with_its_settings_and_a_summary(tmp_path):
    record = run(tmp_path, small())
    assert record == json.loads((tmp_path / "areas.json").read_text())
    assert list(record["parts"]) == list(small().parts)
    one = record["parts"]["width 2, seed 1"]
    assert one["settings"] == {"width": 2, "seed": 1} and one["found"] == {"area": 4.3333}
    for key in ("machine", "torch", "commit", "inputs"):
        assert one[key]
    assert record["summary"] == {"area_2": 4.1667, "least_area_2": 4.0, "most_area_2": 4.3333}
    assert record["command"] == "python -m vqlib.course.experiments areas"


def test_what_was_measured_is_left_alone_until_it_is_made_of_something_else(tmp_path):
    run(tmp_path, small())
    run(tmp_path, small())
    assert calls == []
    assert is_done(tmp_path / "areas.json", small())
    larger = small(widths=(1, 2, 3))
    assert not is_done(tmp_path / "areas.json", larger)
    record = run(tmp_path, larger)
    assert calls == [(3, 0, False), (3, 1, False)]
    assert list(record["parts"]) == list(larger.parts)
    for other in (small(needs=("digits_vqvae",)), small(common={"recipe": "longer"})):
        assert not is_done(tmp_path / "areas.json", other)
        run(tmp_path, other)
        assert len(calls) == 4


def shown(scale, *, seed: int) -> dict[str, float]:
    scale.show(torch.full((20, 1, 4, 4), -1.0))
    scale.show(torch.linspace(-1, 1, 20)[:, None, None, None].expand(20, 1, 4, 4))
    return {"pictures": 20.0}


def test_pictures_are_kept_beside_the_record_the_last_that_were_shown(tmp_path, monkeypatch):
    experiment = Experiment("What?", {"all, seed 1": partial(shown, seed=1)}, lambda parts: {})
    run(tmp_path, experiment)
    monkeypatch.setattr(experiments, "RECORDS", tmp_path)
    images = experiments.experiment_pictures("areas", "all, seed 1", size=4)
    assert images.shape == (20, 1, 4, 4)
    torch.testing.assert_close(images.amax((1, 2, 3)), torch.linspace(-1, 1, 20), atol=0.01, rtol=0)
    run(tmp_path, small())  # one that shows nothing
    with pytest.raises(FileNotFoundError):
        experiments.experiment_pictures("areas", "width 1, seed 0", size=4)


def test_what_was_measured_before_a_failure_is_kept(tmp_path):
    with pytest.raises(RuntimeError, match="thirteen"):
        run(tmp_path, small(widths=(2, 13)))
    record = json.loads((tmp_path / "areas.json").read_text())
    assert list(record["parts"]) == ["width 2, seed 0", "width 2, seed 1"]
    assert not is_done(tmp_path / "areas.json", small(widths=(2,)))  # no summary yet
    assert run(tmp_path, small(widths=(2,)))["summary"]["area_2"] == 4.1667
    assert calls == []


def test_parts_side_by_side_give_the_same(tmp_path):
    parts = dict(list(EXPERIMENTS["shared_ids"].parts.items())[:2])  # importable elsewhere
    experiment = Experiment("Alike?", parts, lambda found: {"parts": float(len(found))})
    records = [
        run_experiment("both", experiment, tmp_path / way, tmp_path / way, quick=True, at_once=n)
        for way, n in (("alone", 1), ("beside", 2))
    ]
    alone, beside = [{k: p["found"] for k, p in r["parts"].items()} for r in records]
    assert alone == beside and list(alone) == list(parts)


def test_sigterm_ends_it_with_everything_that_it_has_begun(tmp_path):
    command = [sys.executable, "-m", "vqlib.course.experiments", "shared_ids", "--at-once", "2"]
    options = {"cwd": tmp_path, "start_new_session": True, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*command, "--quick"], **options) as process:
        record = tmp_path / "runs/experiments/quick/records/shared_ids.json"
        until = time.monotonic() + 120
        while not record.is_file() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    assert json.loads(record.read_text())["parts"]
    until = time.monotonic() + 60
    while group_lives(process.pid) and time.monotonic() < until:
        time.sleep(0.1)
    assert not group_lives(process.pid)


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.filterwarnings("ignore:.*images")  # few pictures for a Fréchet distance
def test_every_part_runs_in_small(name, tmp_path):
    record = run_experiment(name, EXPERIMENTS[name], tmp_path, tmp_path / "runs", quick=True)
    assert list(record["parts"]) == list(EXPERIMENTS[name].parts)
    assert record["summary"]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_record_is_what_would_be_measured_today(name):
    assert is_done(RECORDS / f"{name}.json", EXPERIMENTS[name])
    record = experiment_record(name)
    found = {part: result["found"] for part, result in record["parts"].items()}
    again = EXPERIMENTS[name].summary(found)
    assert record["summary"] == pytest.approx(again, rel=1e-4)
    assert record["seconds"] <= 2 * 30 * 60  # of two cores


def test_no_record_is_left_over():
    assert {path.stem for path in RECORDS.glob("*.json")} == set(EXPERIMENTS)


def test_an_unknown_name_is_refused_with_the_known_ones():
    command = [sys.executable, "-m", "vqlib.course.experiments", "shared"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert "unknown experiment shared; there are shared_ids" in said.stderr
