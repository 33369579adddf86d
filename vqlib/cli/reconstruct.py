"""`python -m vqlib reconstruct`: pictures to tokens and back."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm
from tyro.conf import Positional

from vqlib.cli.messages import say
from vqlib.cli.pictures import shrunk
from vqlib.cli.targets import check_folder
from vqlib.data.folder import find_pictures
from vqlib.data.pictures import grid, read_picture, write_picture
from vqlib.measure import psnr
from vqlib.saved.find import PICTURE_CODECS, load_kind
from vqlib.saved.pipeline import Codec
from vqlib.train.runtime import find_device


@dataclass(frozen=True)
class Reconstruct:
    """Compress pictures to tokens and save what comes back, the picture left, its return right."""

    pictures: Positional[tuple[Path, ...]]
    """Picture files, or folders of them."""
    model: str = "photos_vqgan"
    """A codec: the folder of a trained or converted one, a run folder, or the name of a pretrained
    one, such as photos_vqgan or faces; ./name is a folder."""
    out: Path = Path("reconstructions")
    """Folder for the results, one PNG per picture."""
    max_side: int = 1024
    """Larger pictures are shrunk so that their longer side has this many pixels."""
    broken: str = "refuse"
    """refuse: a picture that cannot be read ends the command; skip: it is named and left out."""
    device: str | None = None
    """Such as cpu or cuda:0; by default the best there is."""

    def run(self) -> int:
        """Reconstruct every picture; all are read once before the first result is written."""
        if self.broken not in ("refuse", "skip"):
            raise ValueError(f"--broken is {self.broken!r}; use refuse or skip")
        if self.max_side < 1:
            raise ValueError(f"--max-side is {self.max_side}; it must be at least 1")
        check_folder(self.out)
        device = find_device(self.device)
        codec = load_kind(self.model, *PICTURE_CODECS, device=device)
        paths = all_pictures(self.pictures, self.out)
        targets = distinct_names(paths, self.out)
        readable = self._readable(paths, codec.config.image_channels)
        for path in tqdm(readable, desc="reconstructing", disable=len(readable) < 2):
            x = self._read(path, codec.config.image_channels)
            tokens, x_hat = there_and_back(codec, x)
            write_picture(grid(torch.stack([x, x_hat]), columns=2), targets[path])
            h, w = tokens.shape
            bits = tokens.numel() * math.log2(codec.config.num_codes)
            quality = psnr(x_hat[None], x[None]).item()
            tqdm.write(f"{targets[path]}: {h}×{w} tokens, {bits:.0f} bits, PSNR {quality:.2f} dB")
        return 0

    def _readable(self, paths: list[Path], channels: int) -> list[Path]:
        readable = []
        for path in paths:
            try:
                self._read(path, channels)
                readable.append(path)
            except (ValueError, OSError) as error:
                if self.broken == "refuse":
                    raise
                say(f"left out: {error}")
        if not readable:
            raise ValueError(f"none of the {len(paths)} pictures can be read")
        return readable

    def _read(self, path: Path, channels: int) -> Float[Tensor, "C H W"]:
        return shrunk(read_picture(path, channels=channels), self.max_side)


@torch.no_grad()
def there_and_back(
    codec: Codec, x: Float[Tensor, "C H W"]
) -> tuple[Int[Tensor, "h w"], Float[Tensor, "C H W"]]:
    """Tokens and reconstruction of one image of any size.

    Where a side is not a multiple of f, the border pixels are repeated; what was added is cut off
    again afterwards.
    """
    f = codec.config.downsampling_factor
    _, H, W = x.shape
    padded = F.pad(x[None], (0, -W % f, 0, -H % f), mode="replicate")
    tokens = codec.encode(padded.to(codec.device))
    return tokens[0].cpu(), codec.decode(tokens)[0, :, :H, :W].cpu()


def all_pictures(given: tuple[Path, ...], out: Path) -> list[Path]:
    """Files as they are, folders replaced by the pictures in them, but for results in `out`."""
    if not given:
        raise ValueError("no picture given; name at least one file or folder")
    paths = []
    for path in given:
        if not path.is_dir():
            paths.append(path)
            continue
        names, unreadable = find_pictures(path)
        names = without_results(names, path, out)
        if not names and not unreadable:
            raise ValueError(f"{path}: no picture in this folder")
        paths += [path / name for name in names] + [broken for broken, _ in unreadable]
    return paths


def without_results(names: list[str], folder: Path, out: Path) -> list[str]:
    """The names below `folder` that are not in `out` too: those are earlier results."""
    folder, out = Path(os.path.realpath(folder)), Path(os.path.realpath(out))
    if folder not in out.parents:
        return names
    return [name for name in names if out.relative_to(folder) not in Path(name).parents]


def distinct_names(paths: list[Path], out: Path) -> dict[Path, Path]:
    """Where each picture's result goes; raises `ValueError` rather than overwrite one."""
    targets: dict[Path, Path] = {}
    taken: dict[Path, Path] = {}
    for path in paths:
        target = out / f"{path.stem}.png"
        if target in taken and taken[target] != path:
            raise ValueError(
                f"{path}: several pictures would be saved as {target}; rename one, or give them "
                "in two calls with different --out"
            )
        if os.path.realpath(target) == os.path.realpath(path):
            raise ValueError(
                f"{path}: the result would overwrite the picture; choose another --out"
            )
        targets[path], taken[target] = target, path
    return targets
