"""What is asked of a prior: which pictures it draws, in which codec's tokens, and from what.

The fields of `PriorSource` are flags of `train prior` and `tokenize`, and what Python gives too.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from vqlib.compress.vqvae import LabelMapVQVAE
from vqlib.data.captions import Language
from vqlib.saved.find import PICTURE_CODECS, WEIGHTS, load_kind
from vqlib.saved.pipeline import Codec, ConditionKind
from vqlib.tokens.classes import CLASSES

# The course's codecs, by data set.
CODECS = {
    "digits": "digits_vqvae",
    "mnist": "digits_vqvae",
    "faces": "faces_vqgan",
    "photos": "photos_vqgan",
    "photos_and_textures": "photos_vqgan",
    "scenes": "scenes_vqgan",
}
CONDITION_CODECS = {
    ("scenes", "segmentation"): "scenes_labels",
    ("scenes", "depth"): "scenes_depth",
}


@dataclass(frozen=True)
class PriorSource:
    """Which pictures a prior learns to draw, and from what."""

    data: str = "digits"
    """A folder of pictures, or the name of a data set, as in train vqvae; ./photos is a folder."""
    data_root: Path = Path("data")
    """Where downloaded data lies."""
    codec: str | None = None
    """The trained codec: its folder, its run folder, or the name of a pretrained one; by default
    the course's for the data."""
    condition: Literal["auto", ConditionKind] = "auto"
    """What the pictures are drawn from. class: of digits, mnist, cifar10, or the subfolders of a
    folder. coordinates: where a window lies in larger pictures. text: captions of scenes.
    segmentation, depth, edges: of scenes, or of a folder with --maps; edges of other pictures are
    computed. low_resolution, upper_half: the picture's own. auto: class where a data set has
    classes, else none."""
    condition_codec: str | None = None
    """The codec of segmentation, depth or edges, likewise; by default the course's for scenes. Of
    small copies and upper halves the pictures' own unless another is given."""
    maps: Path | None = None
    """Folder of the pictures' maps, under the same names; of segmentations, PNGs whose palette
    index or grey value is the label."""
    size: int | None = None
    """Side of the pictures in pixels; by default what the codec was trained on."""
    language: Language = "en"
    """Of the captions of scenes."""
    reduction: int = 4
    """Of low_resolution: how many times smaller each way the small copy is."""
    flip: bool = True
    """Mirror half of the pictures, at random; not for writing and whatever has a right and a left.
    """
    broken: Literal["refuse", "skip"] = "refuse"
    """What to do about pictures in a folder that cannot be read."""

    def task(self, device: object, *, window: tuple[int, int] | None = None) -> "PriorTask":
        """The same with the codecs read; the prior sees a window of so many rows and columns."""
        kind = self.condition
        if kind == "auto":
            kind = "class" if self.data in CLASSES else "none"
        codec, second = self._codec(), self._condition_codec(kind)
        codec = load_kind(codec, *PICTURE_CODECS, device=device, flag="--codec")
        if second is not None:
            kinds = (LabelMapVQVAE,) if kind == "segmentation" else PICTURE_CODECS
            second = load_kind(second, *kinds, device=device, flag="--condition-codec")
        return PriorTask(self, codec, kind, second, window)

    def _codec(self) -> str | Path:
        if self.codec is None and self.data not in CODECS:
            raise ValueError(f"whose tokens? Give the --codec of {self.data}")
        return self.codec or WEIGHTS / CODECS[self.data]

    def _condition_codec(self, kind: ConditionKind) -> str | Path | None:
        if kind not in ("segmentation", "depth", "edges", "low_resolution", "upper_half"):
            if self.condition_codec is not None:
                raise ValueError(f"--condition-codec is given, but {kind} is no picture to encode")
            return None
        if self.condition_codec is None and (self.data, kind) in CONDITION_CODECS:
            return WEIGHTS / CONDITION_CODECS[self.data, kind]
        return self.condition_codec


@dataclass(frozen=True)
class PriorTask:
    """A source with its codecs read: from what is asked to what can be encoded."""

    source: PriorSource
    """Which pictures, and from what."""
    codec: Codec
    """Stage 1 of the pictures."""
    condition: ConditionKind = "none"
    """What the pictures are drawn from."""
    condition_codec: Codec | None = None
    """Stage 1 of maps; of small copies and upper halves the pictures' own unless another is given.
    """
    window: tuple[int, int] | None = None
    """Rows and columns of tokens that the prior sees at once; by default the codec's grid."""

    def __post_init__(self):
        if self.condition not in get_args(ConditionKind):
            known = ", ".join(get_args(ConditionKind))
            raise ValueError(f"condition is {self.condition!r}; use one of {known}")
        f = self.codec.config.downsampling_factor
        if self.pixels < f or self.pixels % f:
            raise ValueError(f"size is {self.pixels}; it must be a multiple of f = {f}")
        (h, w), (H, W) = self.seen, self.grid
        if not (1 <= h <= H and 1 <= w <= W):
            raise ValueError(f"window is {h}×{w} tokens; pictures of this size have {H}×{W}")
        if self.source.reduction < 1:
            raise ValueError(f"reduction is {self.source.reduction}; it must be at least 1")

    @property
    def pixels(self) -> int:
        """Side of the pictures in pixels."""
        return self.codec.config.image_size if self.source.size is None else self.source.size

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
        own = self.codec if self.condition in ("low_resolution", "upper_half") else None
        return self.condition_codec or own

    @property
    def channels(self) -> int:
        """Of the pictures; maps lie behind them."""
        return self.codec.config.image_channels
