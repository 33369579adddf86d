"""What a prior is trained with, from pictures or from tokens on disk, and its run folder."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vqlib.cli.messages import name_left_out, name_unread
from vqlib.cli.prior_source import PriorSource
from vqlib.compress.perceptual import weights_digest
from vqlib.data.pictures import grid
from vqlib.generate.prior import AnyCondition, Prior, PriorConfig
from vqlib.generate.sliding_window import Wavefront, sample_large
from vqlib.train.checkpoint import latest_checkpoint, load_model, save_model
from vqlib.train.conditions import prior_data, windowed
from vqlib.train.meanings import must_hold_out, names_of_classes
from vqlib.train.pipeline import FILE, Codec, Meaning, write_pipeline
from vqlib.train.token_data import TokenData, TokenGrids
from vqlib.train.token_folder import open_token_folder

# Held-out pictures that a prior is measured with, at most.
NUM_HELD_OUT = 1000
# Samples in a picture of the run folder.
NUM_SAMPLES = 8
Window = tuple[int, int]


@dataclass(frozen=True)
class Material:
    """Pictures as tokens, and all that belongs to them."""

    train: TokenData
    """To train with."""
    held_out: TokenGrids | str
    """To measure with, or why there is nothing."""
    codec: Codec
    """Whose tokens they are."""
    meaning: Meaning
    """What the pictures are drawn from."""
    condition: AnyCondition
    """The same, of one window."""
    condition_codec: Codec | None
    """Stage 1 of the condition, where that is a picture."""
    window: Window
    """Rows and columns of tokens that the prior sees at once."""
    classes: tuple[str, ...] = ()
    """Names of the classes, where they have names."""

    def check_run(self, out: Path, *, resume: bool) -> None:
        """Before anything is written: may a run go on in this folder, and with this material?

        Raises:
            FileExistsError: there is a run already, which is not to be resumed.
            ValueError: it learns from other tokens.
        """
        latest = latest_checkpoint(out)
        if latest is None:
            return
        if not resume:
            raise FileExistsError(
                f"{out} already holds a run ({latest.name}); resume it or choose another folder"
            )
        notes = json.loads((out / FILE).read_text(encoding="utf-8"))
        then, classes = notes["meaning"], tuple(notes.get("classes", ()))
        if then != self.meaning:
            raise ValueError(f"{out} was trained from {then}, this would be from {self.meaning}")
        if classes and classes != self.classes:
            raise ValueError(
                f"{out} was trained with the classes {', '.join(classes)}, these would be "
                f"{', '.join(self.classes) or 'without names'}"
            )
        for name, codec in self._codecs().items():
            if weights_digest(load_model(out / name)) != weights_digest(codec):
                raise ValueError(f"{out} was trained with another {name}")

    def prepare_run(self, out: Path) -> None:
        """Make the run folder a pipeline: from its first checkpoint on, `sample` needs no more."""
        if os.environ.get("RANK", "0") != "0":  # under torchrun the main process does
            return
        for name, codec in self._codecs().items():
            save_model(codec, out / name)
        second = "condition_codec" if self.condition_codec is not None else None
        write_pipeline(out, self.meaning, "codec", second, classes=self.classes)

    def preview(self) -> Callable[[Prior], Tensor] | None:
        """Draws held-out pictures, and below them what a prior makes of the same conditions."""
        if isinstance(self.held_out, str):
            return None
        tokens, values = (_first(rows) for rows in (self.held_out.tokens, self.held_out.values))
        count, size = len(tokens), tuple(tokens.shape[1:])

        def draw(prior: Prior) -> Tensor:
            if size == self.window:
                s = prior.sample(values, count=count).view(-1, *size)
            else:
                s = sample_large(prior, size, values, count=count, schedule=Wavefront())
            both = torch.cat([tokens.to(s.device), s])
            return grid(self.codec.decode(both), columns=count)

        return draw

    def check_preview(self, config: PriorConfig) -> None:
        """Raise `ValueError` if no samples can be drawn during the training."""
        if isinstance(self.held_out, str):
            raise ValueError(f"sample_every draws beside held-out pictures, but {self.held_out}")
        order = getattr(config, "order", None)
        if (
            tuple(self.held_out.tokens.shape[1:]) != self.window
            and order
            and order.name != "raster"
        ):
            raise ValueError(
                f"order is {order.name!r}, but pictures larger than the window can be drawn only "
                "row by row: leave sample_every out, or use raster"
            )

    def _codecs(self) -> dict[str, Codec]:
        both = {"codec": self.codec, "condition_codec": self.condition_codec}
        return {name: codec for name, codec in both.items() if codec is not None}


def from_pictures(
    source: PriorSource, device: torch.device, window: Window | None, *, workers: int
) -> Material:
    """Pictures are drawn and encoded at each step; those held out are encoded now."""
    task = source.task(device, window=window)
    source.name_classes(task)
    train, condition = prior_data(task, "train", workers=workers)
    name_left_out(train.images)
    name_unread(train.images)
    try:
        held_out, _ = prior_data(task, "held_out", at_most=NUM_HELD_OUT)
    except (ValueError, OSError) as error:
        if must_hold_out(task):
            raise
        held_out = str(error)
    codecs = {"codec": task.codec, "condition_codec": task.codec_of_condition}
    options = {"meaning": task.meaning, "condition": condition, "window": task.seen}
    return Material(train, held_out, **codecs, **options, classes=names_of_classes(task))


def from_tokens(folder: Path, device: torch.device, window: Window | None) -> Material:
    """Tokens that `tokenize` has written."""
    read = open_token_folder(folder, device=device)
    whole = tuple(read.train.tokens.shape[1:])
    side = read.codec.config.grid_size
    window = window or tuple(min(side, n) for n in whole)
    if not all(1 <= n <= most for n, most in zip(window, whole, strict=True)):
        raise ValueError(
            f"window is {window[0]}×{window[1]} tokens; {folder} has {whole[0]}×{whole[1]}"
        )
    condition = windowed(read.meaning, read.condition, whole, window)
    held_out = f"{folder} has none" if read.held_out is None else _few(read.held_out)
    codecs = {"codec": read.codec, "condition_codec": read.condition_codec}
    options = {"meaning": read.meaning, "condition": condition, "window": window}
    return Material(read.train, held_out, **codecs, **options, classes=read.classes)


def _few(held_out: TokenGrids) -> TokenGrids:
    """Some from all parts, if there are very many."""
    every = -(-len(held_out) // NUM_HELD_OUT)
    values = held_out.values
    return TokenGrids(held_out.tokens[::every], None if values is None else values[::every])


def _first(rows: Tensor | np.ndarray | None) -> Tensor | None:
    """The first few rows as int64."""
    if rows is None:
        return None
    return torch.from_numpy(np.asarray(rows[:NUM_SAMPLES]).astype(np.int64))
