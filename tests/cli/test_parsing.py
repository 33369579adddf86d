"""Help, version, and words that mean nothing: each in a line that says what to type instead."""

import shlex

import pytest

from tests.cli.commands import refusal, run
from vqlib import __version__
from vqlib.cli import Vqlib
from vqlib.cli.examples import EXAMPLES, FIRST_CALLS
from vqlib.cli.flags import SYNONYMS, chosen, flags, meant, subcommands, with_flags
from vqlib.cli.parsing import parse
from vqlib.cli.train import TrainVQGAN, TrainVQVAE

COMMANDS = [
    (path, kind)
    for name, kind in subcommands(Vqlib).items()
    for path, kind in (
        [([name, stage], below) for stage, below in subcommands(kind).items()] or [([name], kind)]
    )
]


def test_the_version(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"vqlib {__version__}\n"


@pytest.mark.parametrize("given", [["--help"], ["-h"], ["train", "--help"]], ids=" ".join)
def test_help_before_a_command_fits_a_screen(given, capsys):
    assert run(*given) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 40
    assert max(map(len, lines)) <= 100


def test_every_command_has_examples():
    assert EXAMPLES.keys() == {" ".join(path) for path, _ in COMMANDS}


@pytest.mark.parametrize("path", EXAMPLES)
def test_examples_mean_what_they_say_and_stand_in_the_help(path, capsys):
    for call in EXAMPLES[path]:
        program, *words = shlex.split(call)
        assert program == "vqlib"
        given = parse(Vqlib, words).command
        assert type(getattr(given, "stage", given)) is chosen(Vqlib, words)[1]
    assert run(*path.split(), "--help") == 0
    assert capsys.readouterr().out.endswith("\n  ".join(["examples:", *EXAMPLES[path]]) + "\n")


def test_the_first_calls_mean_something():
    for call in FIRST_CALLS.values():
        parse(Vqlib, shlex.split(call)[1:])


NEED_ONE = ("measure", "paint", "extend")


def test_none_is_understood_wherever_it_is_offered(capsys):
    """Each flag whose help shows {none}."""
    tried = 0
    for path, kind in COMMANDS:
        assert run(*path, "--help") == 0
        words = capsys.readouterr().out.split()
        positional = ["x"] * {"convert": 2}.get(path[0], int(path[0] in (*NEED_ONE, "reconstruct")))
        needed = [*positional, *(["--out", "r"] if path[0] in ("train", "tokenize") else [])]
        for name in flags(kind):
            metavar = words[words.index(name) + 1] if name in words[:-1] else ""
            if metavar.startswith("{none}"):
                for word in ("none", "None"):
                    parse(Vqlib, [*path, *needed, name, word])
                tried += 1
    assert tried > 30


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "which command? One of train, reconstruct, measure"),
        (["train"], "which command? One of vqvae, vqgan, prior"),
        (["smaple"], "no command is called smaple; did you mean sample? See vqlib --help"),
        (["train", "vqgna"], "no command is called vqgna; did you mean vqgan? See vqlib train --h"),
        (
            ["train", "vqvae", "--out", "r", "--sise", "3"],
            "no flag is called --sise; did you mean --size? See vqlib train vqvae --help",
        ),
        (
            ["train", "vqgan", "--out", "r", "--lr", "1"],
            "no flag is called --lr; did you mean --learning-rate?",
        ),
        (["sample", "a", "b"], "too many words: a b; see vqlib sample --help"),
        (["sample", "--count", "many"], "--count is many; it takes none or a whole number"),
        (["sample", "--seed", "1.5"], "--seed is 1.5; it takes a whole number"),
        (["sample", "--temperature", "x"], "--temperature is x; it takes a number"),
        (["sample", "--size", "4"], "--size is 4; it takes none or 2 whole numbers"),
        (
            ["extend", "a.png", "--erase", "1", "2", "3"],
            "--erase is 1 2 3; it takes none or 4 whole",
        ),
        (["sample", "--schedule", "magic"], "--schedule is 'magic'; use one of sequential, wave"),
        (["train", "vqvae"], "--out PATH is missing: Run folder"),
        (["paint"], "PATH is missing: The map; see vqlib paint --help"),
        (["train", "vqvae", "--out", "r", "--steps", "0"], "--steps is 0; it must be at least 1"),
        (["train", "vqvae", "--out", "r", "--seed", "9" * 20], "--seed is 9999"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_one_line_says_what_is_wrong_and_where_to_read_on(words, said, capsys):
    error = refusal(capsys, *words)
    assert said in error
    assert "[bold]" not in error and "Error parsing" not in error


def test_messages_of_the_library_are_put_in_words_of_the_command_line():
    def words(message):
        return with_flags(message, TrainVQGAN)

    assert words("batch_size is 64, disc_start too") == "--batch-size is 64, --disc-start too"
    assert words("steps is 0; it") == "--steps is 0; it"
    assert words("runs/batch_size/x: no steps is 3") == "runs/batch_size/x: no steps is 3"
    assert with_flags("disc_start is 3", TrainVQVAE) == "disc_start is 3", "a flag it has not"


def test_synonyms_lead_to_flags_that_there_are():
    known = {name for _, kind in COMMANDS for name in flags(kind)}
    assert set(SYNONYMS.values()) <= known
    for path, kind in COMMANDS:  # no command calls by its name what a synonym leads to
        mine = flags(kind)
        assert not [name for name in SYNONYMS if name in mine and SYNONYMS[name] in mine], path
    assert meant("--xyzzy", sorted(known)) is None
