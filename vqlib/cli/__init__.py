"""The command line: `python -m vqlib`. Flags come from the types of the configurations."""

import os
import sys
from typing import Annotated

import tyro
from tyro.conf import OmitArgPrefixes, OmitSubcommandPrefixes

from vqlib.cli.convert import Convert
from vqlib.cli.measure import Measure
from vqlib.cli.reconstruct import Reconstruct
from vqlib.cli.sample import Sample
from vqlib.cli.train import Train

Command = (
    Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Reconstruct, tyro.conf.subcommand("reconstruct")]
    | Annotated[Measure, tyro.conf.subcommand("measure")]
    | Annotated[Sample, tyro.conf.subcommand("sample")]
    | Annotated[Convert, tyro.conf.subcommand("convert")]
)


def main(args: list[str] | None = None) -> None:
    """Run a command. Exits 0, or 2 with one clear line, or 130 after Ctrl-C."""
    settings = (OmitArgPrefixes, OmitSubcommandPrefixes)
    if os.environ.get("RANK", "0") != "0":
        sys.stdout = None  # under torchrun only the main process prints
    try:
        command = tyro.cli(Command, prog="vqlib", description=__doc__, args=args, config=settings)
        status = command.run()
    except (ValueError, OSError) as error:
        print(f"vqlib: error: {error}", file=sys.stderr)
        status = 2
    except KeyboardInterrupt:
        print("vqlib: interrupted", file=sys.stderr)
        status = 130
    sys.exit(status)
