"""Public data sets for full-scale runs, fetched on first use. Nothing fetched is unpickled."""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from vqlib.data.digits import LabelledImages

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR10_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"


def mnist(root: str | Path, split: str = "train") -> LabelledImages:
    """MNIST: 60,000 training and 10,000 held-out handwritten digits, about 12 MB.

    Args:
        root: where the files are, or will be put.
        split: "train" or "held_out" (MNIST's test set).

    Returns:
        images (N, 1, 32, 32): the 28×28 originals with a black border of 2; labels 0–9.
    """
    from torchvision.datasets import MNIST  # reads MNIST's own raw format

    data = MNIST(str(root), train=_is_train(split), download=True)
    images = data.data[:, None].float().div(127.5).sub(1)
    return LabelledImages(F.pad(images, [2] * 4, value=-1.0), data.targets.long())


def cifar10(root: str | Path, split: str = "train") -> LabelledImages:
    """CIFAR-10: 50,000 training and 10,000 held-out 32×32 photos, about 170 MB.

    The *binary* version of the data set, which is plain bytes; the better-known Python version is
    a pickle. Layout of a record: 1 byte of label, then 3×32×32 bytes, red first.

    Args:
        root: where the files are, or will be put.
        split: "train" or "held_out" (CIFAR-10's test set).

    Returns:
        images (N, 3, 32, 32) in [-1, 1]; labels 0–9.

    Raises:
        ValueError: unknown split, or a file that is not a whole number of records.
    """
    train = _is_train(split)
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] if train else ["test_batch.bin"]
    folder = Path(root) / "cifar-10-batches-bin"
    if not all((folder / name).is_file() for name in names):
        from torchvision.datasets.utils import download_and_extract_archive

        download_and_extract_archive(CIFAR10_URL, str(root), md5=CIFAR10_MD5)
    records = torch.cat([_cifar_records(folder / name) for name in names])
    images = records[:, 1:].view(-1, 3, 32, 32).float().div(127.5).sub(1)
    return LabelledImages(images, records[:, 0].long())


def _cifar_records(path: Path) -> torch.Tensor:
    data = np.fromfile(path, dtype=np.uint8)
    length = 1 + 3 * 32 * 32
    if len(data) == 0 or len(data) % length:
        raise ValueError(
            f"{path} has {len(data)} bytes, not a multiple of {length}: delete it and run again"
        )
    return torch.from_numpy(data).view(-1, length)


def _is_train(split: str) -> bool:
    if split not in ("train", "held_out"):
        raise ValueError(f"split is {split!r}; use 'train' or 'held_out'")
    return split == "train"
