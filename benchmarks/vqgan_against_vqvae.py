"""VQGAN against VQVAE: the same network, pictures and steps, three seeds.

`python benchmarks/vqgan_against_vqvae.py` trains both models of `vqlib.course.training.photos`
with the seeds 1 and 2; those of seed 0 come with the package. Held-out squares are measured with
the three offline networks that VQGAN's perceptual loss looks through, and with a fourth (the judge)
that no training has seen. Fréchet distances are the judge's, as Inception judges what VGG has
trained. Runs are kept in `runs/` and can be resumed.
"""

import argparse
import json
from pathlib import Path

import torch
from record import RESULTS, table, write

from vqlib.compress import VQVAE, FeatureDistance
from vqlib.course.pretrained import load_perceptual, load_pretrained, pretrained_record
from vqlib.course.training import photos
from vqlib.data.images import stack
from vqlib.data.photos import photos_and_textures
from vqlib.data.pictures import grid, write_picture
from vqlib.measure import OfflineFeatures, measure_codec

NAMES = {"photos_vqvae": "VQVAE", "photos_vqgan": "VQGAN"}
SEEDS = (0, 1, 2)


def trained(name: str, seed: int, runs: Path) -> tuple[VQVAE, float]:
    """A model and the seconds that its training took."""
    if seed == 0:
        return load_pretrained(name), pretrained_record(name)["seconds"]
    result = photos.train(name, seed=seed, folder=runs / f"{name}_{seed}")
    return result.model.cpu(), result.history[-1]["seconds"]


def measured(codec: VQVAE) -> dict[str, float]:
    """All numbers of a codec on the held-out squares, by the name of the network that measured."""
    judge, values = load_pretrained("offline_features"), {}
    for who, distance in (("trained with", load_perceptual()), ("judge", FeatureDistance(judge))):
        result = measure_codec(
            codec,
            photos_and_textures("held_out"),
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
    """Train what is missing, measure, write table, numbers and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/vqgan_against_vqvae"))
    runs = parser.parse_args().runs
    results, first = [], []
    for seed in SEEDS:
        for name, label in NAMES.items():
            codec, seconds = trained(name, seed, runs)
            values = {"model": label, "seed": seed, "seconds": round(seconds)}
            results.append(values | measured(codec))
            first += [codec] if seed == 0 else []
    keys = [key for key in results[0] if key not in ("model", "seed", "num_images")]
    rows = [
        [f"{r['model']}, seed {r['seed']}", *(f"{r[key]:.4g}" for key in keys)] for r in results
    ]
    count = results[0]["num_images"]
    lines = [
        f"Equal steps ({photos.STEPS:,}), {count} held-out squares of 64×64 pixels. Distances: "
        "lower is better; they come from offline networks and are neither LPIPS nor FID.",
        "",
        *table(["", *keys], rows),
        "",
        "How many times smaller VQGAN's distances are (VQVAE / VQGAN), seed by seed:",
        "",
        *table(["", *(f"seed {seed}" for seed in SEEDS)], ratios(results)),
    ]
    write("vqgan_against_vqvae", lines)
    (RESULTS / "vqgan_against_vqvae.json").write_text(json.dumps(results, indent=1) + "\n")
    write_picture(picture(first), RESULTS / "vqgan_against_vqvae.png")


def ratios(results: list[dict]) -> list[list[str]]:
    """One row per distance, one column per seed."""
    rows = []
    for key in [key for key in results[0] if key.startswith(("perceptual", "Fréchet"))]:
        pairs = [results[2 * i : 2 * i + 2] for i in range(len(SEEDS))]
        rows.append([key, *(f"{vqvae[key] / vqgan[key]:.2f}" for vqvae, vqgan in pairs)])
    return rows


if __name__ == "__main__":
    main()
