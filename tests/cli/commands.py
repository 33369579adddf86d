"""What the tests of the command line share: calls, small models, pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vqlib import cli
from vqlib.compress import AutoencoderConfig, VQVAEConfig
from vqlib.saved.model import save_model

# An untrained codec that costs nothing, f = 4.
TINY = VQVAEConfig(
    AutoencoderConfig(
        hidden_channels=8, res_channels=8, num_res_blocks=1, num_downsamplings=2, code_dim=4
    ),
    num_codes=16,
    image_size=16,
)


def run(*args: object) -> int:
    """Call the command line as a user types it; its exit status."""
    with pytest.raises(SystemExit) as stopped:
        cli.main([str(arg) for arg in args])
    return stopped.value.code or 0


def refusal(capsys: pytest.CaptureFixture, *args: object) -> str:
    """What a wrong call says: one line, with exit status 2."""
    capsys.readouterr()
    assert run(*args) == 2
    error = capsys.readouterr().err.rpartition("\r")[2]  # a slow machine's bar is wiped out
    assert error.startswith("vqlib: error: "), error
    assert error.count("\n") == 1, error
    return error


def tiny_codec(folder: Path, *, channels: int = 3) -> Path:
    """Save an untrained codec of `TINY`'s shape whose codes are all of use, and look different."""
    torch.manual_seed(0)
    config = replace(TINY, autoencoder=replace(TINY.autoencoder, image_channels=channels))
    model = config.build()
    with torch.no_grad():
        z = model.latents(torch.rand(1, channels, 16, 16) * 2 - 1)
        model.quantizer.codebook.copy_(z.permute(0, 2, 3, 1).flatten(0, 2))  # 4×4 positions
        model.decoder.last_layer.mul_(50)  # or all codes would look alike
    save_model(model, folder)
    return folder


def write_pictures(folder: Path, count: int, *, height: int = 40, width: int = 50) -> Path:
    """Colourful PNGs 00.png, 01.png, …, all different."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rng = np.random.default_rng(number)
        coarse = rng.integers(0, 256, (5, 5, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:02d}.png")
    return folder
