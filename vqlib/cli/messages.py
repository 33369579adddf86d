"""What the commands say on stderr, one line each."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from vqlib.cli.classes import numbered
from vqlib.data.catalogue import BUNDLED, DOWNLOADED
from vqlib.data.folder import find_pictures
from vqlib.data.images import Images
from vqlib.data.unread import unread_lines
from vqlib.saved.pipeline import ConditionKind
from vqlib.tokens.classes import parts_of
from vqlib.tokens.source import PriorSource


def say(words: str) -> None:
    """Print words in one line, whatever line ends are in them."""
    print("vqlib:", *(line.strip() for line in words.splitlines()), file=sys.stderr)


def name_left_out(images: Images) -> None:
    """Name each picture of a folder that could not be read, and the reason."""
    if os.environ.get("RANK", "0") != "0":  # under torchrun the main process does
        return
    for path, reason in getattr(images, "skipped", ()):
        say(f"left out: {path}: {reason}")


def name_classes(classes: Sequence[str]) -> None:
    """Say which number stands for which class, where they have names."""
    if classes:
        print("classes:", numbered(classes))


def name_parts_of(source: PriorSource, condition: ConditionKind) -> None:
    """The same as `name_parts` of what a prior learns from; classes are no parts."""
    if source.data not in BUNDLED | DOWNLOADED and condition != "class":
        name_parts(Path(source.data))


def name_parts(folder: Path) -> None:
    """Say that train and val of a folder are not kept apart, where it has such subfolders only."""
    if os.environ.get("RANK", "0") != "0" or not folder.is_dir():
        return
    parts = parts_of(find_pictures(folder)[0])
    if len(parts) > 1:
        say(
            f"{folder}: the pictures of {' and '.join(parts)} are taken together; to keep them "
            f"apart give one of them as --data, such as {folder / parts[0]}"
        )


def name_unread(images: Images) -> None:
    """Say which kinds of files in a folder are never read, and what to do about them."""
    if os.environ.get("RANK", "0") == "0":
        for line in unread_lines(getattr(images, "unread", {})):
            say(line)
