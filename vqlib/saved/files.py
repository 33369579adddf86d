"""Files of models: safetensors and JSON, no pickle, never half-written."""

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor


class Damaged(ValueError):
    """A file of a model or checkpoint folder cannot be read, or only in part."""


def write_folder(
    target: Path, texts: Mapping[str, Any], tensors: Mapping[str, Mapping[str, Tensor]]
) -> None:
    """All files under a temporary name, then one rename: readers see the old folder or the new."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".writing-{target.name}-{uuid.uuid4().hex[:8]}"
    temporary.mkdir()
    try:
        for name, value in texts.items():
            text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
            (temporary / name).write_text(text, encoding="utf-8")
        for name, state in tensors.items():
            plain = {key: value.detach().cpu().contiguous() for key, value in state.items()}
            save_file(plain, temporary / name)
            # It lets only its owner read; others may, as they may read the rest of the folder.
            shutil.copymode(temporary / "config.json", temporary / name)
        for path in temporary.iterdir():
            _sync(path)
        _replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def written_whole(folder: Path) -> Iterator[Path]:
    """A name for a folder that becomes `folder` at the end; whatever goes wrong before, it is gone.

    The folder is made by whoever writes into it first.
    """
    temporary = folder.with_name(f".unfinished-{folder.name}")
    shutil.rmtree(temporary, ignore_errors=True)  # of a call that was killed
    try:
        yield temporary
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _replace(new: Path, target: Path) -> None:
    # A folder cannot be renamed onto a full one: the old one steps aside first.
    old = new.with_name(new.name + "-old")
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def read_json(path: Path) -> dict[str, Any]:
    """An object of a JSON file; raises `FileNotFoundError` or `Damaged`."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} not found; a model folder holds config.json and model.safetensors"
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Damaged(f"{path} is not valid JSON ({error}); was the file cut short?") from error
    if not isinstance(values, dict):
        raise Damaged(f"{path} holds {values!r}; an object with names and values is expected")
    return values


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name; raises `FileNotFoundError` or `Damaged`."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} not found; a model folder holds config.json and model.safetensors"
        )
    try:
        return load_file(path)
    except SafetensorError as error:
        raise Damaged(f"{path} is not a readable safetensors file: {error}") from error
