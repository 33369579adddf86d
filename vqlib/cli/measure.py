"""`python -m vqlib measure`: how good is a codec on these pictures, or how good are samples?"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from tyro.conf import Positional

from vqlib.cli.messages import name_left_out, name_unread, say
from vqlib.cli.targets import check_file, write_json
from vqlib.compress import LPIPS
from vqlib.course.pretrained import load_perceptual, load_pretrained
from vqlib.data.catalogue import BUNDLED, DOWNLOADED, open_images
from vqlib.data.folder import find_pictures
from vqlib.data.folder_maps import picture_size
from vqlib.data.images import Images
from vqlib.measure import (
    FrechetResult,
    InceptionFeatures,
    OfflineFeatures,
    measure_codec,
    measure_samples,
)
from vqlib.saved.find import PICTURE_CODECS, load_kind
from vqlib.tokens.source import CODECS
from vqlib.train.runtime import find_device

UNITS = {"psnr_db": "dB", "bits_per_image": "bits", "entropy_bits_per_image": "bits"}
COLOURS = {1: "in grey", 3: "in colour"}
Split = Literal["all", "train", "held_out"]


@dataclass(frozen=True)
class Measure:
    """Measure a codec on a folder of pictures, or on held-out pictures of a data set.

    With --against: measure a folder of samples, by their Fréchet distance from real pictures.
    """

    data: Positional[str]
    """A folder, or the name of a data set; ./name is always a folder."""
    model: str | None = None
    """A codec: the folder of a trained or converted one, a run folder, or the name of a pretrained
    one; by default the course's for the data set, for a folder photos_vqgan."""
    against: str | None = None
    """Real pictures, a folder or the name of a data set: measure how far the pictures of the folder
    are from these, instead of a codec. Both sides are cut to the largest square in the middle of
    each picture and brought to --size."""
    split: Split | None = None
    """Which part, with --against of those; by default all of a folder, and what a data set holds
    out."""
    size: int | None = None
    """Side of the square images; by default what the model was trained on, with --against the
    shorter side of the first sample."""
    networks: Literal["offline", "full"] = "offline"
    """offline: our small network. full: LPIPS and FID, whose networks (620 MB) are downloaded; with
    --against FID alone (91 MB)."""
    inception: Path | None = None
    """File of the Inception network for FID, if you have it."""
    batch_size: int = 32
    """Images at a time."""
    broken: Literal["refuse", "skip"] = "refuse"
    """What to do about pictures that cannot be read."""
    data_root: Path = Path("data")
    """Where downloaded data lies."""
    out: Path | None = None
    """JSON file for the results."""
    device: str | None = None
    """Such as cpu or cuda:0; by default the best there is."""

    def run(self) -> int:
        """Measure, print a table, and write the JSON file if one is wanted."""
        if self.batch_size < 1:
            raise ValueError(f"--batch-size is {self.batch_size}; it must be at least 1")
        if self.out is not None:
            check_file(self.out)
        device = find_device(self.device)
        measured = self._codec(device) if self.against is None else self._samples(device)
        if self.out is not None:
            write_json({name: _plain(value) for name, value in measured.items()}, self.out)
        return 0

    def _codec(self, device: torch.device) -> dict[str, Any]:
        """What comes out of a codec, beside what went in."""
        name = self.model or CODECS.get(self.data, "photos_vqgan")
        codec = load_kind(name, *PICTURE_CODECS, device=device)
        size = codec.config.image_size if self.size is None else self.size
        images = self._open(self.data, self.split, size, codec.config.image_channels)
        wanted, channels = codec.config.image_channels, images.image_shape[0]
        if channels != wanted:
            raise ValueError(
                f"{self.data} is {COLOURS[channels]}, but {name} takes pictures {COLOURS[wanted]}; "
                "choose another --model"
            )
        perceptual = LPIPS() if self.networks == "full" else load_perceptual()
        with _warnings_said():
            results = measure_codec(
                codec,
                images,
                perceptual=perceptual.to(device),
                extractor=self._extractor().to(device),
                reference_name=self.data,
                batch_size=self.batch_size,
                device=device,
            )
        for key, value in results.items():
            if key != "not_measured":
                print(_line(key, value))
        for reason in results.get("not_measured", {}).values():
            say(f"not measured: {reason}")
        return results

    def _samples(self, device: torch.device) -> dict[str, Any]:
        """How far the pictures of a folder are from real ones."""
        if self.model is not None:
            raise ValueError("--against measures pictures, not a codec: leave --model out")
        size = self._side_of_samples() if self.size is None else self.size
        samples = self._open(self.data, None, size, 3)
        reference = self._open(self.against, self.split, size, 3)
        with _warnings_said():
            found = measure_samples(
                samples,
                reference,
                self._extractor().to(device),
                reference_name=self.against,
                batch_size=self.batch_size,
                device=device,
            )
        print(found.distance)
        print(f"both sides as squares of {size}×{size} pixels, cut from the middle of each picture")
        if found.floor is None:
            print("no floor: there are too few real pictures to measure some against the others")
        else:
            p = found.floor.protocol
            print(
                f"with equal numbers: from {p.num_reference:,} real pictures, {p.num_generated:,} "
                f"samples are {found.beside.distance:.4g} away, {p.num_generated:,} other real "
                f"pictures {found.floor.distance:.4g}"
            )
        print("fewer pictures give a larger distance, whatever they show: compare equal numbers")
        results = {"frechet": found.distance, "beside": found.beside, "floor": found.floor}
        return {"num_images": len(samples), "size": size, **results}

    def _open(self, name: str, split: Split | None, size: int, channels: int) -> Images:
        """Pictures by name or folder; data sets in the channels that they have."""
        by_name = name in BUNDLED | DOWNLOADED
        images = open_images(
            name,
            split or ("held_out" if by_name else "all"),
            size=size,
            channels=None if by_name else channels,
            root=self.data_root,
            broken=self.broken,
        )
        name_left_out(images)
        name_unread(images)
        return images

    def _side_of_samples(self) -> int:
        """The shorter side of the first one."""
        folder = Path(self.data)
        if self.data in BUNDLED | DOWNLOADED or not folder.is_dir():
            raise ValueError(f"--against measures a folder of samples; {self.data} is none")
        names, _ = find_pictures(folder)
        if not names:
            raise ValueError(f"{folder}: no pictures in this folder or below")
        try:
            return min(picture_size(folder / names[0]))
        except OSError as error:
            raise ValueError(f"{folder / names[0]}: not a picture; give --size") from error

    def _extractor(self) -> nn.Module:
        if self.networks == "full":
            return InceptionFeatures(self.inception)
        return OfflineFeatures(load_pretrained("offline_features"))


@contextmanager
def _warnings_said() -> Iterator[None]:
    """Each warning in a line on stderr."""
    with warnings.catch_warnings(record=True) as noted:
        yield
    for warning in noted:
        say(f"warning: {warning.message}")


def _plain(value: object) -> object:
    """The same in JSON, which has no infinity: the PSNR of pictures that came back exactly."""
    if isinstance(value, FrechetResult):
        return value.to_json()
    return str(value) if value in (math.inf, -math.inf) else value


def _line(name: str, value: object) -> str:
    if isinstance(value, FrechetResult):
        return str(value)
    number = f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    return " ".join([f"{name.replace('_', ' ')}:", number, UNITS.get(name, "")]).rstrip()
