"""Where results go: looked at before long work, and never left half-written."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def check_target(out: Path, *sources: Path) -> None:
    """Before long work: a result must be a PNG that can be written and overwrites no source.

    Raises:
        ValueError: it is no PNG, a folder, or one of the sources.
        OSError: it cannot be written there.
    """
    if out.suffix.lower() != ".png":
        raise ValueError(f"{out}: pictures are saved as PNG, give a name that ends in .png")
    if out.resolve() in {path.resolve() for path in sources}:
        raise ValueError(f"{out}: the result would overwrite a picture given; choose another --out")
    check_file(out)


def check_file(out: Path) -> None:
    """Before long work: can a file of this name be written?

    Raises:
        ValueError: a folder has the name.
        OSError: nothing can be written there.
    """
    if out.is_dir():
        raise ValueError(f"{out} is a folder; give the name of a file as --out")
    check_folder(out.parent)


def check_folder(folder: Path) -> None:
    """Before long work: can files be written into this folder, which may still have to be made?

    Nothing is left behind. Only trying tells: permissions say nothing about /proc or a full disk.

    Raises:
        NotADirectoryError: there is a file where a folder is needed.
        OSError: nothing can be written there.
    """
    place = folder
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise NotADirectoryError(
            f"{place} is no folder, so {folder} cannot be one: choose another --out"
        )
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"{place}: nothing can be written here ({reason})") from error


def write_json(values: dict[str, Any], path: Path) -> None:
    """Save values as JSON, under a temporary name first; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    temporary.replace(path)
