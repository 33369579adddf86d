"""What every training loop needs around its `train_step`: order of data, log, bar, checkpoints."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from vqlib.compress.processes import mean_over_processes, most_over_processes
from vqlib.data.batches import Draw, batch_indices, draw_batches
from vqlib.data.images import Images
from vqlib.saved.model import Model, Part
from vqlib.saved.run_folder import checkpoint_to_resume, latest_checkpoint, save_checkpoint
from vqlib.train.recipe import Recipe, Trained
from vqlib.train.resuming import check_same_run, restore, weights_of
from vqlib.train.runlog import RunLog
from vqlib.train.runtime import Runtime
from vqlib.train.stopping import Diverged, Signals, check_finite

T = TypeVar("T")

# What the progress bar shows, where the history has it.
ON_THE_BAR = ("loss", "usage", "accuracy", "held_out")
# What a process may want between two steps; the most urgent wish of all decides.
GO_ON, STOP, FAIL = range(3)


class Run:
    """One training run. Use as a context manager around `for step, batch in run.batches(n)`.

    Ctrl-C and SIGTERM end the run after the current step, on all processes alike: the state is
    saved (where there is a folder) and the function returns what it has. An error between two
    steps, such as a picture that has vanished, leaves a checkpoint too; one in the middle of a step
    leaves the last one, and a line on stderr says which. A second Ctrl-C interrupts at once.

    Args:
        model: on its device.
        parts: whatever else a checkpoint must hold: optimisers, a discriminator. The learning
            rate of each optimiser follows the recipe's schedule.
        recipe: steps, batch size, seed and the rest.
        place: this process.
        folder: for log.jsonl and checkpoints; None keeps everything in memory.
        resume: go on from the folder's latest checkpoint.
        progress: show a bar.
        material: what is learned from, as plain values by name; a resumed run must have the same.

    Raises:
        FileExistsError: the folder holds a run already and `resume` is False.
        ValueError: the folder's run had another recipe, or learned from something else.
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
        material: Mapping[str, Any] | None = None,
    ):
        self.model, self.parts, self.recipe, self.place = model, dict(parts), recipe, place
        self.folder = None if folder is None else Path(folder)
        self.material = dict(material or {})
        self.steps_done = 0
        self.seconds = 0.0
        self._average: AveragedModel | None = None
        if recipe.ema_decay is not None:
            average = get_ema_multi_avg_fn(recipe.ema_decay)
            self._average = AveragedModel(model, multi_avg_fn=average)
            self.parts |= {"model": model, "average": self._average}
        self._progress = progress and place.is_main
        self._signals = Signals(alone=place.world_size == 1)
        self.stopped_early = False
        self._log = RunLog(self.folder, writes=place.is_main, tensorboard=recipe.tensorboard)
        self._preview: tuple[int, Callable[[Model], Tensor]] | None = None
        self._saved_step: int | None = None
        self._at_rest = True  # between two steps: what would be saved now can be resumed
        self._failure: Exception | None = None
        self._bar: tqdm | None = None
        if self.folder is not None:
            self._continue_from(self.folder, resume)
        self._seconds_before = self.history[-1]["seconds"] if self.history else 0.0

    @property
    def history(self) -> list[dict[str, int | float]]:
        """One entry per logged step."""
        return self._log.history

    @property
    def best_model(self) -> Model:
        """The model to use: the averaged one where the recipe averages."""
        return self.model if self._average is None else self._average.module

    def steps(self, source: Iterator[T]) -> Iterator[tuple[int, T]]:
        """(step, what the source gives for it) for each step still to do."""
        started = time.perf_counter()
        first, last = self.steps_done, self.recipe.steps
        self._bar = tqdm(total=last, initial=first, disable=not self._progress)
        with self._bar:
            for step in range(first, first if self.stopped_early else last):
                batch = self._try(lambda: next(source))
                if not self._goes_on():
                    return
                for optimizer in self._optimizers():
                    for group in optimizer.param_groups:
                        group["lr"] = optimizer.defaults["lr"] * self.recipe.rate_at(step)
                self._at_rest = False
                yield step, batch
                self.steps_done = step + 1
                self.seconds = time.perf_counter() - started
                if self._average is not None:
                    self._average.update_parameters(self.model)
                self._at_rest = True
                self._show_progress()
                self._try(self._draw_preview)
            self._goes_on()

    def draws(self, num_images: int) -> Iterator[list[Draw]]:
        """Index and position of each of this process's images, batch by batch, to the last step."""
        size, steps = self.recipe.batch_size, range(self.steps_done, self.recipe.steps)
        for step, batch in zip(steps, self._indices(num_images), strict=False):
            draws = [Draw(i, step * size + j) for j, i in enumerate(batch.tolist())]
            yield self.place.share(draws)

    def batches(self, num_images: int) -> Iterator[tuple[int, Int[Tensor, " B"]]]:
        """(step, indices of this process's images) for each step still to do."""
        return self.steps(self.place.share(batch) for batch in self._indices(num_images))

    def image_batches(
        self, images: Images, *, workers: int = 0
    ) -> Iterator[tuple[int, Float[Tensor, "B C H W"]]]:
        """(step, this process's images), drawn as the data set does."""
        draws, pinned = self.draws(len(images)), self.place.device.type == "cuda"
        options = {"seed": self.recipe.seed, "workers": workers, "pin_memory": pinned}
        return self.steps(draw_batches(images, draws, **options))

    def logs_at(self, step: int) -> bool:
        """Every `log_every` steps, and after the last one."""
        return step % self.recipe.log_every == 0 or step + 1 == self.recipe.steps

    def log(self, step: int, logs: Mapping[str, Tensor]) -> None:
        """Keep the losses of a step, averaged over the processes, and the learning rate.

        To be called by every process, where `logs_at` says so: reading them waits for the GPU.

        Raises:
            Diverged: one of them is no finite number.
        """
        device = self.place.device
        on_device = [value.float().to(device) for value in logs.values()]
        means = mean_over_processes(torch.stack(on_device)).tolist()
        values = dict(zip(logs, means, strict=True))
        rate = {"learning_rate": self.recipe.learning_rate_at(step)}
        self._log.add(step + 1, self._seconds_before + self.seconds, values | rate)
        check_finite(values, f"losses of step {step + 1}")

    def stop_early(self) -> None:
        """End the run after this step, because more steps would not help; on every process."""
        self.stopped_early = True

    def preview(self, every: int | None, draw: Callable[[Model], Float[Tensor, "C H W"]]) -> None:
        """Draw a picture every so many steps and at the end; None draws none."""
        self._preview = None if every is None else (every, draw)

    def __enter__(self) -> "Run":
        self._signals.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        try:
            if error is not None and self.folder is not None and self.place.is_main:
                self._rescue(error)
        finally:
            self._log.close()
            self._signals.__exit__()

    def result(self) -> Trained:
        """The trained model and its history."""
        return Trained(
            self.best_model.eval(),
            self.history,
            self.steps_done,
            self.seconds,
            self.stopped_early,
            self._signals.number,
        )

    def _indices(self, num_images: int) -> Iterator[Int[Tensor, " B"]]:
        recipe = self.recipe
        return batch_indices(
            num_images, recipe.batch_size, seed=recipe.seed, first_step=self.steps_done
        )

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        return [part for part in self.parts.values() if isinstance(part, torch.optim.Optimizer)]

    def _try(self, action: Callable[[], T]) -> T | None:
        """Do it between two steps; an error waits until all processes know of it."""
        try:
            return action()
        except Exception as error:
            self._failure = self._failure or error
            return None

    def _goes_on(self) -> bool:
        """Agree with the other processes how to go on, and save where that is due.

        An error that was met on the way, here or elsewhere, is raised once all is saved.
        """
        stops = self.stopped_early or self._signals.number is not None
        wish = FAIL if self._failure else STOP if stops else GO_ON
        wish, done = most_over_processes(wish), self.steps_done
        if wish or done == self.recipe.steps or done % self.recipe.save_every == 0:
            self._save()
        if wish == FAIL:
            raise self._failure or RuntimeError("another process has failed; it says why")
        if wish == STOP and not self.stopped_early and self.place.is_main:
            print(f"\nstopped after step {done}", file=sys.stderr)
        return wish == GO_ON

    def _save(self) -> None:
        """Write a checkpoint, if there is a folder and the step has none."""
        if self.folder is None or self.steps_done in (0, self._saved_step):
            return
        # On every process, which have the same weights: so all of them end alike.
        check_finite(
            weights_of(self.best_model, self.parts), f"weights after step {self.steps_done}"
        )
        if self.place.is_main:
            options = {"recipe": asdict(self.recipe), "material": self.material}
            save_checkpoint(
                self.folder, self.best_model, self.parts, step=self.steps_done, **options
            )
        self._saved_step = self.steps_done

    def _rescue(self, error: BaseException) -> None:
        """After an error: save what can be resumed, and say what there is to go on from."""
        if not self._at_rest and not isinstance(error, Diverged):
            print(f"step {self.steps_done + 1} is half done and cannot be saved", file=sys.stderr)
        elif self._at_rest:
            try:
                self._save()
            except (OSError, ValueError) as another:
                print(f"step {self.steps_done} cannot be saved: {another}", file=sys.stderr)
        latest = latest_checkpoint(self.folder)
        found = "there is no checkpoint yet" if latest is None else f"last checkpoint: {latest}"
        print(found, file=sys.stderr)

    def _show_progress(self) -> None:
        self._bar.update()
        latest = self.history[-1] if self.history else {}
        self._bar.set_postfix({k: f"{latest[k]:.4g}" for k in ON_THE_BAR if k in latest})

    @torch.no_grad()
    def _draw_preview(self) -> None:
        step = self.steps_done
        if self._preview is None or self.folder is None or not self.place.is_main:
            return
        every, draw = self._preview
        if step % every and step != self.recipe.steps:
            return
        model = self.best_model
        was_training = model.training
        self._log.add_picture(step, draw(model.eval()))
        model.train(was_training)

    def _continue_from(self, folder: Path, resume: bool) -> None:
        latest = checkpoint_to_resume(folder, resume=resume)
        if latest is not None:
            check_same_run(latest, self.recipe, self.material)
            self.steps_done = self._saved_step = restore(latest, self.best_model, self.parts)
        elif self.place.is_main:
            folder.mkdir(parents=True, exist_ok=True)
        self._log.go_back_to(self.steps_done)


def clip_gradients(model: nn.Module, recipe: Recipe) -> None:
    """Shorten the gradient, all weights together, to the recipe's `max_grad_norm`."""
    if recipe.max_grad_norm is not None:
        nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)


def mean_logs(logs: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each value over the parts of a batch."""
    return {name: torch.stack([part[name] for part in logs]).mean() for name in logs[0]}
