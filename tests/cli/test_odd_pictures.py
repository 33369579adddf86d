"""Two hundred odd files, as users really have them, through every command that takes a folder."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.commands import refusal, run
from tests.data.odd_pictures import write_odd_pictures

LIMIT = 60  # seconds; a named pipe, read by mistake, would never end


@pytest.fixture(scope="module")
def odd(tmp_path_factory) -> tuple[Path, dict[Path, str]]:
    """The folder, and for each file whether it is good, broken, or either."""
    folder = tmp_path_factory.mktemp("odd") / "pictures"
    return folder, write_odd_pictures(folder, 0, 200)


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    """Fail a call that would not end."""

    def stop(*_: object) -> None:
        pytest.fail(f"not done after {LIMIT} seconds")

    old = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, old)


def left_out(error: str) -> set[Path]:
    """The files that lines on stderr name; a progress bar may stand before them."""
    prefix = "vqlib: left out: "
    lines = [line for line in error.splitlines() if prefix in line]
    return {Path(line.partition(prefix)[2].partition(": ")[0]) for line in lines}


def check_verdicts(named: set[Path], verdicts: dict[Path, str]) -> None:
    """Every broken file is named, no good one is."""
    assert named <= set(verdicts)
    assert {path for path in named if verdicts[path] == "good"} == set()
    assert {path for path, verdict in verdicts.items() if verdict == "broken"} <= named


def test_reconstruct_names_the_broken_and_writes_the_others(odd, codec, tmp_path, capsys):
    folder, verdicts = odd
    out = tmp_path / "out"
    assert run("reconstruct", folder, "--model", codec, "--out", out, "--broken", "skip") == 0
    named = left_out(capsys.readouterr().err)
    check_verdicts(named, verdicts)
    written = {path.stem for path in out.iterdir()}
    assert {path.stem for path, verdict in verdicts.items() if verdict == "good"} <= written
    assert written <= {path.stem for path in verdicts} - {path.stem for path in named}
    with Image.open(next(out.glob("*one_row.png"))) as row:
        assert row.size == (2 * 1000 + 6, 1 + 4)


@pytest.mark.filterwarnings("default:.*the covariance is singular")
def test_measure_names_the_broken_and_measures_the_others(odd, codec, capsys):
    folder, verdicts = odd
    assert run("measure", folder, "--model", codec, "--broken", "skip") == 0
    said = capsys.readouterr()
    named = left_out(said.err)
    check_verdicts(named, verdicts)
    good = [path for path, verdict in verdicts.items() if verdict == "good"]
    measured = int(said.out.splitlines()[0].removeprefix("num images: "))
    assert len(good) <= measured <= len(verdicts) - len(named)


def test_training_names_the_broken_and_learns_from_the_others(odd, codec, tmp_path, capsys):
    folder, verdicts = odd
    call = ["train", "vqvae", "--data", folder, "--start-from", codec, "--out", tmp_path / "run"]
    assert run(*call, "--broken", "skip", "--steps", 2, "--batch-size", 32) == 0
    said = capsys.readouterr()
    assert "held-out images" in said.out
    check_verdicts(left_out(said.err), verdicts)  # of both splits together


@pytest.mark.parametrize("command", ["reconstruct", "measure", "train vqvae --data"])
def test_by_default_broken_pictures_are_refused(command, odd, codec, tmp_path, capsys):
    folder, verdicts = odd
    model = "--start-from" if command.startswith("train") else "--model"
    options = [model, codec, "--out", tmp_path / "out"]
    message = refusal(capsys, *command.split(), folder, *options)
    first = min(path for path, verdict in verdicts.items() if verdict == "broken")
    assert first.name in message
    assert list(tmp_path.iterdir()) == []
