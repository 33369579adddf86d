"""Which pictures a prior learns, and from what: flags that `train prior` and `tokenize` share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vqlib.cli.classes import numbered
from vqlib.cli.messages import name_parts
from vqlib.cli.models import PICTURE_CODECS, load_kind
from vqlib.compress.vqvae import LabelMapVQVAE
from vqlib.course.pretrained import pretrained_folder
from vqlib.data.captions import Language
from vqlib.data.catalogue import BUNDLED, DOWNLOADED
from vqlib.train.meanings import CLASSES, names_of_classes
from vqlib.train.pipeline import Meaning
from vqlib.train.prior_task import PriorTask

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
    meaning: Literal["auto", Meaning] = "auto"
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

    def task(self, device: object, *, window: tuple[int, int] | None = None) -> PriorTask:
        """The same with the codecs read."""
        found = "class" if self.data in CLASSES else "none"
        meaning = found if self.meaning == "auto" else self.meaning
        second = self._condition_codec(meaning)
        kinds = (LabelMapVQVAE,) if meaning == "segmentation" else PICTURE_CODECS
        flag = "--condition-codec"
        codec = load_kind(self._codec(), *PICTURE_CODECS, device=device, flag="--codec")
        second = second and load_kind(second, *kinds, device=device, flag=flag)
        return PriorTask(
            codec=codec,
            data=self.data,
            meaning=meaning,
            condition_codec=second,
            maps=self.maps,
            size=self.size,
            window=window,
            language=self.language,
            reduction=self.reduction,
            flip=self.flip,
            root=self.data_root,
            broken=self.broken,
        )

    def name_classes(self, task: PriorTask) -> None:
        """Say which number stands for which class; and whether parts of a data set get mixed."""
        if self.data in BUNDLED | DOWNLOADED:
            return
        if task.meaning == "class":
            print("classes:", numbered(names_of_classes(task)))
            return
        name_parts(Path(self.data))

    def _codec(self) -> str | Path:
        if self.codec is None and self.data not in CODECS:
            raise ValueError(f"whose tokens? Give the --codec of {self.data}")
        return self.codec or pretrained_folder(CODECS[self.data])

    def _condition_codec(self, meaning: Meaning) -> str | Path | None:
        if meaning not in ("segmentation", "depth", "edges", "low_resolution", "upper_half"):
            if self.condition_codec is not None:
                raise ValueError(
                    f"--condition-codec is given, but {meaning} is no picture to encode"
                )
            return None
        if self.condition_codec is None and (self.data, meaning) in CONDITION_CODECS:
            return pretrained_folder(CONDITION_CODECS[self.data, meaning])
        return self.condition_codec
