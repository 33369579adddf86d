"""What all commands share: help, words that mean nothing, and how a run ends."""

import os
import re
import subprocess
import sys
from dataclasses import fields, is_dataclass
from typing import get_type_hints

import pytest

from tests.cli.commands import refusal, run, write_pictures
from vqlib import cli
from vqlib.cli.convert import Convert
from vqlib.cli.extend import Extend
from vqlib.cli.measure import Measure
from vqlib.cli.paint import Paint
from vqlib.cli.reconstruct import Reconstruct
from vqlib.cli.sample import Sample
from vqlib.cli.tokenize import Tokenize
from vqlib.cli.train import TrainVQGAN, TrainVQVAE
from vqlib.cli.train_prior import TrainPrior

COMMANDS = {
    "train vqvae": TrainVQVAE,
    "train vqgan": TrainVQGAN,
    "train prior": TrainPrior,
    "tokenize": Tokenize,
    "reconstruct": Reconstruct,
    "measure": Measure,
    "sample": Sample,
    "paint": Paint,
    "extend": Extend,
    "convert": Convert,
}
# What comes without a flag.
POSITIONAL = {
    "reconstruct": {"pictures"},
    "measure": {"data"},
    "paint": {"map"},
    "extend": {"photo"},
    "convert": {"checkpoint", "out"},
}


def options(kind: type) -> list[str]:
    """The fields of a command; those of a recipe or another group stand in the group's place."""
    hints = get_type_hints(kind)
    names = []
    for field in fields(kind):
        names += options(hints[field.name]) if is_dataclass(hints[field.name]) else [field.name]
    return names


@pytest.mark.parametrize("command", COMMANDS)
def test_help_lists_every_flag_and_its_default(command, capsys):
    assert run(*command.split(), "--help") == 0
    said = capsys.readouterr()
    assert said.err == ""
    names = options(COMMANDS[command])
    positional = POSITIONAL.get(command, set())
    assert positional <= set(names)
    flags = {f"--{name.replace('_', '-')}" for name in names if name not in positional}
    assert set(re.findall(r"^. (--[a-z][a-z-]+)", said.out, re.MULTILINE)) == flags
    assert said.out.count("(default:") + said.out.count("(required)") == len(names)


def test_help_lists_the_commands(capsys):
    for given in ([], ["train"]):
        assert run(*given, "--help") == 0
        words = capsys.readouterr().out
        below = [name.split() for name in COMMANDS if name.split()[: len(given)] == given]
        assert all(f" {name[len(given)]} " in words for name in below)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["train"],
        ["smaple"],
        ["sample", "--lable", "7"],
        ["sample", "--count", "many"],
        ["train", "vqvae"],
        ["train", "vqvae", "--out", "r", "--codes", "magic"],
        ["train", "prior", "--out", "r", "--model", "magic"],
        ["train", "prior", "--out", "r", "--condition", "magic"],
        ["train", "prior", "--out", "r", "--order", "magic"],
        ["train", "prior", "--out", "r", "--window", "4"],
        ["tokenize"],
        ["sample", "--size", "4"],
        ["sample", "--schedule", "magic"],
        ["paint"],
        ["extend"],
        ["extend", "a.png", "--erase", "1", "2", "3"],
        ["measure"],
        ["measure", "digits", "--networks", "some"],
        ["convert", "a.ckpt"],
    ],
    ids=" ".join,
)
def test_words_that_mean_nothing_are_explained(arguments, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert "--help" in error
    assert error.count("\n") == 1
    assert "Traceback" not in error and "__" not in error
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_with_130(capsys, monkeypatch):
    def interrupted(_: Sample) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Sample, "run", interrupted)
    assert run("sample") == 130
    assert capsys.readouterr().err == "vqlib: interrupted\n"


def test_an_error_of_several_lines_becomes_one(capsys, monkeypatch):
    def failed(_: Sample) -> int:
        raise ValueError("weights do not fit:\n\tone\n\ttwo")

    monkeypatch.setattr(Sample, "run", failed)
    assert refusal(capsys, "sample") == "vqlib: error: weights do not fit: one two\n"


def test_a_programming_error_is_not_hidden(monkeypatch):
    def failed(_: Sample) -> int:
        raise KeyError("a bug")

    monkeypatch.setattr(Sample, "run", failed)
    with pytest.raises(KeyError):
        cli.main(["sample"])


def test_the_module_runs_as_a_program_on_any_terminal(codec, tmp_path):
    """Also where the terminal knows ASCII only, and neither the × of the sizes nor a name."""
    folder = write_pictures(tmp_path / "mine", 1)
    (folder / "00.png").rename(folder / "图.png")
    (folder / "words.png").write_text("these are words")
    call = [sys.executable, "-m", "vqlib", "reconstruct", folder, "--broken", "skip"]
    done = subprocess.run(
        [*call, "--model", codec, "--out", tmp_path / "out"],
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
        capture_output=True,
        encoding="ascii",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "out/\\u56fe.png: 10\\xd713 tokens, 520 bits, PSNR" in done.stdout
    name = folder / "words.png"
    assert done.stderr == f"vqlib: left out: {name}: not a picture in a format Pillow reads\n"
    assert (tmp_path / "out" / "图.png").is_file()
