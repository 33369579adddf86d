"""1,797 real handwritten digits that come with scikit-learn: no network needed."""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vqlib.data.enlarge import enlarge

# The last 297 in file order are held out, always the same ones.
NUM_TRAIN = 1500


@dataclass(frozen=True)
class LabelledImages:
    """Images with one class each."""

    images: Float[Tensor, "N C H W"]
    """float32 in [-1, 1]."""
    labels: Int[Tensor, " N"]
    """int64."""

    def __len__(self) -> int:
        return len(self.images)


def digits(split: str = "train", *, image_size: int = 32) -> LabelledImages:
    """The UCI digits of `sklearn.datasets.load_digits`, 8×8 with 17 grey levels, enlarged.

    Args:
        split: "train" (the first 1,500) or "held_out" (the last 297); never shuffled.
        image_size: height and width in pixels; enlarged bilinearly from 8×8.

    Returns:
        images (N, 1, image_size, image_size), white ink (1) on black (−1), the same bits on every
        processor; labels 0–9.
    """
    images, labels = _load()
    parts = {"train": slice(None, NUM_TRAIN), "held_out": slice(NUM_TRAIN, None)}
    if split not in parts:
        raise ValueError(f"split is {split!r}; use one of {', '.join(map(repr, parts))}")
    if image_size < 8:
        raise ValueError(f"image_size is {image_size}; the digits have 8×8 pixels, use 8 or more")
    images = enlarge(images[parts[split]], image_size)
    return LabelledImages(images, labels[parts[split]].clone())


@cache
def _load() -> tuple[Tensor, Tensor]:
    from sklearn.datasets import load_digits

    raw = load_digits()
    images = torch.from_numpy(raw.images).float().div(8).sub(1)  # 0…16 → −1…1
    return images[:, None], torch.from_numpy(raw.target).long()
