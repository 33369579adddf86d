"""Letters and digits in the typefaces that come with matplotlib: detail at every resolution."""

from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
NEW_CHARACTERS = CHARACTERS[4::10]  # never trained on: E, O, Y, i, s and 2
FACES = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono"),
    *("DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-BoldItalic"),
    *("STIXGeneral", "STIXGeneralItalic", "STIXGeneralBolIta"),
    *("cmr10", "cmb10", "cmti10", "cmtt10"),
)
NEW_FACES = ("DejaVuSans-BoldOblique", "DejaVuSerif-Italic", "STIXGeneralBol", "cmss10")

FINER = 4  # a glyph is drawn this many times as large, and then averaged
EM, BASELINE = 0.8, 0.72  # height of a line, and where letters stand, in heights of the picture
ONE = 1 << 10  # a factor of 1 in whole numbers, which are the same on every processor


class Glyphs:
    """Each character in each typeface, slightly stretched, slanted and shifted.

    Unlike the digits, which are enlarged from 8×8, these are drawn at the size that is asked for:
    serifs and thin strokes need their pixels. Keeps the contract `Images`.

    Args:
        split: "train" has the 17 faces `FACES`; "held_out" the same characters in four faces that
            are never trained on; "new_characters" six that are never trained on, in the faces of
            "train".
        size: height and width in pixels, 8 or more.
        copies: of each character in each face, all different.
        characters: out of `CHARACTERS`; by default all but `NEW_CHARACTERS`, or these.

    Raises:
        ValueError: unknown split or character, or a number out of range.
        FileNotFoundError: matplotlib is missing; when the first glyph is drawn.
    """

    def __init__(
        self,
        split: str = "train",
        *,
        size: int = 32,
        copies: int = 4,
        characters: str | None = None,
    ):
        if split not in ("train", "held_out", "new_characters"):
            raise ValueError(f"split is {split!r}; use 'train', 'held_out' or 'new_characters'")
        for name, value, least in (("size", size, 8), ("copies", copies, 1)):
            if value < least:
                raise ValueError(f"{name} is {value}; use {least} or more")
        if characters is None:
            new = split == "new_characters"
            characters = "".join(c for c in CHARACTERS if (c in NEW_CHARACTERS) == new)
        _check_characters(characters)
        self.split, self.size, self.characters = split, size, characters
        faces = NEW_FACES if split == "held_out" else FACES
        # Characters follow one another, so that the first pictures show all of them.
        self.what = [(c, face) for _, face, c in product(range(copies), faces, characters)]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(1, size, size)."""
        return 1, self.size, self.size

    @property
    def labels(self) -> Int[Tensor, " N"]:
        """int64, the place of each picture's character in `characters`."""
        return torch.tensor([self.characters.index(character) for character, _ in self.what])

    def __len__(self) -> int:
        return len(self.what)

    def __getitem__(self, index: int) -> Float[Tensor, "1 H W"]:
        index = range(len(self))[index]
        return self.draw(index, torch.Generator().manual_seed(index))

    def plain(self, index: int) -> Float[Tensor, "1 H W"]:
        """As the typeface has it, neither stretched nor slanted nor shifted."""
        return reduced(_drawn(*self.what[index], self.size))

    def draw(self, index: int, generator: torch.Generator) -> Float[Tensor, "1 H W"]:
        """The same character in the same face, stretched, slanted and shifted in another way."""
        return varied(_drawn(*self.what[index], self.size), generator)

    def __repr__(self) -> str:
        return f"Glyphs({self.split!r}, {len(self)} glyphs, {self.size}×{self.size})"


def varied(fine: Integer[np.ndarray, "S S"], generator: torch.Generator) -> Float[Tensor, "1 H W"]:
    """A glyph stretched and slanted by up to a tenth, shifted by up to a sixteenth, and reduced.

    The same numbers do the same at every size.

    Args:
        fine: `FINER` times as large, 0 to 255.
        generator: decides how.

    Returns:
        In [-1, 1], ink is 1; the same bits on every processor.
    """
    side = len(fine)
    factors = torch.randint(-ONE // 10, ONE // 10 + 1, (4,), generator=generator)
    a, b, c, d = (factors + torch.tensor([ONE, 0, 0, ONE])).tolist()
    shifts = torch.randint(-ONE // 16, ONE // 16 + 1, (2,), generator=generator)  # in heights
    down, right = (shifts * side // ONE).tolist()
    # Where each fine pixel comes from, seen from the middle, in halves of a fine pixel.
    middle = 2 * np.arange(side) + 1 - side
    y, x = middle[:, None], middle
    rows = ((a * y + b * x) // ONE + side) // 2 + down
    columns = ((c * y + d * x) // ONE + side) // 2 + right
    inside = (rows >= 0) & (rows < side) & (columns >= 0) & (columns < side)
    found = np.where(inside, fine[rows.clip(0, side - 1), columns.clip(0, side - 1)], 0)
    return reduced(found)


def reduced(fine: Integer[np.ndarray, "S S"]) -> Float[Tensor, "1 H W"]:
    """Each pixel is the mean of `FINER`×`FINER` fine ones."""
    side = len(fine) // FINER
    small = fine.reshape(side, FINER, side, FINER).sum((1, 3), dtype=np.int64)
    return torch.from_numpy(small).float().div(255 * FINER**2 / 2).sub(1)[None]


def _drawn(character: str, face: str, size: int) -> Integer[np.ndarray, "S S"]:
    """A character drawn large, by FreeType, which computes in whole numbers."""
    from PIL import Image, ImageDraw

    side = size * FINER
    picture = Image.new("L", (side, side))
    place = side // 2, int(side * BASELINE)
    font = _font(face, int(side * EM))
    ImageDraw.Draw(picture).text(place, character, fill=255, font=font, anchor="ms")
    return np.asarray(picture)  # uint8


@cache
def _font(face: str, height: int):
    from PIL import ImageFont

    try:
        from matplotlib import get_data_path
    except ImportError as error:
        raise FileNotFoundError(
            "the typefaces of the glyphs come with matplotlib: pip install matplotlib"
        ) from error
    path = Path(get_data_path()) / "fonts" / "ttf" / f"{face}.ttf"
    return ImageFont.truetype(str(path), height, layout_engine=ImageFont.Layout.BASIC)


def _check_characters(characters: str) -> None:
    unknown = [c for c in characters if c not in CHARACTERS]
    if unknown or not characters or len(set(characters)) < len(characters):
        what = f"{unknown[0]!r} is none of them" if unknown else "each once, at least one"
        raise ValueError(f"characters is {characters!r}: {what}; use letters A–Z, a–z and digits")
