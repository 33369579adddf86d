"""Which pictures of a folder are held out: the name of each decides, and nothing else."""

import hashlib
import os
from pathlib import PurePosixPath

# Share of the pictures that the split "held_out" gets, on average.
HELD_OUT = 0.1
# All below a folder of this name belong to it.
HELD_OUT_FOLDER = "held_out"


def choose_split(names: list[str], split: str) -> list[str]:
    """The names that belong to "all", "train" or "held_out"; each is judged by itself."""
    if split == "all":
        return names
    return [name for name in names if is_held_out(name) == (split == "held_out")]


def is_held_out(name: str) -> bool:
    """Whether a picture of this name is held out: true for a share `HELD_OUT` of all names, and
    for all below a folder `HELD_OUT_FOLDER`."""
    if HELD_OUT_FOLDER in PurePosixPath(name).parts[:-1]:
        return True
    digest = hashlib.sha256(os.fsencode(name)).digest()
    return int.from_bytes(digest[:8], "big") < HELD_OUT * 2**64
