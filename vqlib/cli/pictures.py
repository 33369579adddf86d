"""Pictures and label maps from files, brought to the size that is needed."""

from pathlib import Path

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.data.folder_maps import check_labels, read_label_map
from vqlib.data.pictures import read_picture


def shrunk(x: Float[Tensor, "C H W"], max_side: int) -> Float[Tensor, "C h w"]:
    """A picture whose longer side has at most so many pixels."""
    size = shrunk_size(tuple(x.shape[1:]), max_side)
    return x if size == x.shape[1:] else resized(x, size)


def shrunk_labels(labels: Int[Tensor, "H W"], max_side: int) -> Int[Tensor, "h w"]:
    """The same of a label map, each pixel with the nearest label."""
    return resized_labels(labels, shrunk_size(tuple(labels.shape), max_side))


def shrunk_size(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    """Height and width in the same proportion, of which none is more than `max_side`."""
    shrink = min(1, max_side / max(size))
    return tuple(max(1, round(side * shrink)) for side in size)


def resized_labels(labels: Int[Tensor, "H W"], size: tuple[int, int]) -> Int[Tensor, "h w"]:
    """A label map in another size, each pixel with the nearest label."""
    return F.interpolate(labels[None, None].float(), size, mode="nearest-exact")[0, 0].long()


def resized(x: Float[Tensor, "C H W"], size: tuple[int, int]) -> Float[Tensor, "C h w"]:
    """A picture in another size, smoothly."""
    x = F.interpolate(x[None], size, mode="bicubic", antialias=True, align_corners=False)
    return x[0].clamp(-1, 1)


def read_fitting(path: Path, size: tuple[int, int], *, channels: int) -> Float[Tensor, "C h w"]:
    """The middle of a picture, as large as the shape allows, in the wanted size."""
    return fitting(read_picture(path, channels=channels), size)


def fitting(x: Float[Tensor, "C H W"], size: tuple[int, int]) -> Float[Tensor, "C h w"]:
    """The same of a picture that was read already."""
    return resized(middle(x, size), size)


def read_fitting_labels(
    path: Path, size: tuple[int, int], *, num_labels: int
) -> Int[Tensor, "h w"]:
    """The same of a label map, each pixel with the nearest label."""
    labels = read_labels(path, num_labels=num_labels)
    return resized_labels(middle(labels[None].float(), size)[0].long(), size)


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
