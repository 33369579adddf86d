"""Tokens of a data set on disk: a codec encodes it once, and every training reads them from there.

A *token cache* is a folder with `tokens.npy`, with `values.npy` where the pictures have conditions,
and with `cache.json`, which says whose tokens they are. Never half-written, and no pickle.
"""

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from vqlib.compress.palette import ColorPalette
from vqlib.compress.perceptual import weights_digest
from vqlib.compress.vqvae import VQVAE
from vqlib.data.batches import Draw, draw_batches
from vqlib.data.images import Images
from vqlib.generate.prior import evaluating
from vqlib.tokens.data import TokenGrids

TOKENS, VALUES, NOTES = "tokens.npy", "values.npy", "cache.json"


def write_token_cache(
    folder: str | Path,
    codec: VQVAE | ColorPalette,
    images: Images,
    *,
    values: Any = None,
    copies: int = 1,
    seed: int = 0,
    batch_size: int = 64,
    workers: int = 0,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> TokenGrids:
    """Encode every image and write the tokens to disk as they come.

    Only a few batches are in memory at once, however many images there are. Of several processes
    that train together only one may write; all of them can then open.

    Args:
        folder: a new folder. An interrupted call leaves nothing of it.
        codec: a trained stage 1. It works in eval mode and is left in the mode it was in.
        images: any data set of stage 1; label maps for a codec of label maps.
        values: whole numbers with one row for each image, a tensor or an array: the values of
            their conditions (see `vqlib.generate.condition`). None: there are none.
        copies: 1 takes the images as they are for measuring. More: so many random draws of each,
            all images once, then all of them again; row r is of image r mod `len(images)`.
        seed: of the random draws.
        batch_size: images encoded at once.
        workers: processes that read and crop pictures.
        device: move the codec there first; None leaves it where it is.
        progress: show a bar.

    Returns:
        The tokens, memory-mapped, in 16 bits where K allows it.

    Raises:
        FileExistsError: the folder is there already.
        ValueError: no images, values that do not fit them, copies or batch_size below 1.
    """
    folder = Path(folder)
    _check_new(folder, number=len(images), copies=copies, batch_size=batch_size)
    rows = None if values is None else _one_row_each(values, len(images))
    codec = codec if device is None else codec.to(device)
    number = copies * len(images)
    batches = _batches(images, number, seed=seed, batch_size=batch_size, workers=workers)
    with _written_whole(folder) as temporary:
        with evaluating(codec), tqdm(total=number, desc="encoding", disable=not progress) as bar:
            grid = _write_tokens(temporary / TOKENS, codec, batches, bar)
        if rows is not None:
            _write_values(temporary / VALUES, rows, copies)
        notes = {"num_codes": codec.config.num_codes, "grid": grid, "number": number}
        notes |= {"copies": copies, "seed": seed, "values": rows is not None}
        notes["codec"] = weights_digest(codec)
        (temporary / NOTES).write_text(json.dumps(notes, indent=2) + "\n", encoding="utf-8")
    return open_token_cache(folder)


def open_token_cache(folder: str | Path, codec: VQVAE | ColorPalette | None = None) -> TokenGrids:
    """The tokens and values of a cache. They stay on disk; training reads the rows that it needs.

    Args:
        folder: what `write_token_cache` has written.
        codec: whose tokens they must be; None takes those of any.

    Raises:
        FileNotFoundError: the folder or a file in it is missing.
        ValueError: a file is damaged, or the tokens are those of another codec.
    """
    folder = Path(folder)
    notes = _read_notes(folder / NOTES)
    if codec is not None and (given := weights_digest(codec)) != notes["codec"]:
        raise ValueError(
            f"{folder} holds tokens of the codec {notes['codec'][:12]}, and this codec is "
            f"{given[:12]}: load the one that wrote them, or write a cache with this one"
        )
    number = notes["number"]
    tokens = _read_array(folder / TOKENS)
    if tokens.shape != (number, *notes["grid"]) or tokens.dtype != _dtype(notes["num_codes"]):
        raise ValueError(
            f"{folder / TOKENS} holds {tokens.dtype} of shape {tokens.shape}, which is not what "
            f"{NOTES} says; write the cache again"
        )
    values = _read_array(folder / VALUES) if notes["values"] else None
    if values is not None and (values.ndim == 0 or len(values) != number):
        raise ValueError(
            f"{folder / VALUES} has the shape {values.shape}, but there are {number} pictures; "
            "write the cache again"
        )
    return TokenGrids(tokens, values)


@dataclass(frozen=True)
class _AsTheyAre:
    """Images that are drawn as they are for measuring. Keeps the contract `Images`."""

    images: Images
    """Any data set of stage 1."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.images.image_shape

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]

    def draw(self, index: int, generator: torch.Generator) -> Tensor:
        return self.images[index]


def _check_new(folder: Path, *, number: int, copies: int, batch_size: int) -> None:
    if folder.exists():
        raise FileExistsError(
            f"{folder} is there already: open it with open_token_cache, delete it to encode the "
            "images again, or choose another folder"
        )
    if min(copies, batch_size, number) < 1:
        raise ValueError(
            f"copies is {copies}, batch_size {batch_size}, and there are {number} images; "
            "each must be at least 1"
        )


def _batches(
    images: Images, number: int, *, seed: int, batch_size: int, workers: int
) -> Iterator[Tensor]:
    """All images as they are; or for a larger number drawn, and drawn again."""
    draws = (
        [Draw(i % len(images), i) for i in range(first, min(first + batch_size, number))]
        for first in range(0, number, batch_size)
    )
    drawn = images if number > len(images) else _AsTheyAre(images)
    return draw_batches(drawn, draws, seed=seed, workers=workers)


def _write_tokens(
    path: Path, codec: VQVAE | ColorPalette, batches: Iterator[Tensor], bar: tqdm
) -> tuple[int, int]:
    """Encode batch by batch, up to the bar's total. Returns the grid of an image."""
    tokens, first = None, 0
    for x in batches:
        s = codec.encode(x.to(codec.device)).cpu().numpy()
        if tokens is None:
            shape, dtype = (bar.total, *s.shape[1:]), _dtype(codec.config.num_codes)
            tokens = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
        tokens[first : first + len(s)] = s
        first += len(s)
        bar.update(len(s))
    tokens.flush()
    return tokens.shape[1:]


def _write_values(path: Path, rows: np.ndarray, copies: int) -> None:
    shape = (copies * len(rows), *rows.shape[1:])
    values = np.lib.format.open_memmap(path, mode="w+", dtype=rows.dtype, shape=shape)
    for first in range(0, len(values), len(rows)):
        values[first : first + len(rows)] = rows
    values.flush()


def _dtype(num_codes: int) -> np.dtype:
    return np.dtype(np.uint16 if num_codes <= 2**16 else np.int32)


def _one_row_each(values: Any, number: int) -> np.ndarray:
    """Values of conditions as an array."""
    if not isinstance(values, Tensor | np.ndarray):
        raise ValueError(
            f"values are a {type(values).__name__}; a tensor or an array of whole numbers is "
            "expected. Captions become one by TextCondition.ids"
        )
    rows = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
    if rows.ndim == 0 or len(rows) != number or rows.dtype.kind not in "iu":
        raise ValueError(
            f"values have the shape {rows.shape} and are {rows.dtype}; whole numbers with one row "
            f"for each of the {number} images are expected"
        )
    return rows


@contextmanager
def _written_whole(folder: Path) -> Iterator[Path]:
    """A temporary folder that becomes `folder`; whatever goes wrong before, it is gone."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".writing-{folder.name}-{uuid.uuid4().hex[:8]}")
    temporary.mkdir()
    try:
        yield temporary
        for path in temporary.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _read_notes(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found; write_token_cache writes folders that have one")
    try:
        notes = json.loads(path.read_text(encoding="utf-8"))
        rows, columns = notes["grid"]
        grid = (int(rows), int(columns))
        numbers = {name: int(notes[name]) for name in ("num_codes", "number")}
        return {"grid": grid, "codec": str(notes["codec"]), "values": notes["values"], **numbers}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error!r}); write the cache again") from error


def _read_array(path: Path) -> np.ndarray:
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found; write the cache again")
    try:
        # As np.load(mmap_mode="r"), but no other kind of file: no pickle, no archive.
        array = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}); write the cache again") from error
    if array.dtype.kind not in "iu":
        raise ValueError(f"{path} holds no whole numbers; write the cache again")
    return array
