"""An experiment is a question, and the parts that answer it: one setting and one seed each."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from jaxtyping import Float
from torch import Tensor

from vqlib.compress import VQVAE, VQVAEConfig
from vqlib.data.pictures import grid, write_picture
from vqlib.generate.prior import Prior, PriorConfig
from vqlib.saved.find import pretrained_folder
from vqlib.tokens.data import TokenData
from vqlib.train import PriorRecipe, Trained, VQVAERecipe, Watch, train_prior, train_vqvae
from vqlib.train.recipe import M, Recipe

R = TypeVar("R", bound=Recipe)

SAVE_EVERY = 100  # steps; an interrupted part loses at most these
PICTURES = "pictures.png"
Found = dict[str, float]
"""The numbers of a part, by name."""


@dataclass(frozen=True)
class Scale:
    """How much of a part is run: all of it, or a little, to see that it still runs."""

    folder: Path
    """For the part's training runs."""
    quick: bool = False

    def count(self, number: int) -> int:
        """So many pictures, or a few."""
        return min(number, 4) if self.quick else number

    def within(self, name: str) -> "Scale":
        """The same for one of a part's several runs."""
        return replace(self, folder=self.folder / name)

    def show(self, images: Float[Tensor, "N C H W"]) -> None:
        """Keep these as the pictures of the part, ten in a row, in place of earlier ones."""
        write_picture(grid(images, columns=10, gap=0), self.folder / PICTURES)

    def prior(
        self,
        data: TokenData,
        config: PriorConfig,
        recipe: PriorRecipe,
        held_out: TokenData | None = None,
    ) -> Trained[Prior]:
        """A prior trained as the recipe says, or for three steps; on the CPU.

        Where the recipe looks at held-out pictures, they have to be given.

        Raises:
            SystemExit: a signal has ended the training; the next time it goes on from there.
        """
        recipe = self._short(recipe, len(data))
        if self.quick and recipe.validate_every is not None:
            recipe = replace(recipe, validate_every=1)
        return _whole(train_prior(data, config, recipe, Watch(held_out), **self._options))

    def codec(
        self, images: Float[Tensor, "N C H W"], model: VQVAEConfig | VQVAE, recipe: VQVAERecipe
    ) -> Trained[VQVAE]:
        """A VQVAE, likewise; one that is given goes on and is changed."""
        recipe = self._short(recipe, len(images))
        if self.quick:
            recipe = replace(recipe, autoencoder_steps=min(recipe.autoencoder_steps, 1))
        return _whole(train_vqvae(images, model, recipe, **self._options))

    def _short(self, recipe: R, count: int) -> R:
        """The recipe itself, or one of three steps."""
        recipe = replace(recipe, save_every=SAVE_EVERY)
        if not self.quick:
            return recipe
        return replace(recipe, steps=3, batch_size=min(recipe.batch_size, count), warmup_steps=1)

    @property
    def _options(self) -> dict[str, Any]:
        return {"folder": self.folder, "resume": True, "device": "cpu", "progress": False}


def _whole(trained: Trained[M]) -> Trained[M]:
    """A run that has come to its end; one that a signal has ended ends the process, too."""
    if trained.signal is not None:
        raise SystemExit(128 + trained.signal)
    return trained


@dataclass(frozen=True)
class Experiment:
    """A question and what answers it."""

    question: str
    """In one line."""
    parts: Mapping[str, partial[Found]]
    """By name: a function of a `Scale`, with its settings; one setting and one seed each."""
    summary: Callable[[Mapping[str, Found]], Found]
    """From the numbers of all parts, those that the chapters state."""
    needs: Sequence[str] = ()
    """Pretrained models that the parts use."""
    common: Mapping[str, object] = field(default_factory=dict)
    """What all parts have in common and what decides their numbers: recipe, shape, pictures."""

    def digest(self, part: str) -> str:
        """Of all that a part is made of: its settings and the weights it needs."""
        run = self.parts[part]
        settings = sorted(run.keywords.items()), sorted(self.common.items())
        about = [run.func.__qualname__, *settings]
        digest = hashlib.sha256(json.dumps(about, default=repr).encode())
        for name in self.needs:
            digest.update((pretrained_folder(name) / "model.safetensors").read_bytes())
        return digest.hexdigest()[:12]


def spread(name: str, values: Sequence[float]) -> Found:
    """Mean, smallest and largest of the seeds, under the name, `least_` and `most_` before it."""
    mean = sum(values) / len(values)
    return {name: mean, f"least_{name}": min(values), f"most_{name}": max(values)}


def of_seeds(parts: Mapping[str, Found], setting: str, name: str) -> list[float]:
    """One number of every part whose name begins with the setting, "…, seed N"."""
    return [found[name] for part, found in parts.items() if part.startswith(f"{setting}, seed ")]
