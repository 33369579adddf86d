"""What every training loop needs around its `train_step`: order of data, log, bar, checkpoints."""

import json
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from tqdm import tqdm

from vqlib.data.batches import batch_indices
from vqlib.train import checkpoint
from vqlib.train.runtime import Runtime

M = TypeVar("M", bound=checkpoint.Model)


@dataclass(frozen=True)
class Recipe:
    """What every recipe fixes. The seed and the step alone decide which images are in a batch."""

    steps: int = 1000
    """Optimiser steps in all."""
    batch_size: int = 64
    """Images per step, over all processes."""
    learning_rate: float = 1e-3
    """Peak learning rate of AdamW."""
    warmup_steps: int = 50
    """Steps of linear warm-up before the cosine decay to zero."""
    seed: int = 0
    """Seed of the initial weights, of the order of the data and of dropout."""
    log_every: int = 10
    """Steps between two lines of the log."""
    save_every: int = 500
    """Steps between two checkpoints (where a run folder is given)."""

    def __post_init__(self):
        for name in ("steps", "batch_size", "log_every", "save_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be positive")

    def learning_rate_at(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to zero at the last step."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        progress = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


@dataclass(frozen=True)
class Trained(Generic[M]):
    """What a recipe returns."""

    model: M
    """The trained model, in eval mode."""
    history: list[dict[str, int | float]]
    """One entry per logged step: step, seconds and the recipe's losses."""
    steps_done: int
    """Fewer than the recipe's steps if the run was interrupted."""
    seconds: float
    """Time in the loop of this call."""


class Run:
    """One training run. Use as a context manager around `for step, batch in run.batches(n)`.

    Ctrl-C ends the run after the current step: the state is saved (where there is a folder) and
    the function returns what it has. A second Ctrl-C interrupts at once.

    Args:
        model: on its device.
        optimizer: over the model's parameters.
        recipe: steps, batch size, seed and the rest.
        place: this process.
        folder: for log.jsonl and checkpoints; None keeps everything in memory.
        resume: go on from the folder's latest checkpoint.
        progress: show a bar.

    Raises:
        FileExistsError: the folder holds a run already and `resume` is False.
        ValueError: the folder's run had another recipe.
    """

    def __init__(
        self,
        model: checkpoint.Model,
        optimizer: torch.optim.Optimizer,
        recipe: Recipe,
        place: Runtime,
        *,
        folder: str | Path | None = None,
        resume: bool = False,
        progress: bool = True,
    ):
        self.model, self.optimizer, self.recipe, self.place = model, optimizer, recipe, place
        self.folder = None if folder is None else Path(folder)
        self.history: list[dict[str, int | float]] = []
        self.steps_done = 0
        self.seconds = 0.0
        self._progress = progress and place.is_main
        self._stop = threading.Event()
        if self.folder is not None:
            self._continue_from(self.folder, resume)

    def batches(self, num_images: int) -> Iterator[tuple[int, Tensor]]:
        """(step, indices of this process's images) for each step still to do."""
        recipe = self.recipe
        indices = batch_indices(
            num_images, recipe.batch_size, seed=recipe.seed, first_step=self.steps_done
        )
        started = time.perf_counter()
        steps = range(self.steps_done, recipe.steps)
        bar = tqdm(total=recipe.steps, initial=self.steps_done, disable=not self._progress)
        with bar:
            for step in steps:
                for group in self.optimizer.param_groups:
                    group["lr"] = recipe.learning_rate_at(step)
                yield step, self.place.share(next(indices))
                self.seconds = time.perf_counter() - started
                self._finish_step(step + 1, bar)
                if self._stop.is_set():
                    print(f"\nstopped after step {step + 1}", file=sys.stderr)
                    return

    def log(self, step: int, logs: Mapping[str, Tensor]) -> None:
        """Keep the losses of a step, every `log_every` steps (reading them waits for the GPU)."""
        last = step + 1 == self.recipe.steps
        if not self.place.is_main or (step % self.recipe.log_every and not last):
            return
        entry = {"step": step + 1, "seconds": round(self.seconds, 3)}
        entry |= {name: value.item() for name, value in logs.items()}
        self.history.append(entry)
        if self.folder is not None:
            with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

    def __enter__(self) -> "Run":
        self._old_handler = None
        if threading.current_thread() is threading.main_thread():
            self._old_handler = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        if self._old_handler is not None:
            signal.signal(signal.SIGINT, self._old_handler)

    def result(self) -> Trained:
        """The trained model and its history."""
        return Trained(self.model.eval(), self.history, self.steps_done, self.seconds)

    def _interrupt(self, *_: object) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._stop.set()

    def _finish_step(self, steps_done: int, bar: tqdm) -> None:
        self.steps_done = steps_done
        bar.update()
        if self.history:
            bar.set_postfix({k: f"{v:.4g}" for k, v in self.history[-1].items() if k == "loss"})
        due = steps_done % self.recipe.save_every == 0 or steps_done == self.recipe.steps
        if self.folder is not None and self.place.is_main and (due or self._stop.is_set()):
            checkpoint.save_checkpoint(
                self.folder,
                self.model,
                self.optimizer,
                step=steps_done,
                recipe=asdict(self.recipe),
            )

    def _continue_from(self, folder: Path, resume: bool) -> None:
        latest = checkpoint.latest_checkpoint(folder)
        if latest is None:
            if self.place.is_main:
                folder.mkdir(parents=True, exist_ok=True)
            return
        if not resume:
            raise FileExistsError(
                f"{folder} already holds a run ({latest.name}); resume it or choose another folder"
            )
        self.steps_done, recipe = checkpoint.load_checkpoint(latest, self.model, self.optimizer)
        _check_same_recipe(folder, recipe, asdict(self.recipe))
        self._trim_log(folder)

    def _trim_log(self, folder: Path) -> None:
        # Lines logged after the checkpoint belong to steps that will be done again.
        path = folder / "log.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        entries = [json.loads(line) for line in lines if line.endswith("}")]
        self.history = [entry for entry in entries if entry["step"] <= self.steps_done]
        if self.place.is_main:
            kept = "".join(json.dumps(entry) + "\n" for entry in self.history)
            path.write_text(kept, encoding="utf-8")


def _check_same_recipe(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    free = {"log_every", "save_every"}  # change nothing in what is computed
    different = [k for k in new if k not in free and old.get(k) != new[k]]
    if different:
        values = ", ".join(f"{k}: {old.get(k)} then, {new[k]} now" for k in different)
        raise ValueError(f"{folder} was trained by another recipe ({values})")
