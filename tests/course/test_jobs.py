"""Jobs: what they make, that they go on where they were, and when they are done."""

import json
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace
from functools import partial

import pytest

from tests.train.small import SHORT, images
from vqlib.compress import vqvae_digits
from vqlib.course import make_weights
from vqlib.course.make_weights import in_order, side_by_side
from vqlib.course.training import JOBS
from vqlib.course.training.job import Job, do, is_done
from vqlib.course.training.ledger import BUDGET, ledger, write_ledger
from vqlib.course.training.record import commit, processor
from vqlib.saved import load_model
from vqlib.saved.find import WEIGHTS
from vqlib.train import VQVAERecipe, train_vqvae

RECIPE = VQVAERecipe(**SHORT, steps=4, save_every=2)
calls = []


def measure(codec) -> dict:
    calls.append(codec.training)
    return {"codes": codec.config.num_codes}


def small_job(recipe=RECIPE, **changes) -> Job:
    train = partial(train_vqvae, images(), vqvae_digits(), recipe, progress=False)
    return replace(Job("fifty digits", recipe, train, measure), **changes)


def made(tmp_path, job, name="small"):
    do(name, job, tmp_path / "weights", tmp_path / "runs", "cpu")
    return json.loads((tmp_path / "weights" / name / "record.json").read_text())


def test_a_job_leaves_a_model_and_a_record_that_says_how_it_was_made(tmp_path):
    record = made(tmp_path, small_job())
    assert record["command"] == "python -m vqlib.course.make_weights small"
    assert record["held_out"] == {"codes": 64}
    assert record["commit"] == commit() and processor() in record["machine"]
    assert record["recipe"]["steps"] == 4 and record["data"] == "fifty digits"
    assert calls.pop() is False  # measured as it is used
    assert load_model(tmp_path / "weights/small").config == vqvae_digits()


def test_a_job_is_done_until_something_it_is_made_of_changes(tmp_path):
    job, root = small_job(), tmp_path / "weights"
    assert not is_done("small", job, root)
    made(tmp_path, job)
    assert is_done("small", job, root)
    for changed in (
        small_job(replace(RECIPE, seed=1)),
        small_job(data="other digits"),
        small_job(extra={"width": 3}),
        small_job(needs=("nothing",)),
    ):
        assert not is_done("small", changed, root)
    after = small_job(needs=("small",))
    made(tmp_path, after, "second")
    assert is_done("second", after, root)
    made(tmp_path, small_job(replace(RECIPE, seed=1)))
    assert not is_done("second", after, root)  # what it was trained with is another now


def test_an_interrupted_job_goes_on_and_ends_as_if_nothing_had_been(tmp_path):
    whole = made(tmp_path / "whole", small_job())
    begun = small_job(replace(RECIPE, steps=2))
    stopped = replace(begun, recipe=RECIPE)  # two of its four steps are done when it stops
    with pytest.raises(SystemExit, match="small: interrupted after 2 steps; goes on from here"):
        made(tmp_path / "parts", stopped)
    assert not (tmp_path / "parts/weights/small").exists()
    parts = made(tmp_path / "parts", small_job())
    one, two = (tmp_path / name / "weights/small/model.safetensors" for name in ("whole", "parts"))
    assert parts["inputs"] == whole["inputs"]
    assert one.stat().st_size == two.stat().st_size


def test_what_is_to_be_written_beside_a_model_is(tmp_path):
    job = small_job(after=lambda folder: (folder / "pipeline.json").write_text("{}"))
    made(tmp_path, job)
    assert (tmp_path / "weights/small/pipeline.json").is_file()


def test_every_need_is_a_job_that_comes_before():
    names = list(JOBS)
    for i, name in enumerate(names):
        assert set(JOBS[name].needs) <= set(names[:i]), name
    assert in_order(["textures_gpt", "photos_vqgan"]) == ["photos_vqgan", "textures_gpt"]


@pytest.fixture
def pretended(monkeypatch, tmp_path):
    """Jobs whose processes only note their name; those named "bad" fail."""
    log = tmp_path / "log"
    needs = {"a": (), "bad": (), "b": ("a",), "c": ("b", "bad")}
    jobs = {name: replace(small_job(), needs=need) for name, need in needs.items()}
    monkeypatch.setattr(make_weights, "JOBS", jobs)
    note = "import sys; open(sys.argv[1], 'a').write(sys.argv[2]); sys.exit(sys.argv[2] == 'bad')"
    monkeypatch.setattr(
        make_weights, "command", lambda name, _: [sys.executable, "-c", note, str(log), name]
    )
    monkeypatch.setattr(make_weights, "LOOK_EVERY", 0.01)
    return log


@pytest.mark.parametrize("at_once", [1, 3])
def test_jobs_run_after_those_that_they_need(pretended, at_once):
    side_by_side(["b", "a"], Namespace(at_once=at_once))
    assert pretended.read_text() == "ab"


def test_after_a_failure_nothing_new_begins(pretended):
    with pytest.raises(SystemExit, match="failed: bad; the same command goes on from here"):
        side_by_side(["bad", "c"], Namespace(at_once=2))
    assert pretended.read_text() == "bad"


def test_an_unknown_job_is_named():
    call = [sys.executable, "-m", "vqlib.course.make_weights", "digits_gpt2"]
    done = subprocess.run(call, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert "unknown job digits_gpt2; there are offline_features" in done.stderr


def test_the_ledger_lists_what_there_is_and_stays_within_its_budget(tmp_path):
    assert (WEIGHTS / "LEDGER.md").read_text(encoding="utf-8") == ledger(WEIGHTS)
    total = sum(file.stat().st_size for file in WEIGHTS.glob("*/*"))
    assert f"{total:,} of {BUDGET:,} bytes" in ledger(WEIGHTS) and total <= BUDGET
    made(tmp_path, small_job())
    write_ledger(tmp_path / "weights")
    assert "| small |" in (tmp_path / "weights/LEDGER.md").read_text(encoding="utf-8")
