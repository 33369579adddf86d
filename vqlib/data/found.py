"""What is in a folder of pictures and below, by the names of the files; none is opened."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from vqlib.data.pictures import picture_extensions
from vqlib.data.unread import ADVICE


@dataclass(frozen=True)
class Found:
    """What is in a folder and below. Names have "/" as separator."""

    names: list[str]
    """The pictures, sorted."""
    unreadable: list[tuple[str, str]]
    """Pictures that cannot be read and folders that cannot be listed, each with the reason."""
    unread: dict[str, int]
    """How many files there are with each ending of pictures that are not read."""


def look_through(folder: Path) -> Found:
    """Look for pictures in a folder and below; hidden files and folders are left out.

    Raises:
        FileNotFoundError: no such folder.
        NotADirectoryError: a file.
    """
    check_is_folder(folder)
    endings = picture_extensions()
    names: list[str] = []
    unreadable: list[tuple[str, str]] = []
    unread: Counter[str] = Counter()

    def note(error: OSError) -> None:
        unreadable.append((os.path.relpath(error.filename, folder), str(error.strerror)))

    been: set[Path] = set()
    for place, folders, files in os.walk(folder, onerror=note, followlinks=True):
        here = Path(place)
        if here.resolve() in been:  # a link led back
            folders.clear()
            continue
        been.add(here.resolve())
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "__MACOSX")
        visible = [here / file for file in files if not file.startswith(".")]
        pictures = (path for path in visible if path.suffix.lower() in endings)
        names += [path.relative_to(folder).as_posix() for path in pictures]
        unread.update(ending for path in visible if (ending := path.suffix.lower()) in ADVICE)
    return Found(sorted(names), unreadable, dict(sorted(unread.items())))


def check_is_folder(folder: Path) -> None:
    """Raise `FileNotFoundError` or `NotADirectoryError` if it is none."""
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such folder")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: this is a file; give the folder with the pictures")
