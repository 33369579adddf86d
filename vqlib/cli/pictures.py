"""Pictures and label maps from files, brought to the size that is needed."""

from pathlib import Path

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.data.folder_maps import check_labels, read_label_map
from vqlib.data.pictures import read_picture


def shrunk(x: Float[Tensor, "C H W"], max_side: int) -> Float[Tensor, "C h w"]:
    """A picture whose longer side has at most so many pixels."""
    shrink = max_side / max(x.shape[1:])
    if shrink >= 1:
        return x
    return resized(x, tuple(max(1, round(side * shrink)) for side in x.shape[1:]))


def resized(x: Float[Tensor, "C H W"], size: tuple[int, int]) -> Float[Tensor, "C h w"]:
    """A picture in another size, smoothly."""
    x = F.interpolate(x[None], size, mode="bicubic", antialias=True, align_corners=False)
    return x[0].clamp(-1, 1)


def read_fitting(path: Path, size: tuple[int, int], *, channels: int) -> Float[Tensor, "C h w"]:
    """The middle of a picture, as large as the shape allows, in the wanted size."""
    return resized(middle(read_picture(path, channels=channels), size), size)


def read_fitting_labels(
    path: Path, size: tuple[int, int], *, num_labels: int
) -> Int[Tensor, "h w"]:
    """The same of a label map, each pixel with the nearest label."""
    labels = read_labels(path, num_labels=num_labels)
    x = middle(labels[None].float(), size)
    return F.interpolate(x[None], size, mode="nearest-exact")[0, 0].long()


def read_labels(path: Path, *, num_labels: int) -> Int[Tensor, "H W"]:
    """A label map of which all labels are known."""
    labels = read_label_map(path)
    check_labels(labels, num_labels, source=path)
    return labels


def middle(x: Float[Tensor, "C H W"], size: tuple[int, int]) -> Float[Tensor, "C _ _"]:
    """The largest part in the middle that has the shape of `size`."""
    (h, w), (_, H, W) = size, x.shape
    scale = min(H / h, W / w)
    rows, columns = max(1, round(h * scale)), max(1, round(w * scale))
    top, left = (H - rows) // 2, (W - columns) // 2
    return x[:, top : top + rows, left : left + columns]


def check_target(out: Path, *sources: Path) -> None:
    """Before long work: a result must be a PNG that is no folder and overwrites no source.

    Raises:
        ValueError: it is not.
    """
    if out.suffix.lower() != ".png":
        raise ValueError(f"{out}: pictures are saved as PNG, give a name that ends in .png")
    if out.is_dir():
        raise ValueError(f"{out} is a folder; give the name of a picture")
    if out.resolve() in {path.resolve() for path in sources}:
        raise ValueError(f"{out}: the result would overwrite a picture given; choose another --out")
