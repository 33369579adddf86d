"""Maps in a folder beside the pictures' own: for each picture the file of the same name."""

from pathlib import Path, PurePosixPath

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH
from torch import Tensor

from vqlib.data.checked import check_files
from vqlib.data.folder import FolderImages, find_pictures
from vqlib.data.main_process import from_main_process
from vqlib.data.pictures import open_picture, quiet_pillow, to_tensor
from vqlib.data.png import grey_scale
from vqlib.data.squares import centre_square, cut, random_square

# How a PNG may hold whole numbers; colours are none, nor is what has transparency beside it.
LABEL_MODES = ("1", "L", "P", "I", "I;16")
LABELS = "in a label map, a PNG, the palette index or the grey value is the label"
OTHER_MODES = {"LA": "grey with transparency", "RGBA": "colour with transparency"}


class FolderMaps:
    """Maps that are pictures, such as depth in grey. Keeps the contract `Images`.

    A map has its picture's name (but for the ending), folder below folder, and its size; it is cut
    as the picture is in `FolderImages`.

    Args:
        pictures: what the maps are of.
        folder: where the maps are.
        channels: 1 for grey maps, 3 for colour.
        progress: show a bar while maps are read that were not found sound before.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: a picture has no map or several, or a map cannot be read or has another size.
    """

    resample = Image.Resampling.LANCZOS

    def __init__(
        self,
        pictures: FolderImages,
        folder: str | Path,
        *,
        channels: int = 1,
        progress: bool = True,
    ):
        self.folder, self.channels = Path(folder), channels
        self.size, self.flip = pictures.size, pictures.flip
        self.names: list[str] = from_main_process(
            f"checking the maps {self.folder} of {pictures.folder}",
            lambda: self._checked(pictures, progress=progress),
        )

    def _checked(self, pictures: FolderImages, *, progress: bool) -> list[str]:
        """The maps of the pictures, all of them sound."""
        maps = partners(pictures.names, self.folder)
        originals = dict(zip(maps, pictures.names, strict=True))
        files = {
            name: (pictures.folder / original, self.folder / name)
            for name, original in originals.items()
        }

        def trouble(name: str) -> str | None:
            try:
                self._check(*files[name])
            except (ValueError, OSError) as error:
                return str(error)
            return None

        purpose = f"checking {self.folder.resolve()}, {self._kind} of {pictures.folder.resolve()}"
        for reason in check_files(purpose, files, trouble, progress=progress).values():
            raise ValueError(reason)
        return maps

    @property
    def _kind(self) -> str:
        """What the maps must be."""
        return f"maps of {self.channels} channels"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, size, size)."""
        return self.channels, self.size, self.size

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Float[Tensor, "C H W"]:
        picture = self._map(index)
        square = centre_square(*picture.size)
        return self._tensor(cut(picture, square, self.size, self.resample))

    def draw(self, index: int, generator: torch.Generator) -> Float[Tensor, "C H W"]:
        """The square that the picture shows when it is drawn with the same random numbers."""
        picture = self._map(index)
        square = random_square(*picture.size, generator, flip=self.flip)
        return self._tensor(cut(picture, square, self.size, self.resample))

    def _map(self, index: int) -> Image.Image:
        with quiet_pillow():
            return self._open(self.folder / self.names[index])

    def _open(self, path: Path) -> Image.Image:
        return open_picture(path, channels=self.channels)

    def _tensor(self, picture: Image.Image) -> Tensor:
        return to_tensor(picture)

    def _check(self, original: Path, path: Path) -> None:
        size, expected = self._open(path).size, picture_size(original)
        if size != expected:
            raise ValueError(
                f"{path} has {size[0]}×{size[1]} pixels, its picture {original} has "
                f"{expected[0]}×{expected[1]}; both must be alike"
            )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({str(self.folder)!r}, {len(self)} maps, "
            f"shape={self.image_shape}, flip={self.flip})"
        )


class FolderLabelMaps(FolderMaps):
    """Label maps: PNGs whose palette index or grey value is the label. Keeps the contract `Images`.

    Between two labels there is nothing, so maps are never interpolated: each pixel takes the label
    of the nearest.

    Args:
        pictures: what the maps are of.
        folder: where the maps are.
        num_labels: labels are 0 … num_labels − 1.
        progress: show a bar while maps are read that were not found sound before.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: as `FolderMaps`; or a map has a label that is not known.
    """

    resample = Image.Resampling.NEAREST

    def __init__(
        self,
        pictures: FolderImages,
        folder: str | Path,
        *,
        num_labels: int,
        progress: bool = True,
    ):
        self.num_labels = num_labels
        super().__init__(pictures, folder, progress=progress)

    @property
    def _kind(self) -> str:
        return f"maps of {self.num_labels} labels"

    def _open(self, path: Path) -> Image.Image:
        labels = open_label_map(path)
        check_labels(labels, self.num_labels, source=path)
        return Image.fromarray(labels.int().numpy())

    def _tensor(self, picture: Image.Image) -> Tensor:
        return torch.from_numpy(np.array(picture)).float()[None]


def read_label_map(path: str | Path) -> Int[Tensor, "H W"]:
    """The labels in a PNG file: palette indices, or grey values of up to 16 bits. int64.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a PNG, damaged, in colour or with transparency.
    """
    with quiet_pillow():
        return open_label_map(path)


def open_label_map(path: str | Path) -> Int[Tensor, "H W"]:
    """The same as `read_label_map`. Call it in `quiet_pillow`."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            scale = grey_scale(picture)
            picture.load()
            mode, labels = picture.mode, np.asarray(picture)
    except UnidentifiedImageError as error:
        raise ValueError(f"{path}: not a readable PNG; {LABELS}") from error
    except Exception as error:  # on damaged files Pillow lets out nearly every kind
        raise ValueError(f"{path}: damaged or cut short ({error})") from error
    if mode not in LABEL_MODES:
        raise ValueError(
            f"{path}: a picture in {OTHER_MODES.get(mode, 'colour')} (mode {mode}); {LABELS}"
        )
    return torch.from_numpy(labels.astype(np.int64) // scale)


def check_labels(labels: Int[Tensor, "H W"], num_labels: int, *, source: str | Path) -> None:
    """Raise `ValueError` naming the labels that are not among 0 … num_labels − 1."""
    unknown = [label for label in labels.unique().tolist() if not 0 <= label < num_labels]
    if unknown:
        many = "…" if len(unknown) > 8 else ""
        raise ValueError(
            f"{source} has the labels {', '.join(map(str, unknown[:8]))}{many}, which are not "
            f"known; there are {', '.join(map(str, range(min(num_labels, 16))))}"
            + (f", …, {num_labels - 1}" if num_labels > 16 else "")
        )


def partners(names: list[str], folder: Path) -> list[str]:
    """The files in a folder, and below, that have the names of pictures but for the ending.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: there is none for a picture, or more than one.
    """
    found: dict[str, list[str]] = {}
    for name in find_pictures(folder)[0]:
        found.setdefault(_without_ending(name), []).append(name)
    stems = [_without_ending(name) for name in names]
    missing = [name for name, stem in zip(names, stems, strict=True) if stem not in found]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ValueError(
            f"{folder}: {len(missing)} of {len(names)} pictures have no map of their name there: "
            f"{', '.join(missing[:3])}{more}"
        )
    for stem in stems:
        if len(found[stem]) > 1:
            raise ValueError(f"{folder}: which one is the map, {' or '.join(found[stem])}?")
    return [found[stem][0] for stem in stems]


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture when it is upright, from its head alone."""
    with Image.open(path) as picture:
        width, height = picture.size
        if picture.format == "TIFF":  # whose size Pillow may have turned already
            width, height = (picture.tag_v2[tag] for tag in (IMAGEWIDTH, IMAGELENGTH))
        try:
            turned = picture.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
        except Exception:  # notes that cannot be read do not spoil the picture
            turned = False
    return (height, width) if turned else (width, height)


def _without_ending(name: str) -> str:
    return PurePosixPath(name).with_suffix("").as_posix()
