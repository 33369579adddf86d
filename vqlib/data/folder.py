"""Images from a folder of your own pictures, of any formats, shapes and sizes."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from vqlib.data.checked import check_files
from vqlib.data.found import Found, check_is_folder, look_through
from vqlib.data.main_process import from_main_process
from vqlib.data.pictures import open_picture, quiet_pillow, to_tensor
from vqlib.data.splits import HELD_OUT, HELD_OUT_FOLDER, choose_split
from vqlib.data.squares import MAX_ZOOM, centre_square, cut, random_square
from vqlib.data.unread import unread_lines

# So many unreadable pictures in a row are no accident: the disk is gone.
MAX_TRIES = 100


class NothingHeldOut(ValueError):
    """There are pictures in a folder, but none of them is held out."""


class FolderImages:
    """Squares from the pictures in a folder and all folders below. Keeps the contract `Images`.

    Pictures are sorted by name. Hidden files and folders are left out, so is `__MACOSX`. Images
    for measuring are the largest centred square; `draw` cuts a random square that covers at
    least 1/1.25 of the shorter side. Both are resized with antialiasing, also upwards.

    The split of a picture depends on its name below `folder` alone: adding pictures moves none
    of the others. Of few pictures perhaps none is held out; those in a subfolder `held_out`,
    anywhere below, always are.

    Of several processes that torchrun started the main one looks into the folder and checks it;
    the others take what it has found.

    Args:
        folder: where the pictures are; links to other folders are followed.
        size: height and width of the images in pixels.
        channels: 3 for colour, 1 for grey; pictures of the other kind are converted.
        split: "all", "held_out" (about one picture in ten) or "train" (the others).
        broken: what happens to pictures that cannot be read: "refuse" raises an error, "skip"
            leaves them out. Those found here are listed in `skipped`; if one is found later, by
            reading it, the next picture takes its place. Files that look like pictures but are
            never read, such as HEIC, are counted in `unread`, by their endings.
        flip: whether `draw` mirrors half of the images.
        check: decode every picture now, with all processors, unless an earlier check found it
            sound and it has not changed. Without it broken pictures come to light when they are
            read.
        progress: show a bar while checking.

    Raises:
        FileNotFoundError: no such folder.
        NotADirectoryError: a file.
        NothingHeldOut: (a `ValueError`) there are pictures, but none is held out.
        ValueError: no picture, or none that can be read; broken pictures, if they are refused;
            an argument out of range.
        ConnectionError: the main process does not say what it has found.
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
        check_is_folder(self.folder)
        found = from_main_process(
            f"checking {self.folder}",
            lambda: self._found(check=check, progress=progress),
        )
        # Text, not paths: a million names fit in memory.
        self.names: list[str] = found["names"]
        if not self.names:  # all processes say so
            raise NothingHeldOut(
                f"{folder}: none of its {found['total']} pictures is held out (their names decide, "
                f"about one in {round(1 / HELD_OUT)} is); move some, at least two, into a "
                f"subfolder {HELD_OUT_FOLDER}"
            )
        self.skipped = [(self.folder / name, reason) for name, reason in found["unreadable"]]
        self.unread: dict[str, int] = found["unread"]

    def _found(self, *, check: bool, progress: bool) -> dict[str, Any]:
        """The pictures of the split that can be read, `total` how many there are in all splits."""
        found = look_through(self.folder)
        names, total = choose_split(found.names, self.split), len(found.names)
        if not names and total and self.split == "held_out":
            return {"names": [], "total": total}
        if not names:
            raise ValueError(_nothing(self.folder, found))
        unreadable = found.unreadable
        if check:
            unreadable += find_broken(self.folder, names, channels=self.channels, progress=progress)
        left_out = {name for name, _ in unreadable}
        readable = [name for name in names if name not in left_out]
        if unreadable and (self.broken == "refuse" or not readable):
            raise ValueError(
                f"{self.folder}: {len(unreadable)} of {len(names)} pictures cannot be read: "
                f"{_listed(unreadable)}; repair or remove them"
                + (", or leave them out (broken: skip)" if readable else "")
            )
        return {**asdict(found), "names": readable, "unreadable": unreadable, "total": total}

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
        skipped = [(os.path.relpath(path, self.folder), why) for path, why in self.skipped]
        left_out = f", skipped {_listed(skipped)}" if skipped else ""
        return (
            f"FolderImages({str(self.folder)!r}, {len(self)} pictures, shape={self.image_shape}, "
            f"split={self.split!r}, flip={self.flip}{left_out})"
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
    found = look_through(folder)
    return found.names, [(folder / name, reason) for name, reason in found.unreadable]


def find_broken(
    folder: Path, names: list[str], *, channels: int, progress: bool = True
) -> list[tuple[str, str]]:
    """Decode every picture in full, but for those that were sound before; see `check_files`.

    Returns:
        Those that cannot be decoded, each with the reason, in order.
    """

    def trouble(name: str) -> str | None:
        path = folder / name
        try:
            open_picture(path, channels=channels)
        except (ValueError, OSError) as error:
            return getattr(error, "strerror", None) or str(error).removeprefix(f"{path}: ")
        return None

    files = {name: [folder / name] for name in names}
    found = check_files(f"checking {folder.resolve()}", files, trouble, progress=progress)
    return list(found.items())


def _listed(broken: list[tuple[str, str]], most: int = 3) -> str:
    few = [f"{name} ({reason})" for name, reason in broken[:most]]
    more = f" and {len(broken) - most} more" if len(broken) > most else ""
    return ", ".join(few) + more


def _nothing(folder: Path, found: Found) -> str:
    if found.names:
        return (
            f"{folder}: all of its {len(found.names)} pictures are held out; add others to train on"
        )
    if found.unreadable:
        return f"{folder}: no pictures; cannot be listed: {_listed(found.unreadable)}"
    return (
        f"{folder}: no pictures in this folder or below (looked for .jpg, .png, .webp and "
        "whatever else Pillow reads)" + "".join(f"; {line}" for line in unread_lines(found.unread))
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
