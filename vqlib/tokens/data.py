"""What stage 2 learns from: token grids, each with what it is to be drawn from.

Grids larger than the model's are cut into windows at random, as pictures are into squares.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import tee
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from vqlib.compress.palette import ColorPalette
from vqlib.compress.quantize import check_tokens
from vqlib.compress.vqvae import VQVAE
from vqlib.data.batches import Draw, draw_batches, generator_of
from vqlib.data.images import Images
from vqlib.generate.condition import Place
from vqlib.generate.prior import PriorConfig, evaluating

Batch = tuple[Int[Tensor, "B T"], Int[Tensor, "B P"]]
# What a codec, or two, make of images and their numbers: tokens, and the value of the condition.
Encode = Callable[[Tensor, Tensor], tuple[Tensor, Any]]


@runtime_checkable
class TokenData(Protocol):
    """The contract of every data set of stage 2."""

    def __len__(self) -> int:
        """How many pictures there are."""
        ...

    def batches(
        self, draws: Iterable[list[Draw]], config: PriorConfig, *, seed: int, device: torch.device
    ) -> Iterator[Batch]:
        """Tokens row by row and ids of the condition, for each of the batches asked for.

        Args:
            draws: rows of each batch, and the positions of these draws in a run, one after another.
            config: of the model.
            seed: of what is drawn at random; with a row's position it decides.
            device: where images are put before they are encoded.
        """
        ...

    def pictures(self, config: PriorConfig, batch_size: int) -> Iterator[Batch]:
        """Every picture once, always the same, for measuring."""
        ...


class TokenGrids:
    """Token grids in memory, or on disk behind a memory map. Keeps the contract `TokenData`.

    Args:
        tokens: int (N, H, W), a tensor or an array that may be memory-mapped.
        values: for each picture the value of its condition (see `vqlib.generate.condition`): a
            tensor or array with N rows, a list of captions, or None.

    Raises:
        ValueError: no pictures, tokens that are no whole numbers, or another number of values.
    """

    def __init__(self, tokens: Tensor | np.ndarray, values: Any = None):
        if tokens.ndim != 3 or len(tokens) == 0:
            raise ValueError(f"tokens have the shape {tuple(tokens.shape)}; (N, H, W) is expected")
        is_tensor = isinstance(tokens, Tensor)
        if tokens.is_floating_point() if is_tensor else tokens.dtype.kind not in "iu":
            raise ValueError(f"tokens are {tokens.dtype}; whole numbers are expected")
        if values is not None and len(values) != len(tokens):
            raise ValueError(f"{len(values)} conditions for {len(tokens)} pictures")
        self.tokens, self.values = tokens, values

    def __len__(self) -> int:
        return len(self.tokens)

    def batches(
        self, draws: Iterable[list[Draw]], config: PriorConfig, *, seed: int, device: torch.device
    ) -> Iterator[Batch]:
        """As in `TokenData`; nothing is moved."""
        for batch in draws:
            yield self._windows(_rows_of(batch), config, seed=seed, first=batch[0].position)

    def pictures(self, config: PriorConfig, batch_size: int) -> Iterator[Batch]:
        """As in `TokenData`."""
        for rows in torch.arange(len(self)).split(batch_size):
            yield self._windows(rows, config, seed=0, first=int(rows[0]))

    def _windows(
        self, rows: Int[Tensor, " B"], config: PriorConfig, *, seed: int, first: int
    ) -> Batch:
        tokens, values = _rows(self.tokens, rows), _rows(self.values, rows)
        return windows(tokens, values, config, seed=seed, first=first)


class EncodedImages:
    """Images, drawn and encoded anew at each step. Keeps the contract `TokenData`.

    Args:
        images: any data set of stage 1.
        encode: from images (B, C, H, W) and their numbers (B,) to tokens (B, h, w) and the value
            of the condition, without gradient. Images come on the run's device, for measuring on
            the CPU: `codec.encode(x.to(codec.device))` takes both.
        workers: processes that read and crop pictures.
    """

    def __init__(self, images: Images, encode: Encode, *, workers: int = 0):
        self.images, self.encode, self.workers = images, encode, workers

    def __len__(self) -> int:
        return len(self.images)

    def batches(
        self, draws: Iterable[list[Draw]], config: PriorConfig, *, seed: int, device: torch.device
    ) -> Iterator[Batch]:
        """As in `TokenData`."""
        read, encoded = tee(draws)  # the reader is ahead
        options = {"workers": self.workers, "pin_memory": device.type == "cuda"}
        images = draw_batches(self.images, read, seed=seed, **options)
        for batch, x in zip(encoded, images, strict=False):
            tokens, values = self.encode(x.to(device, non_blocking=True), _rows_of(batch))
            yield windows(tokens, values, config, seed=seed, first=batch[0].position)

    def pictures(self, config: PriorConfig, batch_size: int) -> Iterator[Batch]:
        """As in `TokenData`; on the CPU, each image as it is for measuring."""
        for rows in torch.arange(len(self)).split(batch_size):
            x = torch.stack([self.images[i] for i in rows.tolist()])
            tokens, values = self.encode(x, rows)
            yield windows(tokens, values, config, seed=0, first=int(rows[0]))


def windows(
    tokens: Int[Tensor, "B H W"], values: Any, config: PriorConfig, *, seed: int, first: int
) -> Batch:
    """A window of the model's size out of each grid, and the ids of its condition.

    Args:
        tokens: grids at least as large as the model's.
        values: of the condition of the whole grids.
        config: of the model.
        seed: which windows; a window depends on it and on the picture's number alone.
        first: number of the first of these pictures among all that are drawn.

    Raises:
        ValueError: the grids are smaller than the model's, or hold other tokens than its codes.
    """
    B, H, W = tokens.shape
    h, w = config.grid
    if h > H or w > W:
        raise ValueError(f"pictures of {H}×{W} tokens are smaller than the model's {h}×{w}")
    check_tokens(tokens, config.num_codes)
    if (h, w) == (H, W):
        return tokens.flatten(1), config.condition.ids(values, B)
    cut, ids = [], []
    for i in range(B):
        generator = generator_of(seed, first + i)
        top = int(torch.randint(H - h + 1, (), generator=generator))
        left = int(torch.randint(W - w + 1, (), generator=generator))
        cut.append(tokens[i, top : top + h, left : left + w].flatten())
        value = None if values is None else values[i : i + 1]
        ids.append(config.condition.ids(value, 1, Place(top, left, H, W)))
    return torch.stack(cut), torch.cat(ids)


def encoded_once(
    images: Images, encode: Encode, at_most: int, *, batch_size: int = 64, progress: bool = True
) -> TokenGrids:
    """The tokens of images as they are for measuring; of many images, some from all parts."""
    rows = torch.arange(0, len(images), -(-len(images) // at_most))
    tokens, values = [], []
    parts = rows.split(batch_size)
    for part in tqdm(parts, "encoding", disable=not progress, delay=1, leave=False):
        s, value = encode(torch.stack([images[i] for i in part.tolist()]), part)
        tokens.append(s.cpu())
        values += [] if value is None else [value.cpu()]
    return TokenGrids(torch.cat(tokens), torch.cat(values) if values else None)


@torch.no_grad()
def tokenize(
    codec: VQVAE | ColorPalette,
    images: Float[Tensor, "N C H W"] | Int[Tensor, "N H W"],
    *,
    batch_size: int = 256,
) -> Int[Tensor, "N h w"]:
    """Tokens of many images, on the CPU. The codec works in eval mode.

    Args:
        codec: a trained stage 1.
        images: in [-1, 1], or label maps for a codec of these, on any device.
        batch_size: images encoded at once.
    """
    with evaluating(codec):
        return torch.cat(
            [codec.encode(part.to(codec.device)).cpu() for part in images.split(batch_size)]
        )


def _rows_of(batch: list[Draw]) -> Int[Tensor, " B"]:
    return torch.tensor([draw.index for draw in batch])


def _rows(values: Any, rows: Int[Tensor, " B"]) -> Any:
    """Some rows of a tensor, an array or a list."""
    if values is None:
        return None
    if isinstance(values, Tensor):
        return values[rows.to(values.device)].long()
    if isinstance(values, np.ndarray):
        return torch.from_numpy(np.asarray(values[rows.numpy()]).astype(np.int64))
    return [values[i] for i in rows.tolist()]
