"""Files that were found sound are not checked again until they change."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path

import PIL
from tqdm import tqdm

from vqlib.data import pictures, png, tiff
from vqlib.data.pictures import quiet_pillow

# Sizes and times of change of the files that an answer depends on; None: one is not there.
State = list[int] | None


def check_files(
    purpose: str,
    files: dict[str, Iterable[Path]],
    trouble: Callable[[str], str | None],
    *,
    progress: bool = True,
) -> dict[str, str]:
    """What is wrong with files, found with all processors. Sound ones are remembered.

    What was sound for the same purpose with the same sizes and times of change, under the same
    Pillow, is not asked again. It is written down in `cache_folder()`, also if the check is
    interrupted; where nothing can be written, all is checked each time. What was not sound is
    always asked again: perhaps only the network was down.

    Args:
        purpose: what is checked, with the folder; the title of the bar.
        files: on which files each answer depends, by name.
        trouble: what is wrong under a name, or None.
        progress: show a bar.

    Returns:
        By name, in the order of `files`, what is wrong where something is.
    """
    memory = cache_folder() / "checked" / f"{hashlib.sha256(os.fsencode(purpose)).hexdigest()}.json"
    sound = _recall(memory)
    states = {name: _state(paths) for name, paths in files.items()}
    unknown = [name for name, state in states.items() if state is None or sound.get(name) != state]
    found: dict[str, str | None] = {}
    # Pillow decodes outside Python's lock, so threads do. Small folders need no bar.
    try:
        with quiet_pillow(), ThreadPoolExecutor() as pool:
            troubles = pool.map(trouble, unknown)
            bar = tqdm(troubles, purpose, len(unknown), disable=not progress, delay=1, leave=False)
            found.update(zip(unknown, bar, strict=True))
    finally:
        news = {name: states[name] for name, reason in found.items() if reason is None}
        if news:
            _remember(memory, sound | news)
    return {name: reason for name, reason in found.items() if reason is not None}


def cache_folder() -> Path:
    """Where things are kept that can be found out again: $VQLIB_CACHE, else the user's cache."""
    if own := os.environ.get("VQLIB_CACHE"):
        return Path(own)
    users = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    return Path(users) / "vqlib"


def _state(paths: Iterable[Path]) -> State:
    try:
        found = [path.stat() for path in paths]
    except OSError:
        return None
    return [number for stat in found for number in (stat.st_size, stat.st_mtime_ns)]


def _recall(memory: Path) -> dict[str, State]:
    """What was sound; nothing if the file is not there, damaged or of another reader."""
    try:
        notes = json.loads(memory.read_text(encoding="utf-8"))
        return dict(notes["sound"]) if notes["reader"] == _reader() else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _remember(memory: Path, sound: dict[str, State]) -> None:
    temporary = memory.with_name(f"{memory.name}.{os.getpid()}")
    with suppress(OSError):  # a home without write access
        memory.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({"reader": _reader(), "sound": sound}), encoding="utf-8")
        temporary.replace(memory)


@cache
def _reader() -> str:
    """Another text for every Pillow and every state of the code that says what can be read."""
    source = b"".join(Path(module.__file__).read_bytes() for module in (pictures, png, tiff))
    return f"Pillow {PIL.__version__}, {hashlib.sha256(source).hexdigest()[:16]}"
