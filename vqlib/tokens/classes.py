"""Classes of data sets and folders, and what they are called."""

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from torch import Tensor

from vqlib.data.digits import digits
from vqlib.data.downloads import cifar10, mnist
from vqlib.data.folder import find_pictures

# Data sets that come with classes; of a folder the subfolders are classes.
CLASSES: dict[str, Callable[[Path, str], Tensor]] = {
    "digits": lambda _, split: digits(split).labels,
    "mnist": lambda root, split: mnist(root, split).labels,
    "cifar10": lambda root, split: cifar10(root, split).labels,
}
NUM_CLASSES = 10  # of each of them
# Of those whose numbers do not say it themselves.
CLASS_NAMES: dict[str, tuple[str, ...]] = {
    "cifar10": (
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
}
# Subfolders of these names are parts of a data set, not classes.
SPLITS = frozenset(
    (
        *("train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval"),
        *("held_out", "held-out", "heldout", "holdout"),
    )
)


def class_names(folder: Path) -> tuple[str, ...]:
    """The subfolders of a folder that hold pictures, sorted: the first is class 0.

    Raises:
        ValueError: a picture lies in none of them, or they are the parts of a data set.
    """
    names = find_pictures(folder)[0]
    outside = [name for name in names if "/" not in name]
    if outside:
        raise ValueError(
            f"{folder}: {outside[0]} lies in no subfolder; there must be one for each class"
        )
    parts = parts_of(names)
    if parts:
        raise ValueError(
            f"{folder}: {' and '.join(parts)} are parts of a data set, not classes; give the "
            f"folder above the classes, such as {folder / parts[0]}, or rename them if they are"
        )
    return tuple(sorted({PurePosixPath(name).parts[0] for name in names}))


def parts_of(names: Sequence[str]) -> list[str]:
    """The subfolders if all pictures lie in parts of a data set, such as train and val; else none.

    Args:
        names: of pictures, below their folder.
    """
    folders = sorted({PurePosixPath(name).parts[0] for name in names if "/" in name})
    inside = all("/" in name for name in names)
    return folders if inside and all(folder.lower() in SPLITS for folder in folders) else []
