"""What a prior is trained with, from pictures or from tokens on disk, and its run folder."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vqlib.compress.perceptual import weights_digest
from vqlib.data.pictures import grid
from vqlib.generate.prior import AnyCondition, Prior, PriorConfig
from vqlib.generate.sliding_window import Wavefront, sample_large
from vqlib.saved.model import load_model, save_model
from vqlib.saved.pipeline import FILE, Codec, ConditionKind, write_pipeline
from vqlib.saved.run_folder import checkpoint_to_resume
from vqlib.tokens.data import TokenData, TokenGrids

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
    kind: ConditionKind
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
        if checkpoint_to_resume(out, resume=resume) is None:
            return
        notes = json.loads((out / FILE).read_text(encoding="utf-8"))
        then, classes = notes["condition"], tuple(notes.get("classes", ()))
        if then != self.kind:
            raise ValueError(f"{out} was trained from {then}, this would be from {self.kind}")
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
        write_pipeline(out, self.kind, "codec", second, classes=self.classes)

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


def _first(rows: Tensor | np.ndarray | None) -> Tensor | None:
    """The first few rows as int64."""
    if rows is None:
        return None
    return torch.from_numpy(np.asarray(rows[:NUM_SAMPLES]).astype(np.int64))
