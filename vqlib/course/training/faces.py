"""Eighty small grey faces: a codec for what follows about coordinates."""

from dataclasses import replace

from vqlib.compress import vqvae_digits
from vqlib.course.training.codecs import CODES, CPU_SIZED, codec_job
from vqlib.data.faces import faces
from vqlib.train import VQGANRecipe

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

# 1×32×32 to 8×8 tokens out of 128.
AUTOENCODER = replace(vqvae_digits().autoencoder, num_downsamplings=2, upsampling="nearest")
CONFIG = replace(vqvae_digits(), autoencoder=AUTOENCODER, num_codes=128, codes=CODES)
JOBS = {"faces_vqgan": codec_job(DATA, faces, CONFIG, RECIPE)}
