"""The command line: `python -m vqlib`. Flags come from the types of the configurations."""

import io
import os
import signal
import sys
from dataclasses import dataclass
from types import FrameType
from typing import Annotated

import tyro

from vqlib.cli.convert import Convert
from vqlib.cli.extend import Extend
from vqlib.cli.failures import advice
from vqlib.cli.flags import with_flags
from vqlib.cli.measure import Measure
from vqlib.cli.messages import say
from vqlib.cli.paint import Paint
from vqlib.cli.parsing import BadWords, parse
from vqlib.cli.reconstruct import Reconstruct
from vqlib.cli.sample import Sample
from vqlib.cli.tokenize import Tokenize
from vqlib.cli.train import Train


@dataclass(frozen=True)
class Vqlib:
    """All commands. A field of its own: a bare union would get a made-up name in messages."""

    command: (
        Annotated[Train, tyro.conf.subcommand("train")]
        | Annotated[Reconstruct, tyro.conf.subcommand("reconstruct")]
        | Annotated[Measure, tyro.conf.subcommand("measure")]
        | Annotated[Sample, tyro.conf.subcommand("sample")]
        | Annotated[Paint, tyro.conf.subcommand("paint")]
        | Annotated[Extend, tyro.conf.subcommand("extend")]
        | Annotated[Tokenize, tyro.conf.subcommand("tokenize")]
        | Annotated[Convert, tyro.conf.subcommand("convert")]
    )
    """What to do."""


def main(args: list[str] | None = None) -> None:
    """Run a command. Exits 0; 2 with one clear line; 130 after Ctrl-C, 143 after SIGTERM."""
    for stream in (sys.stdout, sys.stderr):  # no name of a file is a reason to stop
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if os.environ.get("RANK", "0") != "0":
        sys.stdout = None  # under torchrun only the main process prints
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        sys.exit(_status(sys.argv[1:] if args is None else args))
    finally:
        signal.signal(signal.SIGTERM, before)


def _status(words: list[str]) -> int:
    """Run a command; its exit status."""
    kind: type = Vqlib
    try:
        command = parse(Vqlib, words).command
        kind = type(getattr(command, "stage", command))
        return command.run()
    except BadWords as error:
        say(f"error: {error}")
        return 2
    except (ValueError, OSError) as error:
        say(f"error: {advice(error) or with_flags(str(error), kind)}")
        return 2
    except KeyboardInterrupt:
        say("interrupted")
        return 128 + signal.SIGINT
    except Exception as error:
        known = advice(error)
        if known is None:  # a bug: its traceback is of use
            raise
        say(f"error: {known}")
        return 2


def _terminate(*_: int | FrameType | None) -> None:
    """What is half-written is cleared away, as after Ctrl-C."""
    say("terminated")
    sys.exit(128 + signal.SIGTERM)
