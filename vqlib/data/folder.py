"""Images from a folder of your own pictures, of any formats, shapes and sizes."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from vqlib.data.pictures import open_picture, picture_extensions, quiet_pillow, to_tensor
from vqlib.data.squares import MAX_ZOOM, centre_square, cut, random_square

# Share of the pictures that the split "held_out" gets, on average.
HELD_OUT = 0.1
# So many unreadable pictures in a row are no accident: the disk is gone.
MAX_TRIES = 100


class FolderImages:
    """Squares from the pictures in a folder and all folders below. Keeps the contract `Images`.

    Pictures are sorted by name. Hidden files and folders are left out, so is `__MACOSX`. Images
    for measuring are the largest centred square; `draw` cuts a random square that covers at
    least 1/1.25 of the shorter side. Both are resized with antialiasing, also upwards.

    The split of a picture depends on its name below `folder` alone: adding pictures moves none
    of the others.

    Args:
        folder: where the pictures are; links to other folders are followed.
        size: height and width of the images in pixels.
        channels: 3 for colour, 1 for grey; pictures of the other kind are converted.
        split: "all", "held_out" (about one picture in ten) or "train" (the others).
        broken: what happens to pictures that cannot be read: "refuse" raises an error, "skip"
            leaves them out. Those found here are listed in `skipped`; if one is found later, by
            reading it, the next picture takes its place.
        flip: whether `draw` mirrors half of the images.
        check: decode every picture once now, with all processors. Without it broken pictures
            come to light when they are read.
        progress: show a bar while checking.

    Raises:
        FileNotFoundError: no such folder.
        NotADirectoryError: a file.
        ValueError: no picture, or none that can be read; broken pictures, if they are refused;
            an argument out of range.
    """

    def __init__(
        self,
        folder: str | Path,
        size: int,
        *,
        channels: int = 3,
        split: str = "all",
        broken: str = "refuse",
        flip: bool = True,
        check: bool = True,
        progress: bool = True,
    ):
        _check_arguments(size, channels, split, broken)
        self.folder, self.size, self.channels = Path(folder), size, channels
        self.split, self.broken, self.flip = split, broken, flip
        found, unreadable = find_pictures(self.folder)
        names = choose_split(found, split)
        if not names:
            raise ValueError(_nothing(self.folder, len(found), unreadable, split))
        if check:
            unreadable += find_broken(self.folder, names, channels=channels, progress=progress)
        left_out = {path for path, _ in unreadable}
        # Text, not paths: a million names fit in memory.
        self.names = [name for name in names if self.folder / name not in left_out]
        self.skipped: list[tuple[Path, str]] = unreadable
        if unreadable and (broken == "refuse" or not self.names):
            raise ValueError(
                f"{self.folder}: {len(unreadable)} of {len(names)} pictures cannot be read: "
                f"{_listed(self.folder, unreadable)}; repair or remove them"
                + (", or leave them out with broken='skip'" if self.names else "")
            )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, size, size)."""
        return self.channels, self.size, self.size

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Float[Tensor, "C H W"]:
        picture = self._picture(index)
        return to_tensor(cut(picture, centre_square(*picture.size), self.size))

    def draw(self, index: int, generator: torch.Generator) -> Float[Tensor, "C H W"]:
        """A random square of the picture, perhaps mirrored.

        Raises:
            OSError: the file is gone or may not be read.
            ValueError: the picture is broken; with broken="skip", very many in a row are.
        """
        # Camera photos are decoded at a part of their size, which is many times faster; what a
        # square keeps still has twice the pixels it needs each way.
        picture = self._picture(index, at_least=round(2 * MAX_ZOOM * self.size))
        square = random_square(*picture.size, generator, flip=self.flip)
        return to_tensor(cut(picture, square, self.size))

    def _picture(self, index: int, at_least: int | None = None) -> Image.Image:
        index = range(len(self))[index]
        tries = min(MAX_TRIES, len(self)) if self.broken == "skip" else 1
        for number in range(index, index + tries):
            path = self.folder / self.names[number % len(self)]
            try:
                with quiet_pillow():
                    return open_picture(path, channels=self.channels, at_least=at_least)
            except (ValueError, OSError):
                if self.broken == "refuse":
                    raise
        raise ValueError(f"{path}: cannot be read, nor can the {tries - 1} pictures before it")

    def __repr__(self) -> str:
        skipped = f", skipped {_listed(self.folder, self.skipped)}" if self.skipped else ""
        return (
            f"FolderImages({str(self.folder)!r}, {len(self)} pictures, shape={self.image_shape}, "
            f"split={self.split!r}, flip={self.flip}{skipped})"
        )


def find_pictures(folder: Path) -> tuple[list[str], list[tuple[Path, str]]]:
    """All picture files in a folder and below, by their endings.

    Returns:
        The sorted names below `folder`, with "/" as separator; and the folders that cannot be
        listed, each with the reason.

    Raises:
        FileNotFoundError: no such folder.
        NotADirectoryError: a file.
    """
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such folder")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: this is a file; give the folder with the pictures")
    endings = picture_extensions()
    names: list[str] = []
    unreadable: list[tuple[Path, str]] = []

    def note(error: OSError) -> None:
        unreadable.append((Path(error.filename), str(error.strerror)))

    been: set[Path] = set()
    for place, folders, files in os.walk(folder, onerror=note, followlinks=True):
        here = Path(place)
        if here.resolve() in been:  # a link led back
            folders.clear()
            continue
        been.add(here.resolve())
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "__MACOSX")
        visible = (here / file for file in files if not file.startswith("."))
        pictures = (path for path in visible if path.suffix.lower() in endings)
        names += [path.relative_to(folder).as_posix() for path in pictures]
    return sorted(names), unreadable


def choose_split(names: list[str], split: str) -> list[str]:
    """The names that belong to "all", "train" or "held_out"; each is judged by itself."""
    if split == "all":
        return names
    return [name for name in names if is_held_out(name) == (split == "held_out")]


def is_held_out(name: str) -> bool:
    """Whether a picture of this name is held out: true for a share `HELD_OUT` of all names."""
    digest = hashlib.sha256(os.fsencode(name)).digest()
    return int.from_bytes(digest[:8], "big") < HELD_OUT * 2**64


def find_broken(
    folder: Path, names: list[str], *, channels: int, progress: bool = True
) -> list[tuple[Path, str]]:
    """Decode every picture in full; those that cannot be, each with the reason, in order."""

    def trouble(path: Path) -> str | None:
        try:
            open_picture(path, channels=channels)
        except (ValueError, OSError) as error:
            return getattr(error, "strerror", None) or str(error).removeprefix(f"{path}: ")
        return None

    paths = [folder / name for name in names]
    # Pillow decodes outside Python's lock, so threads do. Small folders need no bar.
    with quiet_pillow(), ThreadPoolExecutor() as pool:
        troubles = pool.map(trouble, paths)
        bar = tqdm(troubles, f"checking {folder}", len(paths), disable=not progress, delay=1)
        return [(path, reason) for path, reason in zip(paths, bar, strict=True) if reason]


def _listed(folder: Path, broken: list[tuple[Path, str]], most: int = 3) -> str:
    few = [f"{path.relative_to(folder)} ({reason})" for path, reason in broken[:most]]
    more = f" and {len(broken) - most} more" if len(broken) > most else ""
    return ", ".join(few) + more


def _nothing(folder: Path, found: int, unreadable: list[tuple[Path, str]], split: str) -> str:
    if found:
        return f"{folder}: none of its {found} pictures is in split {split!r}; use 'all'"
    if unreadable:
        return f"{folder}: no pictures; cannot be listed: {_listed(folder, unreadable)}"
    return (
        f"{folder}: no pictures in this folder or below (looked for .jpg, .png, .webp and "
        "whatever else Pillow reads)"
    )


def _check_arguments(size: int, channels: int, split: str, broken: str) -> None:
    if size < 1:
        raise ValueError(f"size is {size}; use 1 or more pixels")
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels}; use 1 (grey) or 3 (colour)")
    if split not in ("all", "train", "held_out"):
        raise ValueError(f"split is {split!r}; use 'all', 'train' or 'held_out'")
    if broken not in ("refuse", "skip"):
        raise ValueError(f"broken is {broken!r}; use 'refuse' or 'skip'")
