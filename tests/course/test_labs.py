"""Labs stay closed without a prediction, and say how far it was off."""

import os
import subprocess
import sys

import pytest

from vqlib.course import lab_rows, predicted
from vqlib.course.labs import NOBODY_WRITES, Unpredicted

STATED = {"nats": 1.0, "share": 0.5}


@pytest.fixture
def reader(monkeypatch):
    """As where somebody sits before the notebook."""
    for name in NOBODY_WRITES:
        monkeypatch.delenv(name, raising=False)


def test_what_the_reader_has_written_counts(reader):
    assert predicted({"nats": 2, "share": 0.25}, STATED) == {"nats": 2.0, "share": 0.25}


@pytest.mark.parametrize("mine", [{}, {"nats": 2.0}, {"nats": 2.0, "share": ...}])
def test_without_a_prediction_the_lab_stays_closed(reader, mine):
    with pytest.raises(Unpredicted, match="a number for .*share") as closed:
        predicted(mine, STATED)
    assert "先写下你的预测" in str(closed.value)


@pytest.mark.parametrize("name", sorted(NOBODY_WRITES))
def test_where_nobody_writes_it_runs_with_the_stated_one(reader, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert predicted({"nats": ..., "share": 0.1}, STATED) == STATED


def test_pytest_is_such_a_place():
    assert predicted({}, STATED) == STATED


@pytest.mark.parametrize(
    ("mine", "message"),
    [({"nast": 1.0}, "nobody asked for nast.*nats, share"), ({"nats": "1"}, "nats = '1'"),
     ({"nats": True}, "nats = True"), ({"nats": None}, "nats = None")],
)  # fmt: skip
def test_what_is_no_prediction_is_named(mine, message):
    with pytest.raises(ValueError, match=message):
        predicted(mine, STATED)


def test_a_notebook_shows_what_to_do_and_no_trace():
    code = "from vqlib.course import predicted\npredicted({}, {'nats': 1.0})"
    clean = {k: v for k, v in os.environ.items() if k not in NOBODY_WRITES}
    command = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "-c", code]
    shown = subprocess.run(command, capture_output=True, text=True, env=clean).stdout
    assert "Write your prediction first" in shown
    assert "Traceback" not in shown and "labs.py" not in shown


def test_the_rows_say_where_the_truth_lay():
    found = {"nats": [1.0, 1.4], "share": [0.1, 0.3], "more": [2.0, 2.0], "extra": [5.0]}
    guess, near = {"nats": 1.1, "share": 0.9, "more": 1.0}, dict.fromkeys(found, 0.2)
    rows = {name: row for name, *row in lab_rows(guess, found, near)}
    assert rows["nats"] == [1.1, pytest.approx(1.2), pytest.approx(0.2), "near"]
    assert rows["share"][3] == "below"
    assert rows["more"][3] == "above"
    assert rows["extra"] == [None, 5.0, 0.0, None]
