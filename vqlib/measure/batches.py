"""Images to be measured, in batches, whatever they come from."""

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from tqdm import tqdm


@runtime_checkable
class ImageSet(Protocol):
    """A length, and images (C, H, W) in [-1, 1] by index, as every `vqlib.data.images.Images` has.

    A tensor (N, C, H, W) has them too.
    """

    def __len__(self) -> int:
        """Number of images."""
        ...

    def __getitem__(self, index: int) -> Tensor:
        """One image."""
        ...


ImageSource = ImageSet | Iterable[Tensor]
"""Or an iterable of images or of batches (B, C, H, W)."""


def image_batches(
    source: ImageSource, batch_size: int, *, label: str, progress: bool = True
) -> Iterator[Float[Tensor, "B C H W"]]:
    """Images in their order, `batch_size` at a time; what comes in batches stays as it is.

    No more than one batch is held at once.

    Args:
        source: where the images are.
        batch_size: images stacked into one batch.
        label: what the progress bar says.
        progress: show it.

    Raises:
        ValueError: an item is no image, or the images have several shapes.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    num_items = len(source) if isinstance(source, ImageSet) else None
    items = source if num_items is None else (source[i] for i in range(num_items))
    shape, waiting = None, []
    for item in tqdm(items, label, num_items, disable=not progress):
        if not isinstance(item, Tensor) or item.ndim not in (3, 4):
            what = f"shape {tuple(item.shape)}" if isinstance(item, Tensor) else type(item).__name__
            raise ValueError(f"expected images (C, H, W) or batches (B, C, H, W), got {what}")
        shape = shape or item.shape[-3:]
        if item.shape[-3:] != shape:
            raise ValueError(
                f"the images have several shapes, {tuple(shape)} and {tuple(item.shape[-3:])}: "
                "bring them to one first"
            )
        if item.ndim == 4:
            if len(item):
                yield item
            continue
        waiting.append(item)
        if len(waiting) == batch_size:
            batch, waiting = torch.stack(waiting), []
            yield batch
    if waiting:
        yield torch.stack(waiting)


def eight_bit(images: Float[Tensor, "*shape"]) -> UInt8[Tensor, "*shape"]:
    """Images in [-1, 1] as they would be saved, 0 to 255; raises `ValueError` out of range."""
    if images.numel():
        low, high = (value.item() for value in images.aminmax())
        if not (low >= -1 and high <= 1):  # also true of NaN
            raise ValueError(
                f"images range over [{low:.4g}, {high:.4g}], expected [-1, 1]: "
                "clamp them, or scale 0…255 by 1/127.5 and subtract 1"
            )
    return images.float().add(1).mul(127.5).round().to(torch.uint8)
