"""100 small real faces that come with scikit-image: no network needed."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from vqlib.data.enlarge import enlarge
from vqlib.data.images import TensorImages
from vqlib.data.photos import bundled

# Of the 200 pictures in the file the first 100 are faces; of these the last 20 are held out.
NUM_FACES, NUM_TRAIN = 100, 80


def faces(split: str = "train", *, size: int = 32) -> TensorImages:
    """Aligned grey faces of *Labeled Faces in the Wild*, 25×25 pixels, enlarged.

    Pictures differ, but well-known people may be in both splits.

    Args:
        split: "train" (the first 80) or "held_out" (the last 20).
        size: height and width in pixels; enlarged bilinearly from 25×25.

    Returns:
        Images (1, size, size), the same bits on every processor; `draw` mirrors half of them.
    """
    parts = {"train": slice(None, NUM_TRAIN), "held_out": slice(NUM_TRAIN, None)}
    if split not in parts:
        raise ValueError(f"split is {split!r}; use one of {', '.join(map(repr, parts))}")
    if size < 25:
        raise ValueError(f"size is {size}; the faces have 25×25 pixels, use 25 or more")
    return TensorImages(enlarge(_load()[parts[split]], size), flip=True)


@cache
def _load() -> Tensor:
    pixels = np.load(bundled("skimage/data/lfw_subset.npy"), allow_pickle=False)[:NUM_FACES]
    return torch.from_numpy(pixels).float().mul(2).sub(1)[:, None]  # 0…1 → −1…1
