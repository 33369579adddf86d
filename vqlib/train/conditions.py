"""A data set of pictures as what a prior learns from: tokens, and the ids of their conditions."""

from dataclasses import replace

import torch
from torch import Tensor
from tqdm import tqdm

from vqlib.data.images import Images
from vqlib.generate.condition import CoordinateCondition, MapCondition
from vqlib.generate.prior import AnyCondition
from vqlib.train.meanings import MEANINGS, Conditioned
from vqlib.train.pipeline import Meaning
from vqlib.train.prior_task import PriorTask
from vqlib.train.token_data import Encode, EncodedImages, TokenData, TokenGrids


def prior_data(
    task: PriorTask, split: str, *, workers: int = 0, at_most: int | None = None
) -> tuple[TokenData, AnyCondition]:
    """Tokens to train or to measure a prior with, and the condition that it needs.

    Args:
        task: pictures, codecs, and what the pictures are drawn from.
        split: "train" or "held_out".
        workers: processes that read and crop pictures.
        at_most: encode so many pictures now, as they are for measuring, and keep their tokens.
            None: pictures are drawn and encoded anew at each step.

    Raises:
        ValueError: the data do not have what is asked for, or the codecs do not fit.
    """
    found = MEANINGS[task.meaning](task, split)
    condition = windowed(task.meaning, found.condition, task.grid, task.seen)
    encode = encoding(task, found)
    if at_most is not None:
        return encoded_once(found.images, encode, at_most), condition
    return EncodedImages(found.images, encode, workers=workers), condition


def encoding(task: PriorTask, found: Conditioned) -> Encode:
    """How images, as they are drawn, become tokens and the values of their conditions."""

    def encode(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor | None]:
        x = x.to(task.codec.device)
        tokens = task.codec.encode(x[:, : task.channels])
        if found.view is not None:
            return tokens, found.codec.encode(found.view(x))
        return tokens, None if found.values is None else found.values[rows]

    return encode


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


def windowed(
    meaning: Meaning,
    condition: AnyCondition,
    whole: tuple[int, int],
    window: tuple[int, int],
) -> AnyCondition:
    """The condition of one window, from that of whole pictures.

    Args:
        meaning: what the condition is.
        condition: of whole pictures.
        whole: rows and columns of their tokens.
        window: those of the window.

    Raises:
        ValueError: the condition means nothing with such a window.
    """
    sizes = f"a window of {window[0]}×{window[1]} out of {whole[0]}×{whole[1]} tokens"
    if meaning == "upper_half" and window != whole:
        raise ValueError(f"{sizes} has no part in the picture's upper half; leave the window out")
    if isinstance(condition, CoordinateCondition):
        if window == whole:
            raise ValueError(
                f"coordinates tell where in a picture a window lies, but here it is {sizes}: give "
                "a larger size or a smaller window"
            )
        return replace(condition, grid=window)
    if not isinstance(condition, MapCondition):
        return condition
    sides = [divmod(n * w, W) for n, w, W in zip(condition.grid, window, whole, strict=True)]
    if any(rest or not n for n, rest in sides):
        rows, columns = condition.grid
        raise ValueError(f"{sizes} sees no whole number of the map's {rows}×{columns} tokens")
    return replace(condition, grid=tuple(n for n, _ in sides))
