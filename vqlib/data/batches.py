"""Which pictures make up the batch of a step: a pure function of seed and step."""

from collections.abc import Iterator

import torch
from jaxtyping import Int
from torch import Tensor


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
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        shuffled = torch.randperm(num_images, generator=generator)
        for position in range(start, per_epoch):
            yield shuffled[position * batch_size : (position + 1) * batch_size]
        step = (epoch + 1) * per_epoch
