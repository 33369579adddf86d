"""Which pictures make up the batch of a step: a pure function of seed and step."""

import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from vqlib.data.images import Images


def batch_indices(
    num_images: int, batch_size: int, *, seed: int, first_step: int = 0
) -> Iterator[Int[Tensor, " B"]]:
    """Endless batches of indices: each epoch is a fresh shuffle, its incomplete rest is left out.

    A resumed run starts at `first_step` and sees exactly the batches it would have seen.

    Args:
        num_images: size of the data set.
        batch_size: indices per batch, at most num_images.
        seed: of the shuffles.
        first_step: number of batches to skip, at no cost.
    """
    if not 1 <= batch_size <= num_images:
        raise ValueError(
            f"batch_size is {batch_size}, the data set has {num_images} images; "
            f"use 1 to {num_images}"
        )
    per_epoch = num_images // batch_size
    step = first_step
    while True:
        epoch, start = divmod(step, per_epoch)
        generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
        shuffled = torch.randperm(num_images, generator=generator)
        for position in range(start, per_epoch):
            yield shuffled[position * batch_size : (position + 1) * batch_size]
        step = (epoch + 1) * per_epoch


class Draw(NamedTuple):
    """One image to draw: its index, and its position among all draws of the run."""

    index: int
    position: int


def draw_batches(
    images: Images,
    draws: Iterable[list[Draw]],
    *,
    seed: int,
    workers: int = 0,
    pin_memory: bool = False,
) -> Iterator[Float[Tensor, "B C H W"]]:
    """The images of each batch, cropped at random by a generator that seed and position fix.

    So neither the number of workers nor a resumed run changes what is drawn.

    Args:
        images: any data set of stage 1.
        draws: what each batch holds.
        seed: of the random crops.
        workers: processes that read and crop; 0 for none.
        pin_memory: for copies to a GPU that do not wait.

    Raises:
        OSError: a file is gone or may not be read.
        ValueError: a picture is broken.
    """
    loader = DataLoader(
        _Drawn(images, seed),
        batch_sampler=draws,
        num_workers=workers,
        generator=torch.Generator(),  # or it would draw from the global one, that of dropout
        worker_init_fn=_leave_signals_to_the_main_process,
        collate_fn=_stacked,
        pin_memory=pin_memory,
    )
    for x in loader:
        if isinstance(x, Exception):
            raise x
        yield x


@dataclass(frozen=True)
class _Drawn(Dataset):
    images: Images
    seed: int

    def __getitem__(self, draw: Draw) -> Tensor | Exception:
        try:
            return self.images.draw(draw.index, generator_of(self.seed, draw.position))
        except (ValueError, OSError) as error:
            return error  # a worker process would put its traceback into the message


def _stacked(items: list[Tensor | Exception]) -> Tensor | Exception:
    """The batch, or the first error in it."""
    errors = [item for item in items if isinstance(item, Exception)]
    return errors[0] if errors else torch.stack(items)


def generator_of(seed: int, position: int) -> torch.Generator:
    """The random numbers of one draw of a run: seed and position alone decide."""
    # Spread: neighbouring seeds would start the generator in similar states.
    spread = (seed * 0x9E3779B97F4A7C15 + position * 0xD1342543DE82EF95) % 2**63
    return torch.Generator().manual_seed(spread)


def _leave_signals_to_the_main_process(_: int) -> None:
    # Terminals and job schedulers send theirs to all processes, but the step has to be finished.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
