"""`python -m vqlib measure`: how good is a codec on these pictures?"""

import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from torch import nn
from tyro.conf import Positional

from vqlib.cli.messages import name_left_out, say
from vqlib.cli.models import PICTURE_CODECS, load_kind
from vqlib.compress import LPIPS
from vqlib.course.pretrained import load_perceptual, load_pretrained, pretrained_folder
from vqlib.data.catalogue import BUNDLED, DOWNLOADED, open_images
from vqlib.measure import FrechetResult, InceptionFeatures, OfflineFeatures, measure_codec
from vqlib.train.runtime import find_device

UNITS = {"psnr_db": "dB", "bits_per_image": "bits", "entropy_bits_per_image": "bits"}


@dataclass(frozen=True)
class Measure:
    """Measure a codec on a folder of pictures, or on held-out pictures of a data set."""

    data: Positional[str]
    """A folder, or the name of a data set; ./name is always a folder."""
    model: Path = field(default_factory=lambda: pretrained_folder("photos_vqgan"))
    """Folder of a trained or converted model, or a run folder; by default the course's photos."""
    split: Literal["all", "train", "held_out"] | None = None
    """Which part; by default all of a folder, and what a data set holds out."""
    size: int | None = None
    """Side of the square images; by default what the model was trained on."""
    networks: Literal["offline", "full"] = "offline"
    """offline: our small network. full: LPIPS and FID, whose networks (620 MB) are downloaded."""
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
        device = find_device(self.device)
        codec = load_kind(self.model, *PICTURE_CODECS, device=device)
        by_name = self.data in BUNDLED | DOWNLOADED
        images = open_images(
            self.data,
            self.split or ("held_out" if by_name else "all"),
            size=codec.config.image_size if self.size is None else self.size,
            channels=codec.config.image_channels,
            root=self.data_root,
            broken=self.broken,
        )
        name_left_out(images)
        perceptual, extractor = self._networks()
        with warnings.catch_warnings(record=True) as noted:
            results = measure_codec(
                codec,
                images,
                perceptual=perceptual.to(device),
                extractor=extractor.to(device),
                reference_name=self.data,
                batch_size=self.batch_size,
                device=device,
            )
        for warning in noted:
            say(f"warning: {warning.message}")
        for name, value in results.items():
            print(_line(name, value))
        if self.out is not None:
            plain = {
                k: v.to_json() if isinstance(v, FrechetResult) else v for k, v in results.items()
            }
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self.out.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
        return 0

    def _networks(self) -> tuple[nn.Module, nn.Module]:
        if self.networks == "full":
            return LPIPS(), InceptionFeatures(self.inception)
        return load_perceptual(), OfflineFeatures(load_pretrained("offline_features"))


def _line(name: str, value: object) -> str:
    if isinstance(value, FrechetResult):
        return str(value)
    number = f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    return " ".join([f"{name.replace('_', ' ')}:", number, UNITS.get(name, "")]).rstrip()
