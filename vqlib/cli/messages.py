"""What the commands say on stderr, one line each."""

import os
import sys

from vqlib.data.images import Images
from vqlib.data.unread import unread_lines


def say(words: str) -> None:
    """Print words in one line, whatever line ends are in them."""
    print("vqlib:", *(line.strip() for line in words.splitlines()), file=sys.stderr)


def name_left_out(images: Images) -> None:
    """Name each picture of a folder that could not be read, and the reason."""
    if os.environ.get("RANK", "0") != "0":  # under torchrun the main process does
        return
    for path, reason in getattr(images, "skipped", ()):
        say(f"left out: {path}: {reason}")


def name_unread(images: Images) -> None:
    """Say which kinds of files in a folder are never read, and what to do about them."""
    if os.environ.get("RANK", "0") == "0":
        for line in unread_lines(getattr(images, "unread", {})):
            say(line)
