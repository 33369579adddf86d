"""Untrained pipelines that cost nothing, one for each kind, and maps for them."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tests.cli.commands import TINY, tiny_codec
from vqlib.compress import ColorPaletteConfig, label_maps
from vqlib.generate import (
    ClassCondition,
    Condition,
    CoordinateCondition,
    GPTConfig,
    MapCondition,
    NoCondition,
    TextCondition,
)
from vqlib.saved.model import save_model
from vqlib.saved.pipeline import write_pipeline

# Of the tiny codec: 16 pixels, f = 4.
GRID = (4, 4)
NUM_LABELS = 8
CONDITIONS: dict[str, Condition] = {
    "none": NoCondition(),
    "class": ClassCondition(5),
    "coordinates": CoordinateCondition(GRID, bins=4),
    "text": TextCondition(("a", "lake", "sky"), 3),
    "segmentation": MapCondition(16, GRID),
    "depth": MapCondition(16, GRID),
    "edges": MapCondition(16, GRID),
    "low_resolution": MapCondition(16, (1, 1)),
    "upper_half": MapCondition(16, (2, 4)),
}


def tiny_label_codec(folder: Path, num_labels: int = NUM_LABELS) -> Path:
    """Save an untrained codec of label maps of `TINY`'s shape whose codes are all of use."""
    torch.manual_seed(1)
    model = label_maps(TINY, num_labels).build()
    with torch.no_grad():
        z = model.latents(model.one_hot(torch.randint(num_labels, (1, 16, 16))))
        model.quantizer.codebook.copy_(z.permute(0, 2, 3, 1).flatten(0, 2))
    save_model(model, folder)
    return folder


def tiny_palette(folder: Path) -> Path:
    """Save a codec without a network: eight colours."""
    palette = ColorPaletteConfig(num_codes=8, image_size=16).build()
    colors = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3)
    palette.colors.copy_(colors)
    save_model(palette, folder)
    return folder


def tiny_pipeline(folder: Path, kind: str, *, guidance: bool = False) -> Path:
    """Save an untrained GPT with its codecs. Each draws very different tokens from other ids."""
    torch.manual_seed(2)
    config = GPTConfig(
        num_codes=16,
        grid=GRID,
        condition=CONDITIONS[kind],
        guidance=guidance,
        num_layers=1,
        num_heads=2,
        width=16,
    )
    prior = config.build()
    for parameter in prior.parameters():
        if parameter.ndim == 2:
            torch.nn.init.normal_(parameter)
    save_model(prior, folder)
    tiny_codec(folder / "codec")
    second = None
    if kind in ("depth", "edges"):
        second = tiny_codec(folder / "condition_codec", channels=1)
    elif kind in ("low_resolution", "upper_half"):
        second = tiny_codec(folder / "condition_codec")
    elif kind == "segmentation":
        second = tiny_label_codec(folder / "condition_codec")
    write_pipeline(folder, kind, "codec", second and second.name)
    return folder


def write_label_map(
    path: Path, height: int, width: int, *, labels: int = NUM_LABELS, palette: bool = False
) -> Path:
    """A PNG of coarse blobs of labels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(height * width)
    blobs = rng.integers(0, labels, (-(-height // 8), -(-width // 8)), dtype=np.uint8)
    pixels = blobs.repeat(8, 0).repeat(8, 1)[:height, :width]
    picture = Image.fromarray(pixels)
    if palette:
        picture = picture.copy()
        picture.putpalette(list(rng.integers(0, 256, 768)))
    picture.save(path)
    return path
