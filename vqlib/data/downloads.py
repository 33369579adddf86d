"""Public data sets for full-scale runs, fetched on first use. Nothing fetched is unpickled."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import ConcatDataset, Dataset

from vqlib.data.digits import LabelledImages
from vqlib.data.folder import FolderImages
from vqlib.data.torchvision_images import ImagesWithMaps, TorchvisionImages

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

    train = _is_train(split)
    with _named_failure("MNIST", root):
        data = MNIST(str(root), train=train, download=True)
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

        with _named_failure("CIFAR-10 (binary version)", root):
            download_and_extract_archive(CIFAR10_URL, str(root), md5=CIFAR10_MD5)
    records = torch.cat([_cifar_records(folder / name) for name in names])
    images = records[:, 1:].view(-1, 3, 32, 32).float().div(127.5).sub(1)
    return LabelledImages(images, records[:, 0].long())


def flowers102(root: str | Path, split: str = "train", *, size: int = 256) -> TorchvisionImages:
    """Oxford Flowers: 8,189 photographs of 102 kinds of flowers, about 350 MB.

    Args:
        root: where the files are, or will be put.
        split: "train" (7,169 photographs, the published "val" and "test" parts) or "held_out"
            (1,020, the published "train" part, ten of each kind: made for learning labels, it
            is too small for learning pictures).
        size: height and width of the images.

    Returns:
        Images (3, size, size): a square of each photograph.

    Raises:
        OSError: the data set cannot be fetched.
        ValueError: unknown split.
    """
    from torchvision.datasets import Flowers102  # its labels are .mat files, read without pickle

    published = ("val", "test") if _is_train(split) else ("train",)
    with _named_failure("Flowers102", root):
        parts = [Flowers102(str(root), part, download=True) for part in published]
    return TorchvisionImages(ConcatDataset(parts), size)


def pets(root: str | Path, split: str = "train", *, size: int = 256) -> TorchvisionImages:
    """Oxford-IIIT Pets: 3,680 photographs to train and 3,669 held out, about 800 MB.

    Args:
        root: where the files are, or will be put.
        split: "train" (the published "trainval" part) or "held_out" ("test").
        size: height and width of the images.

    Returns:
        Images (3, size, size): a square of each photograph.

    Raises:
        OSError: the data set cannot be fetched.
        ValueError: unknown split.
    """
    return TorchvisionImages(_pets(root, split, target="category"), size)


def pets_with_trimaps(root: str | Path, split: str = "train", *, size: int = 256) -> ImagesWithMaps:
    """Oxford-IIIT Pets, each photograph with its map: 0 the animal, 1 background, 2 its outline.

    Args:
        root: where the files are, or will be put.
        split: "train" or "held_out", as for `pets`.
        size: height and width of images and maps.

    Returns:
        Pairs of an image (3, size, size) in [-1, 1] and a map (size, size), int64.

    Raises:
        OSError: the data set cannot be fetched.
        ValueError: unknown split.
    """
    data = _pets(root, split, target="segmentation")
    return ImagesWithMaps(data, size, num_classes=3, first_class=1)  # the files count from 1


def _pets(root: str | Path, split: str, *, target: str) -> Dataset:
    from torchvision.datasets import OxfordIIITPet

    published = "trainval" if _is_train(split) else "test"
    with _named_failure("OxfordIIITPet", root):
        return OxfordIIITPet(str(root), published, target_types=target, download=True)


def celeba(root: str | Path, split: str = "train", *, size: int = 64) -> TorchvisionImages:
    """CelebA, aligned: 162,770 faces to train and 19,962 held out, about 1.4 GB.

    The files lie on Google Drive, so the download needs `pip install gdown` and often meets the
    daily limit of its owner. Files put into `root/celeba` by hand serve as well.

    Args:
        root: where the files are, or will be put.
        split: "train" or "held_out" (the published "test" part).
        size: height and width of the images; the pictures have 178×218 pixels.

    Returns:
        Images (3, size, size): a square of each picture.

    Raises:
        OSError: the data set cannot be fetched.
        ValueError: unknown split.
    """
    from torchvision.datasets import CelebA

    published = "train" if _is_train(split) else "test"
    with _named_failure("CelebA", root):
        data = CelebA(str(root), published, target_type=[], download=True)
    return TorchvisionImages(data, size)


def imagenet(root: str | Path, split: str = "train", *, size: int = 256) -> FolderImages:
    """ImageNet (ILSVRC2012): 1,281,167 photographs to train and 50,000 held out, about 150 GB.

    It cannot be downloaded without an account; `root` must hold it unpacked, in the usual
    layout: `train/CLASS/*.JPEG` and `val/*.JPEG` or `val/CLASS/*.JPEG`.

    Args:
        root: the folder that holds `train` and `val`.
        split: "train" or "held_out" (the published "val" part).
        size: height and width of the images.

    Returns:
        Images (3, size, size), not checked beforehand.

    Raises:
        FileNotFoundError: no such layout below `root`.
        ValueError: unknown split.
    """
    part = Path(root) / ("train" if _is_train(split) else "val")
    if not part.is_dir():
        raise FileNotFoundError(
            f"{part}: no such folder. ImageNet cannot be downloaded automatically: register at "
            "https://image-net.org, fetch ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar, "
            f"and unpack them as {root}/train/CLASS/*.JPEG and {root}/val/*.JPEG"
        )
    return FolderImages(part, size, check=False)


@contextmanager
def _named_failure(name: str, root: str | Path) -> Iterator[None]:
    """Turn torchvision's and the network's errors into one that says what to do."""
    try:
        yield
    except (RuntimeError, OSError) as error:
        raise OSError(
            f"{name} is not in {root} and cannot be fetched ({error}); "
            "fetch it elsewhere and copy it there, as torchvision.datasets describes"
        ) from error


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
