"""Do samples do what the condition says? `python benchmarks/conditions.py`.

Maps: landscapes are painted from held-out label maps, and a classifier of real scenes' pixels says
what they show. Its agreement with the map stands beside that with another scene's map, and beside
what it finds on real pictures and on their reconstructions.

Coordinates: two priors learn windows of half a scene's height, one of them with coordinates. Both
draw whole scenes, twice as high, with a sliding window. Is the sky where it belongs? Those priors
are trained, and all pictures drawn, with three seeds.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float, Int
from record import RESULTS, spread, table, to_the_end, write
from torch import Tensor

from vqlib.course.pretrained import load_pretrained
from vqlib.course.training.priors import scene_tokens
from vqlib.course.training.scenes import paint
from vqlib.data.pictures import grid, write_picture
from vqlib.generate import CoordinateCondition, GPTConfig, NoCondition, sample_large
from vqlib.measure.segmenting import estimated_labels, label_agreement, sky_share
from vqlib.saved.find import pretrained_folder
from vqlib.saved.pipeline import load_pipeline
from vqlib.tokens import TokenGrids
from vqlib.train import PriorRecipe, train_prior

SEEDS = (0, 1, 2)
WINDOW, SIZE = (8, 16), (16, 16)
CONFIG = GPTConfig(512, WINDOW, num_layers=4, num_heads=4, width=64, dropout=0.1)
RECIPE = PriorRecipe(steps=800, batch_size=16, learning_rate=2e-3, weight_decay=0.05, log_every=25)
PRIORS = {
    "without coordinates": NoCondition(),
    "with coordinates": CoordinateCondition(WINDOW, bins=16),
}


def painted_scenes(
    labels: Int[Tensor, "N H W"], images: Float[Tensor, "N 3 H W"]
) -> tuple[list[list[str]], Tensor]:
    """The table of agreements, and the paintings of the first seed."""
    pipeline = load_pipeline(pretrained_folder("scenes_segmentation_gpt"))
    decoded = pipeline.codec.decode(pipeline.codec.encode(images))
    paintings = [pipeline.sample(labels, seed=seed) for seed in drawing_seeds(len(labels))]
    shown = {
        "real pictures": [images],
        "their reconstructions": [decoded],
        "paintings": paintings,
    }
    rows = []
    for name, sets in shown.items():
        found = [estimated_labels(pictures) for pictures in sets]
        agreements = [
            [100 * label_agreement(estimated, m) for estimated in found]
            for m in (labels, labels.roll(1, 0))
        ]
        rows.append([name, *map(percent, agreements)])
    return rows, paintings[0]


def drawing_seeds(count: int) -> list[int]:
    """Where to begin with the seeds of each set of so many pictures: none is drawn twice."""
    return [seed * count for seed in SEEDS]


def percent(values: list[float]) -> str:
    """Mean of the seeds, and smallest and largest where there are several."""
    return f"{spread(values, '.1f')} %"


def high_scenes(
    count: int, images: Float[Tensor, "N 3 H W"], runs: Path
) -> tuple[list[list[str]], list[Tensor]]:
    """The table of sky, and the pictures of both priors of the first seed."""
    codec = load_pretrained("scenes_vqgan")
    tokens = torch.cat([scene_tokens("train", mirrored=m) for m in (False, True)])
    decoded = codec.decode(codec.encode(images))
    shown = {"real pictures": [images], "their reconstructions": [decoded]}
    for name, condition in PRIORS.items():
        shown[name] = []
        for seed in SEEDS:
            folder = runs / f"{name.replace(' ', '_')}_{seed}"
            config, recipe = replace(CONFIG, condition=condition), replace(RECIPE, seed=seed)
            options = {"folder": folder, "resume": True, "device": "cpu"}
            prior = to_the_end(train_prior(TokenGrids(tokens), config, recipe, **options)).model
            shown[name].append(codec.decode(sample_large(prior, SIZE, count=count, seed=0)))
    rows = []
    for name, sets in shown.items():
        labels = [estimated_labels(pictures, by_height=False) for pictures in sets]
        highest = [100 * sky_share(found, bottom=0.2) for found in labels]
        lowest = [100 * sky_share(found, top=0.7) for found in labels]
        rows.append([name, percent(highest), percent(lowest)])
    return rows, [shown[name][0] for name in PRIORS]


def colours(labels: Int[Tensor, "N H W"], images: Float[Tensor, "N 3 H W"]) -> Tensor:
    """Label maps in the mean colour of each label."""
    palette = torch.stack(
        [
            images.permute(0, 2, 3, 1)[labels == k].mean(0)
            if (labels == k).any()
            else torch.zeros(3)
            for k in range(int(labels.max()) + 1)
        ]
    )
    return palette[labels].permute(0, 3, 1, 2)


def main() -> None:
    """Sample, measure, write tables and pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="pictures of each kind")
    parser.add_argument("--runs", type=Path, default=Path("runs/conditions"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    held_out = paint("held_out", arguments.count)
    maps, paintings = painted_scenes(held_out.labels, held_out.images)
    sky, high = high_scenes(arguments.count, held_out.images, arguments.runs)
    lines = [
        f"{arguments.count} pictures of each kind and set; temperature 1, no top-k. Three sets of "
        "paintings, and three seeds of the priors below: the mean, and the smallest and largest in "
        "brackets. What a picture shows is said by a classifier fitted on real "
        "training scenes (colours and height; for the second table colours alone).",
        "",
        *table(["", "agrees with its map", "with another scene's map"], maps),
        "",
        f"Scenes of {SIZE[0]}×{SIZE[1]} tokens drawn by priors that learned windows of "
        f"{WINDOW[0]}×{WINDOW[1]}: sky in the highest fifth of the picture, where it belongs, and "
        "in the lowest 30 %, which lie below every horizon:",
        "",
        *table(["", "sky in the highest fifth", "in the lowest 30 %"], sky),
    ]
    write("conditions", lines)
    map_colours = colours(held_out.labels, held_out.images)
    rows = [map_colours[:10], held_out.images[:10], paintings[:10], *(x[:10] for x in high)]
    write_picture(grid(torch.cat(rows), columns=10), RESULTS / "conditions.png")


if __name__ == "__main__":
    main()
