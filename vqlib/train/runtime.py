"""Where training runs: one process needs no launcher, several are started by torchrun."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

M = TypeVar("M", Tensor, nn.Module)
B = TypeVar("B", Tensor, list)


@dataclass(frozen=True)
class Runtime:
    """The place of this process among those that train together."""

    device: torch.device
    """Where tensors live."""
    rank: int = 0
    """Number of this process, 0 … world_size − 1."""
    world_size: int = 1
    """Number of processes."""

    @property
    def is_main(self) -> bool:
        """Only the main process logs and saves."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model itself, or its gradient-averaging wrapper when several processes train."""
        if self.world_size == 1:
            return model
        ids = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=ids)

    def put(self, x: M, *, channels_last: bool = False) -> M:
        """A tensor of images, or a module, on this process's device in the wanted layout."""
        image_like = isinstance(x, nn.Module) or x.ndim == 4
        layout = torch.channels_last if channels_last else torch.contiguous_format
        options = {"memory_format": layout} if image_like else {}
        return x.to(self.device, non_blocking=True, **options)

    def autocast(self, precision: str) -> torch.autocast:
        """For the forward pass: "bf16" computes convolutions and matrix products in bfloat16."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "bf16")

    def parts(self, batch: Tensor, count: int, *wrapped: nn.Module) -> Iterator[Tensor]:
        """A batch in equal parts; the processes average their gradients after the last only."""
        if len(batch) % count:
            raise ValueError(
                f"each process has {len(batch)} images of a batch, which do not divide into "
                f"accumulate={count} parts; use a batch_size that does"
            )
        chunks = batch.chunk(count)
        for i, chunk in enumerate(chunks):
            with ExitStack() as stack:
                for module in wrapped:
                    if i + 1 < len(chunks) and isinstance(module, DistributedDataParallel):
                        stack.enter_context(module.no_sync())
                yield chunk

    def share(self, batch: B) -> B:
        """This process's equal part of a global batch, a tensor or a list."""
        if len(batch) % self.world_size:
            raise ValueError(
                f"a batch of {len(batch)} does not divide among {self.world_size} processes"
            )
        size = len(batch) // self.world_size
        return batch[self.rank * size : (self.rank + 1) * size]


def best_device() -> torch.device:
    """The CUDA GPU if there is one, then Apple's, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def find_device(name: str | None) -> torch.device:
    """The device of a name such as "cpu" or "cuda:0", or the best there is.

    Raises:
        ValueError: there is no such device here, or none that computes.
    """
    if name is None:
        return best_device()
    try:
        probe = torch.zeros(1, device=name)
        probe.item()
    except Exception as error:  # PyTorch lets out nearly every kind, some of many lines
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"device is {name!r}, which cannot be used here ({reason}); "
            "use cpu, or leave it out for the best there is"
        ) from error
    return probe.device


@contextmanager
def start(device: str | None = None) -> Iterator[Runtime]:
    """Set the process up, join the others if torchrun started several, and leave cleanly.

    Args:
        device: such as "cpu" or "cuda:0"; by default the best there is.

    Raises:
        ValueError: there is no such device here.
    """
    place = find_device(device)
    if "WORLD_SIZE" not in os.environ:
        yield Runtime(place)
        return
    if place.type == "cuda":
        torch.cuda.set_device(place)
    # gloo also beside nccl: what the processes agree on between two steps must not wait for a GPU.
    dist.init_process_group("cpu:gloo,cuda:nccl" if place.type == "cuda" else "gloo")
    try:
        yield Runtime(place, dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
