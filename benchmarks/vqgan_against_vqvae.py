"""VQGAN against VQVAE: the same network and pictures, at equal steps and at equal seconds.

`python benchmarks/vqgan_against_vqvae.py` trains both models of `vqlib.course.training.photos` with
the seeds 1 and 2; those of seed 0 come with the package. A step of VQGAN takes longer; so a VQVAE
also trains, with each seed, for as many steps as fill VQGAN's seconds, both timed side by side.
Measured are squares of photographs that no run has seen, and squares of other regions of those that
it has learned from: with the three offline networks that VQGAN's perceptual loss looks through, and
with a fourth (the judge) that no training has seen. Fréchet distances are the judge's, as Inception
judges what VGG has trained. Runs are kept in `runs/` and can be resumed; each model's numbers are
written as soon as they are there, and what `results/vqgan_against_vqvae.json` has is not made
again, also on another machine. Delete that file to start anew.
"""

import argparse
import json
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import torch
from record import RESULTS, keep, table, to_the_end, write

from vqlib.compress import VQVAE, FeatureDistance
from vqlib.course.pretrained import load_perceptual, load_pretrained
from vqlib.course.training import photos
from vqlib.course.training.codecs import train_codec
from vqlib.data.images import stack
from vqlib.data.photos import photos_and_textures
from vqlib.data.pictures import grid, write_picture
from vqlib.measure import OfflineFeatures, measure_codec
from vqlib.train import Trained, VQGANRecipe, VQVAERecipe

SEEDS = (0, 1, 2)
NAMES = {"photos_vqvae": "VQVAE", "photos_vqgan": "VQGAN"}
LONGER = "VQVAE, equal seconds"
SPLITS = {"held_out": "unseen photographs", "remainder": "other regions"}
FOUND = RESULTS / "vqgan_against_vqvae.json"
TIMED = 20  # steps of each that are timed, after the critic has come in


def trained(name: str, seed: int, runs: Path) -> VQVAE:
    """A model of the package's recipe."""
    if seed == 0:
        return load_pretrained(name)
    return run(photos.RECIPES[name], seed, runs / f"{name}_{seed}").model.cpu()


def run(recipe: VQVAERecipe | VQGANRecipe, seed: int, folder: Path | None = None) -> Trained[VQVAE]:
    """A codec of the photographs; what is in the folder already is gone on with."""
    options = {"folder": folder, "resume": folder is not None, "device": "cpu"}
    images, recipe = partial(photos.images, "train"), replace(recipe, seed=seed)
    return to_the_end(train_codec(images, photos.CONFIG, recipe, **options))


def equal_seconds() -> tuple[int, float]:
    """Steps of a VQVAE in the seconds of a VQGAN, and how many times longer VQGAN's step takes.

    The critic works in its later steps only; those before are counted as they are. Timed in turns
    within one process, so that other work on the machine meets all alike.
    """
    gan = photos.VQGAN_RECIPE
    kinds = {
        "vqvae": replace(photos.VQVAE_RECIPE, steps=TIMED),
        "without critic": replace(gan, steps=TIMED, disc_start=TIMED),
        "with critic": replace(gan, steps=TIMED, disc_start=0),
    }
    seconds = dict.fromkeys(kinds, 0.0)
    for _ in range(3):
        for name, recipe in kinds.items():
            seconds[name] += run(recipe, 0).seconds
    start = gan.disc_start / gan.steps
    mean = start * seconds["without critic"] + (1 - start) * seconds["with critic"]
    ratio = mean / seconds["vqvae"]
    return round(photos.STEPS * ratio / 100) * 100, ratio


def measured(codec: VQVAE, split: str) -> dict[str, float]:
    """All numbers of a codec on a split, by the name of the network that measured."""
    judge, values = load_pretrained("offline_features"), {}
    for who, distance in (("its own", load_perceptual()), ("judge", FeatureDistance(judge))):
        result = measure_codec(
            codec,
            photos_and_textures(split),
            perceptual=distance,
            extractor=OfflineFeatures(judge),
            progress=False,
        )
        values |= {n: result[n] for n in ("num_images", "psnr_db", "ssim", "codebook_usage")}
        values[f"perceptual, {who}"] = result[FeatureDistance.name]
        values["Fréchet, judge"] = result["frechet"].distance
    return values


def picture(codecs: list[VQVAE], columns: int = 12) -> torch.Tensor:
    """Originals, then what each codec makes of them; squares at equal distances, none chosen."""
    held_out = stack(photos_and_textures("held_out"))
    x = held_out[torch.linspace(0, len(held_out) - 1, columns).long()]
    rows = [x, *(codec.decode(codec.encode(x)) for codec in codecs)]
    return grid(torch.cat(rows), columns=columns)


def main() -> None:
    """Train and measure what is missing; once all is there, write tables and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/vqgan_against_vqvae"))
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    found = kept()
    longer = replace(photos.VQVAE_RECIPE, steps=found["steps"])
    makers = {label: partial(trained, name, runs=runs) for name, label in NAMES.items()}
    makers[LONGER] = lambda seed: run(longer, seed, runs / f"longer_{seed}").model.cpu()
    for seed, (label, make) in product(SEEDS, makers.items()):
        if not any(r["model"] == label and r["seed"] == seed for r in found["models"]):
            codec, about = make(seed=seed), {"model": label, "seed": seed}
            found["models"] += [about | {"split": s} | measured(codec, s) for s in SPLITS]
            keep(FOUND, found)
    lines = [
        f"VQGAN's steps take {found['ratio']:.2f} times as long on average, so that "
        f"{found['steps']:,} steps of a VQVAE take as long as {photos.STEPS:,} of a VQGAN. "
        "Distances: lower is better; they come from offline networks and are neither LPIPS nor "
        "FID.",
    ]
    for split, words in SPLITS.items():
        results = [r for r in found["models"] if r["split"] == split]
        results.sort(key=lambda r: (list(makers).index(r["model"]), r["seed"]))
        lines += ["", *tables(words, results)]
    write("vqgan_against_vqvae", lines)
    shipped = [load_pretrained(name) for name in NAMES]
    write_picture(picture(shipped), RESULTS / "vqgan_against_vqvae.png")


def kept() -> dict:
    """The numbers that are there already; first of all, how long a VQVAE trains."""
    if not FOUND.is_file():
        steps, ratio = equal_seconds()
        keep(FOUND, {"steps": steps, "ratio": ratio, "models": []})
    return json.loads(FOUND.read_text(encoding="utf-8"))


def tables(words: str, results: list[dict]) -> list[str]:
    """The numbers, and how many times smaller VQGAN's distances are, seed by seed."""
    keys = [key for key in results[0] if key not in ("model", "seed", "split", "num_images")]
    rows = [
        [f"{r['model']}, seed {r['seed']}", *(f"{r[key]:.4g}" for key in keys)] for r in results
    ]
    count = results[0]["num_images"]
    heads = [f"{other} / VQGAN" for other in ("VQVAE", LONGER)]
    return [
        f"{count} squares of 64×64 pixels, {words}:",
        "",
        *table(["", *keys], rows),
        "",
        "How many times smaller VQGAN's distances are; the smallest and largest of the seeds:",
        "",
        *table(["", *heads], ratios(results)),
    ]


def ratios(results: list[dict]) -> list[list[str]]:
    """One row per distance, one column per rival."""
    by_model = {(r["model"], r["seed"]): r for r in results}
    rows = []
    for key in [key for key in results[0] if key.startswith(("perceptual", "Fréchet"))]:
        cells = []
        for other in ("VQVAE", LONGER):
            factors = [by_model[other, s][key] / by_model["VQGAN", s][key] for s in SEEDS]
            cells.append(f"{min(factors):.2f}–{max(factors):.2f}")
        rows.append([key, *cells])
    return rows


if __name__ == "__main__":
    main()
