"""What is asked of a prior: which pictures it draws, in which codec's tokens, and from what."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from vqlib.data.captions import Language
from vqlib.train.pipeline import Codec, Meaning


@dataclass(frozen=True)
class PriorTask:
    """Which pictures a prior is to draw, in which codec's tokens, and from what."""

    codec: Codec
    """Stage 1 of the pictures."""
    data: str = "digits"
    """Name of a data set, or a folder."""
    meaning: Meaning = "none"
    """What the pictures are drawn from."""
    condition_codec: Codec | None = None
    """Stage 1 of maps; of small copies and upper halves the pictures' own unless another is given.
    """
    maps: Path | None = None
    """Folder of the maps of a folder of pictures, under the same names."""
    size: int | None = None
    """Side of the pictures in pixels; by default what the codec was trained on."""
    window: tuple[int, int] | None = None
    """Rows and columns of tokens that the prior sees at once; by default the codec's grid."""
    language: Language = "en"
    """Of captions."""
    reduction: int = 4
    """How many times smaller each way the small copy of a picture is."""
    root: Path = Path("data")
    """Where downloaded data lies."""
    flip: bool = True
    """Mirror half of the pictures where they are drawn at random."""
    broken: Literal["refuse", "skip"] = "refuse"
    """What to do about pictures of a folder that cannot be read; those with maps are refused."""

    def __post_init__(self):
        if self.meaning not in get_args(Meaning):
            known = ", ".join(get_args(Meaning))
            raise ValueError(f"meaning is {self.meaning!r}; use one of {known}")
        f = self.codec.config.downsampling_factor
        if self.pixels < f or self.pixels % f:
            raise ValueError(f"size is {self.pixels}; it must be a multiple of f = {f}")
        (h, w), (H, W) = self.seen, self.grid
        if not (1 <= h <= H and 1 <= w <= W):
            raise ValueError(f"window is {h}×{w} tokens; pictures of this size have {H}×{W}")
        if self.reduction < 1:
            raise ValueError(f"reduction is {self.reduction}; it must be at least 1")

    @property
    def pixels(self) -> int:
        """Side of the pictures in pixels."""
        return self.codec.config.image_size if self.size is None else self.size

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tokens in a whole picture."""
        side = self.pixels // self.codec.config.downsampling_factor
        return side, side

    @property
    def seen(self) -> tuple[int, int]:
        """Rows and columns of tokens that the prior sees at once."""
        side = min(self.codec.config.grid_size, self.grid[0])
        return (side, side) if self.window is None else self.window

    @property
    def codec_of_condition(self) -> Codec | None:
        """Stage 1 of the condition, where that is a picture."""
        own = self.codec if self.meaning in ("low_resolution", "upper_half") else None
        return self.condition_codec or own

    @property
    def channels(self) -> int:
        """Of the pictures; maps lie behind them."""
        return self.codec.config.image_channels
