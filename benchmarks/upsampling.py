"""Transposed convolutions against repeated pixels: `python benchmarks/upsampling.py`.

The VQVAE of the photographs with either decoder, with the same seeds, squares and steps. The grid's
energy is that at the frequencies of the codec's stride, in units of its neighbours'
(`vqlib.measure.grid_pattern`): about 1 where there is no grid. With `--before FOLDER`, codecs of
the same names in that folder are measured beside those in the package, VQVAEs and VQGANs, on the
same pictures; `git archive 35af16f vqlib/course/weights | tar x -C FOLDER` gives those with the
other decoder.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from record import RESULTS, spread, table, to_the_end, write
from torch import Tensor

from vqlib.compress import VQVAE, FeatureDistance
from vqlib.course.pretrained import load_pretrained
from vqlib.course.training import photos, scenes
from vqlib.course.training.codecs import BATCH, train_codec
from vqlib.data.faces import faces
from vqlib.data.images import Images, stack
from vqlib.data.photos import photos_and_textures
from vqlib.data.pictures import grid, write_picture
from vqlib.measure import OfflineFeatures, measure_codec
from vqlib.measure.grid_pattern import grid_energy
from vqlib.saved import load_model
from vqlib.saved.find import WEIGHTS

SEEDS, STEPS = (0, 1, 2), (100, 300)
UPSAMPLING = ("transposed", "nearest")
# What both trees have in common to be measured on.
HELD_OUT = {
    "scenes_vqgan": lambda: scenes.pictures("held_out"),
    "photos_vqvae": lambda: photos_and_textures("remainder"),
    "photos_vqgan": lambda: photos_and_textures("remainder"),
    "faces_vqgan": lambda: faces("held_out"),
}


def decoded(codec: VQVAE, x: Tensor) -> Tensor:
    """What the codec makes of images, in batches."""
    return torch.cat([codec.decode(codec.encode(part)) for part in x.split(BATCH)])


def train(upsampling: str, steps: int, seed: int, runs: Path) -> VQVAE:
    """The codec after so many steps."""
    network = replace(photos.CONFIG.autoencoder, upsampling=upsampling)
    config = replace(photos.CONFIG, autoencoder=network)
    recipe = replace(photos.VQVAE_RECIPE, steps=steps, seed=seed)
    options = {"folder": runs / f"VQVAE_{upsampling}_{steps}_{seed}", "resume": True}
    trained = train_codec(lambda: photos.images("train"), config, recipe, **options)
    return to_the_end(trained).model.cpu()


def measured(codec: VQVAE, images: Images) -> dict[str, float]:
    """Grid, pixels, features."""
    judge = load_pretrained("offline_features")
    values = measure_codec(
        codec,
        images,
        perceptual=FeatureDistance(judge),
        extractor=OfflineFeatures(judge) if len(images) > judge.head.in_features else None,
        progress=False,
    )
    x, period = stack(images), codec.config.downsampling_factor
    found = {
        "grid": grid_energy(decoded(codec, x), period),
        "grid, originals": grid_energy(x, period),
        "PSNR, dB": values["psnr_db"],
        "SSIM": values["ssim"],
        "perceptual, judge": values[FeatureDistance.name],
    }
    return found | ({"Fréchet, judge": values["frechet"].distance} if "frechet" in values else {})


def short_runs(runs: Path) -> tuple[list[list[str]], list[Tensor]]:
    """The rows of the table, and rows of pictures: originals, then each first seed after the most
    steps; squares at equal distances, none chosen."""
    held_out, rows = photos_and_textures("held_out"), []
    x = stack(held_out)
    x = x[torch.linspace(0, len(x) - 1, 12).long()]
    pictures = [x]
    for steps in STEPS:
        for upsampling in UPSAMPLING:
            codecs = [train(upsampling, steps, seed, runs) for seed in SEEDS]
            found = [measured(codec, held_out) for codec in codecs]
            cells = [spread([values[key] for values in found]) for key in found[0]]
            rows.append([f"{steps} steps, {upsampling}", *cells])
            pictures += [decoded(codecs[0], x)] if steps == max(STEPS) else []
    return rows, pictures


def before_and_after(before: Path) -> list[list[str]]:
    """Codecs of another folder, and those of the package, measured alike."""
    rows = []
    for name, images in HELD_OUT.items():
        for when, folder in (("before", before), ("after", WEIGHTS)):
            values = measured(load_model(folder / name), images())
            rows.append([f"{name}, {when}", *(f"{value:.4g}" for value in values.values())])
            rows[-1] += [""] * (len(KEYS) - len(values))
    return rows


KEYS = ("grid", "grid, originals", "PSNR, dB", "SSIM", "perceptual, judge", "Fréchet, judge")


def main() -> None:
    """Train what is missing, measure, write tables and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/upsampling"))
    parser.add_argument("--before", type=Path, help="folder of model folders to compare with")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows, pictures = short_runs(arguments.runs)
    lines = [
        f"Short runs, {len(SEEDS)} seeds: the mean, and the smallest and largest in brackets; "
        f"{len(photos_and_textures('held_out'))} squares of 64×64 pixels from photographs and "
        "regions that no run has seen.",
        "",
        *table(["", *KEYS], rows),
    ]
    if arguments.before is not None:
        lines += [
            "",
            "The package's codecs, before with transposed convolutions, after with repeated "
            "pixels; photographs: the right quarters of those that both have learned from. One "
            "seed each; the networks that measure are today's.",
            "",
            *table(["", *KEYS], before_and_after(arguments.before)),
        ]
    write("upsampling", lines)
    write_picture(grid(torch.cat(pictures), columns=12), RESULTS / "upsampling.png")


if __name__ == "__main__":
    main()
