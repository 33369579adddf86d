"""What the commands say on stderr, one line each."""

import os
import sys

from vqlib.data.images import Images


def say(words: str) -> None:
    """Print words in one line, whatever line ends are in them."""
    print("vqlib:", *(line.strip() for line in words.splitlines()), file=sys.stderr)


def name_left_out(images: Images) -> None:
    """Name each picture of a folder that could not be read, and the reason."""
    if os.environ.get("RANK", "0") != "0":  # under torchrun the main process does
        return
    for path, reason in getattr(images, "skipped", ()):
        say(f"left out: {path}: {reason}")
