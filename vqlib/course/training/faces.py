"""Eighty small grey faces: a codec for what follows about coordinates."""

from dataclasses import replace
from pathlib import Path

from vqlib.compress import EMACodes, vqvae_digits
from vqlib.course.pretrained import load_perceptual
from vqlib.course.training.codecs import CPU_SIZED, save_codec
from vqlib.data.faces import faces
from vqlib.train import VQGANRecipe, train_vqgan

DATA = "faces, 80 of 25×25 pixels enlarged to 32×32, mirrored at random"
RECIPE = VQGANRecipe(
    steps=2000,
    **CPU_SIZED,
    perceptual_weight=0.3,
    disc_weight=0.3,
    disc_start=800,
    disc_layers=1,
    disc_channels=16,
)


def make(root: Path, device: str | None) -> None:
    """Train `faces_vqgan`: 1×32×32 to 8×8 tokens out of 128; save it with its record."""
    autoencoder = replace(vqvae_digits().autoencoder, num_downsamplings=2)
    codes = EMACodes(decay=0.98)
    config = replace(vqvae_digits(), autoencoder=autoencoder, num_codes=128, codes=codes)
    perceptual = load_perceptual()
    trained = train_vqgan(faces("train"), config, RECIPE, perceptual=perceptual, device=device)
    save_codec(root / "faces_vqgan", "faces", DATA, trained, RECIPE, faces("held_out"))
