"""The command line: `python -m vqlib`. Flags come from the types of the configurations."""

import io
import os
import sys
from dataclasses import dataclass
from typing import Annotated

import tyro
from tyro.conf import OmitArgPrefixes, OmitSubcommandPrefixes

from vqlib.cli.convert import Convert
from vqlib.cli.extend import Extend
from vqlib.cli.measure import Measure
from vqlib.cli.messages import say
from vqlib.cli.paint import Paint
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
    """Run a command. Exits 0, or 2 with one clear line, or 130 after Ctrl-C."""
    settings = (OmitArgPrefixes, OmitSubcommandPrefixes)
    for stream in (sys.stdout, sys.stderr):  # no name of a file is a reason to stop
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if os.environ.get("RANK", "0") != "0":
        sys.stdout = None  # under torchrun only the main process prints
    try:
        given = tyro.cli(Vqlib, prog="vqlib", description=__doc__, args=args, config=settings)
        status = given.command.run()
    except (ValueError, OSError) as error:
        say(f"error: {error}")
        status = 2
    except KeyboardInterrupt:
        say("interrupted")
        status = 130
    sys.exit(status)
