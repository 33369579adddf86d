"""From words to a command: help with examples, and one line for words that mean nothing."""

import io
import itertools
import re
import shlex
import textwrap
from contextlib import redirect_stderr

import tyro
from tyro.conf import OmitArgPrefixes, OmitSubcommandPrefixes
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from vqlib import __version__
from vqlib.cli.examples import EXAMPLES, FIRST_CALLS
from vqlib.cli.flags import chosen, flags, meant, subcommands, with_flags

REGISTRY = ConstructorRegistry()
HELP = {"-h", "--help"}
# What tyro calls the kinds of values, in words.
KINDS = {
    "{none}": "none",
    "INT": "a whole number",
    "FLOAT": "a number",
    "PATH": "a path",
    "STR": "a word",
}


class BadWords(ValueError):
    """The words of a call that mean nothing; the message is for the one who typed them."""


@REGISTRY.primitive_rule
def _none(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
    """The word for no value is `none`; `None`, which is Python, goes as well."""
    if info.type is not type(None):
        return None
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="{none}",
        instance_from_str=lambda _: None,
        is_instance=lambda value: value is None,
        str_from_instance=lambda _: ["none"],
        choices=("none", "None"),
    )


def parse(kind: type, words: list[str]) -> object:
    """The command that the words call for.

    Args:
        kind: the root of all commands.
        words: what stands behind `vqlib`.

    Raises:
        SystemExit: help or the version was asked for, and is printed.
        BadWords: the words mean nothing.
    """
    path, command = chosen(kind, words)
    below, rest = subcommands(command), words[len(path) :]
    if words[:1] == ["--version"]:
        print(f"vqlib {__version__}")
        raise SystemExit(0)
    if below and rest and rest[0] in HELP:
        print(_overview(path, below))
        raise SystemExit(0)
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            settings = (OmitArgPrefixes, OmitSubcommandPrefixes)
            given = tyro.cli(kind, prog="vqlib", args=words, config=settings, registry=REGISTRY)
    except SystemExit as end:
        if end.code:
            raise BadWords(_explained(said.getvalue(), path, command, rest)) from end
        calls = EXAMPLES.get(" ".join(path), ())
        print("\nexamples:", *calls, sep="\n  ")
        raise
    return given


def _overview(path: list[str], below: dict[str, type]) -> str:
    """The commands below one that only chooses, each with the first sentence about it."""
    called = " ".join(["vqlib", *path])
    lines = [f"usage: {called} COMMAND …", ""]
    if not path:
        lines += ["Compress first, then generate: images to tokens, tokens to images.", ""]
    for name, command in below.items():
        about = re.split(r"(?<=\.)\s", " ".join(command.__doc__.split()))[0]
        lines += textwrap.wrap(
            about, 78, initial_indent=f"  {name:<13}", subsequent_indent=" " * 15
        )
    lines += ["", f"The flags of a command: {called} COMMAND --help"]
    if not path:
        lines += ["", "examples:"]
        lines += [f"  # {about}\n  {call}" for about, call in FIRST_CALLS.items()]
    return "\n".join(lines)


def _explained(said: str, path: list[str], command: type, rest: list[str]) -> str:
    """What is wrong, in a line, and where to read on."""
    called = " ".join(["vqlib", *path])
    reason = _reason(*_unboxed(said), command, rest)
    return f"{reason}{' See' if reason.endswith('?') else '; see'} {called} --help"


def _unboxed(said: str) -> tuple[str, list[str]]:
    """Title and lines of what tyro says in a box, up to the rule below them.

    Where the terminal knows ASCII only there is no box, and a rule below the title too.
    """
    title, *lines = [line.strip("│╭╮╰╯ ") for line in said.splitlines() if line.strip()]
    if re.fullmatch("[─-]+", lines[0]):
        lines = lines[1:]
    body = itertools.takewhile(lambda line: not re.fullmatch("[─-]+", line), lines)
    return title.strip("─ "), [line for line in body if line]


def _reason(title: str, body: list[str], command: type, rest: list[str]) -> str:
    text, below = " ".join(body), subcommands(command)
    if below:
        if not rest or rest[0].startswith("-"):
            return f"which command? One of {', '.join(below)}"
        near = meant(rest[0], list(below))
        return f"no command is called {rest[0]}" + (f"; did you mean {near}?" if near else "")
    if title == "Unrecognized options":
        unknown = next((word for word in rest if word in text and word.startswith("-")), None)
        if unknown is None:
            return "too many words: " + text.partition(": ")[2].replace(",", "")
        near = meant(unknown.partition("=")[0], flags(command))
        return f"no flag is called {unknown}" + (f"; did you mean {near}?" if near else "")
    if title == "Required options":
        name, *about = body[1:]
        return f"{name} is missing: {' '.join(about).removesuffix('. (required)')}"
    if found := re.search(r"invalid choice '(.*?)' for argument '(.*?)'.*\((.*)\)", text):
        value, name, choices = found.groups()
        return f"{name} is {value!r}; use one of {choices.replace(chr(39), '').rstrip(',')}"
    if found := re.match(r"Error parsing (--[\w-]+)", text):
        return _wrong_value(found[1], text, command, rest)
    return with_flags(re.sub(r"^Error parsing [\w.]+: ", "", text), command)


def _wrong_value(name: str, text: str, command: type, rest: list[str]) -> str:
    """A flag was given something of another kind."""
    at = next((i for i, word in enumerate(rest) if word.split("=")[0] == name), len(rest))
    given = []
    for word in rest[at + 1 :]:
        if word in flags(command):
            break
        given.append(word)
    value = shlex.join(given) or "nothing"
    kind = re.search(r"no type matching (.*?) could", text)
    wanted = "INT" if kind is None and "int()" in text else kind[1] if kind else "FLOAT"
    return f"{name} is {value}; it takes {_in_words(wanted)}"


def _in_words(metavar: str) -> str:
    """`{none}|{INT INT}` as "none or 2 whole numbers"."""
    parts = []
    for part in metavar.split("|"):
        inner = part.strip("{}").split(" ")
        if len(inner) > 1:
            singular = KINDS.get(inner[0], inner[0]).removeprefix("a ")
            parts.append(f"{len(inner)} {singular}s")
        else:
            parts.append(KINDS.get(part, part.strip("{}").replace(",", ", ")))
    return " or ".join(parts)
