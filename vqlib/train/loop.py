"""What every training loop needs around its `train_step`: order of data, log, bar, checkpoints."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from vqlib.compress.processes import mean_over_processes
from vqlib.data.batches import Draw, batch_indices, draw_batches
from vqlib.data.images import Images
from vqlib.train import checkpoint
from vqlib.train.checkpoint import Model, Part
from vqlib.train.recipe import Recipe, Trained
from vqlib.train.runlog import RunLog
from vqlib.train.runtime import Runtime


class Run:
    """One training run. Use as a context manager around `for step, batch in run.batches(n)`.

    Ctrl-C ends the run after the current step: the state is saved (where there is a folder) and
    the function returns what it has. A second Ctrl-C interrupts at once.

    Args:
        model: on its device.
        parts: whatever else a checkpoint must hold: optimisers, a discriminator. The learning
            rate of each optimiser follows the recipe's schedule.
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
        model: Model,
        parts: Mapping[str, Part],
        recipe: Recipe,
        place: Runtime,
        *,
        folder: str | Path | None = None,
        resume: bool = False,
        progress: bool = True,
    ):
        self.model, self.parts, self.recipe, self.place = model, dict(parts), recipe, place
        self.folder = None if folder is None else Path(folder)
        self.steps_done = 0
        self.seconds = 0.0
        self._average: AveragedModel | None = None
        if recipe.ema_decay is not None:
            average = get_ema_multi_avg_fn(recipe.ema_decay)
            self._average = AveragedModel(model, multi_avg_fn=average)
            self.parts |= {"model": model, "average": self._average}
        self._progress = progress and place.is_main
        self._stop = threading.Event()
        self.stopped_early = False
        self._log = RunLog(self.folder, writes=place.is_main, tensorboard=recipe.tensorboard)
        self._preview: tuple[int, Callable[[Model], Tensor]] | None = None
        if self.folder is not None:
            self._continue_from(self.folder, resume)

    @property
    def history(self) -> list[dict[str, int | float]]:
        """One entry per logged step."""
        return self._log.history

    @property
    def best_model(self) -> Model:
        """The model to use: the averaged one where the recipe averages."""
        return self.model if self._average is None else self._average.module

    def batches(self, num_images: int) -> Iterator[tuple[int, Int[Tensor, " B"]]]:
        """(step, indices of this process's images) for each step still to do."""
        indices = self._indices(num_images)
        started = time.perf_counter()
        bar = tqdm(total=self.recipe.steps, initial=self.steps_done, disable=not self._progress)
        end = self.steps_done if self.stopped_early else self.recipe.steps
        with bar:
            for step in range(self.steps_done, end):
                for optimizer in self._optimizers():
                    for group in optimizer.param_groups:
                        group["lr"] = optimizer.defaults["lr"] * self.recipe.rate_at(step)
                yield step, self.place.share(next(indices))
                self.seconds = time.perf_counter() - started
                self._finish_step(step + 1, bar)
                if self._stop.is_set():
                    if not self.stopped_early:
                        print(f"\nstopped after step {step + 1}", file=sys.stderr)
                    return

    def image_batches(
        self, images: Images, *, workers: int = 0
    ) -> Iterator[tuple[int, Int[Tensor, " B"], Float[Tensor, "B C H W"]]]:
        """(step, numbers of this process's images, the images), drawn as the data set does."""
        size, first = self.recipe.batch_size, self.steps_done
        indices = self._indices(len(images))
        draws = (
            self.place.share([Draw(i, step * size + j) for j, i in enumerate(batch.tolist())])
            for step, batch in zip(range(first, self.recipe.steps), indices, strict=False)
        )
        loader = draw_batches(
            images,
            draws,
            seed=self.recipe.seed,
            workers=workers,
            pin_memory=self.place.device.type == "cuda",
        )
        steps = self.batches(len(images))
        for (step, rows), x in zip(steps, loader, strict=False):
            yield step, rows, x
        for _ in steps:  # lets the last step finish
            pass

    def logs_at(self, step: int) -> bool:
        """Every `log_every` steps, and after the last one."""
        return step % self.recipe.log_every == 0 or step + 1 == self.recipe.steps

    def log(self, step: int, logs: Mapping[str, Tensor]) -> None:
        """Keep the losses of a step, averaged over the processes.

        To be called by every process, where `logs_at` says so: reading them waits for the GPU.
        """
        device = self.place.device
        on_device = [value.float().to(device) for value in logs.values()]
        values = mean_over_processes(torch.stack(on_device))
        self._log.add(step + 1, self.seconds, dict(zip(logs, values.tolist(), strict=True)))

    def stop_early(self) -> None:
        """End the run after this step, because more steps would not help."""
        self.stopped_early = True
        self._stop.set()

    def preview(self, every: int | None, draw: Callable[[Model], Float[Tensor, "C H W"]]) -> None:
        """Draw a picture every so many steps and at the end; None draws none."""
        self._preview = None if every is None else (every, draw)

    def __enter__(self) -> "Run":
        self._old_handler = None
        if threading.current_thread() is threading.main_thread():
            self._old_handler = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        self._log.close()
        if self._old_handler is not None:
            signal.signal(signal.SIGINT, self._old_handler)

    def result(self) -> Trained:
        """The trained model and its history."""
        return Trained(
            self.best_model.eval(), self.history, self.steps_done, self.seconds, self.stopped_early
        )

    def _indices(self, num_images: int) -> Iterator[Int[Tensor, " B"]]:
        recipe = self.recipe
        return batch_indices(
            num_images, recipe.batch_size, seed=recipe.seed, first_step=self.steps_done
        )

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        return [part for part in self.parts.values() if isinstance(part, torch.optim.Optimizer)]

    def _interrupt(self, *_: object) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._stop.set()

    def _finish_step(self, steps_done: int, bar: tqdm) -> None:
        self.steps_done = steps_done
        if self._average is not None:
            self._average.update_parameters(self.model)
        bar.update()
        if self.history:
            bar.set_postfix({k: f"{v:.4g}" for k, v in self.history[-1].items() if k == "loss"})
        if self.folder is None or not self.place.is_main:
            return
        end = steps_done == self.recipe.steps or self._stop.is_set()
        if end or steps_done % self.recipe.save_every == 0:
            options = {"step": steps_done, "recipe": asdict(self.recipe)}
            checkpoint.save_checkpoint(self.folder, self.best_model, self.parts, **options)
        if self._preview is not None and (end or steps_done % self._preview[0] == 0):
            self._save_picture(steps_done, self._preview[1])

    @torch.no_grad()
    def _save_picture(self, step: int, draw: Callable[[Model], Tensor]) -> None:
        model = self.best_model
        was_training = model.training
        self._log.add_picture(step, draw(model.eval()))
        model.train(was_training)

    def _continue_from(self, folder: Path, resume: bool) -> None:
        latest = checkpoint.latest_checkpoint(folder)
        if latest is None:
            if self.place.is_main:
                folder.mkdir(parents=True, exist_ok=True)
            self._log.go_back_to(0)
            return
        if not resume:
            raise FileExistsError(
                f"{folder} already holds a run ({latest.name}); resume it or choose another folder"
            )
        different = self.recipe.differences(checkpoint.recipe_of(latest))
        if different:
            values = ", ".join(f"{k}: {a} then, {b} now" for k, (a, b) in different.items())
            raise ValueError(f"{folder} was trained by another recipe ({values})")
        self.steps_done = checkpoint.load_checkpoint(latest, self.best_model, self.parts)
        self._log.go_back_to(self.steps_done)


def mean_logs(logs: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each value over the parts of a batch."""
    return {name: torch.stack([part[name] for part in logs]).mean() for name in logs[0]}
