"""What should normalise VQGAN's critic? `python benchmarks/critic_norm.py`.

The same small codec learns squares of grey textures, 32×32, with each of the critic's
normalisations, and with no critic at all; three seeds. The Fréchet distance is that of an offline
network that no training has seen. The critic's true accuracy is that in eval mode, on held-out
squares and their reconstructions, at the threshold 0 that it was trained for: in training mode,
batches apart give it away which batch is which.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from record import spread, table, to_the_end, write
from torch import Tensor

from vqlib.compress import VQVAE, EMACodes, FeatureDistance, vqvae_digits
from vqlib.compress.discriminator import PatchDiscriminator
from vqlib.course.pretrained import load_perceptual, load_pretrained
from vqlib.data.images import stack
from vqlib.data.photos import textures
from vqlib.measure import OfflineFeatures, measure_codec
from vqlib.saved.run_folder import latest_checkpoint, training_tensors
from vqlib.train import VQGANRecipe, train_vqgan

SEEDS = (0, 1, 2)
AUTOENCODER = replace(vqvae_digits().autoencoder, num_downsamplings=2, upsampling="nearest")
CONFIG = replace(vqvae_digits(), autoencoder=AUTOENCODER, num_codes=128, codes=EMACodes(decay=0.98))
RECIPE = VQGANRecipe(
    steps=600,
    batch_size=16,
    learning_rate=1e-3,
    kmeans_init=True,
    restart_every=50,
    perceptual_weight=0.3,
    disc_weight=0.3,
    disc_start=200,
    disc_layers=2,
    disc_channels=16,
    log_every=25,
    save_every=100,
)
KINDS = {
    "no critic": {"disc_weight": 0.0},
    "batch norm, real and made apart": {"disc_norm": "batch"},
    "batch norm, together": {"disc_norm": "batch_together"},
    "GroupNorm": {"disc_norm": "group"},
    "no norm": {"disc_norm": "none"},
}


def run(changes: dict, seed: int, folder: Path) -> tuple[VQVAE, PatchDiscriminator, float]:
    """A codec, its critic and the seconds."""
    recipe = replace(RECIPE, **changes, seed=seed)
    options = {"folder": folder, "resume": True, "device": "cpu", "perceptual": load_perceptual()}
    trained = to_the_end(train_vqgan(textures(size=32), CONFIG, recipe, **options))
    norm = recipe.disc_norm.removesuffix("_together")
    critic = PatchDiscriminator(1, base_channels=16, num_layers=2, norm=norm)
    critic.load_state_dict(training_tensors(latest_checkpoint(folder))["critic"])
    return trained.model, critic.eval(), trained.history[-1]["seconds"]


@torch.no_grad()
def accuracy(critic: PatchDiscriminator, x: Tensor, x_hat: Tensor) -> float:
    """Share of the patches that the critic judges rightly, in eval mode."""
    return torch.cat([critic(x) > 0, critic(x_hat) < 0]).float().mean().item()


def measured(codec: VQVAE, critic: PatchDiscriminator) -> dict[str, float]:
    """Held-out squares, by column."""
    judge, held_out = load_pretrained("offline_features"), textures("held_out", size=32)
    values = measure_codec(
        codec,
        held_out,
        perceptual=FeatureDistance(judge),
        extractor=OfflineFeatures(judge),
        progress=False,
    )
    x = stack(held_out)
    return {
        "PSNR, dB": values["psnr_db"],
        "perceptual, judge": values[FeatureDistance.name],
        "Fréchet, judge": values["frechet"].distance,
        "true accuracy of the critic": accuracy(critic, x, codec.decode(codec.encode(x))),
    }


def main() -> None:
    """Train what is missing, measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/critic_norm"))
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    rows = []
    for name, changes in KINDS.items():
        found = []
        for seed in SEEDS:
            slug = name.replace(" ", "_").replace(",", "")
            codec, critic, seconds = run(changes, seed, runs / f"{slug}_{seed}")
            found.append(measured(codec, critic) | {"seconds": seconds})
        cells = {key: spread([values[key] for values in found]) for key in found[0]}
        if "disc_weight" in changes:
            cells["true accuracy of the critic"] = "–"
        rows.append([name, *cells.values()])
    held_out = len(textures("held_out", size=32))
    lines = [
        f"{RECIPE.steps} steps, {len(SEEDS)} seeds: the mean, and the smallest and largest in "
        f"brackets; {held_out} held-out squares of 32×32 pixels. The critic comes in after "
        f"{RECIPE.disc_start} steps. Distances: lower is better.",
        "",
        *table(["critic", *cells], rows),
    ]
    write("critic_norm", lines)


if __name__ == "__main__":
    main()
