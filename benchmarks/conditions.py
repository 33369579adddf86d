"""Do samples do what the condition says? `python benchmarks/conditions.py`.

Maps: landscapes are painted from held-out label maps, and a classifier of real scenes' pixels says
what they show. Its agreement with the map stands beside that with another scene's map, and beside
what it finds on real pictures and on their reconstructions. Two rivals: the training scene with
the nearest map, as it is; and tokens from a table of counts, each by the map's token at its place.

Depth: the same with depth maps, a regression on pixels, and correlation in place of agreement.

Coordinates: two priors learn windows of half a scene's height, one of them with coordinates. Both
draw whole scenes, twice as high, with a sliding window. Is the sky where it belongs? Those priors
are trained, and all pictures drawn, with three seeds.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float, Int
from record import RESULTS, spread, table, to_the_end, write
from torch import Tensor

from vqlib.course.pretrained import load_pretrained
from vqlib.course.training.priors import scene_tokens
from vqlib.course.training.scenes import Painted, paint
from vqlib.data.pictures import grid, write_picture
from vqlib.generate import CoordinateCondition, GPTConfig, NoCondition, sample_large
from vqlib.measure.agreement import correlation, heeded
from vqlib.measure.segmenting import (
    estimated_depth,
    estimated_labels,
    label_agreement,
    sky_share,
)
from vqlib.saved.find import pretrained_folder
from vqlib.saved.pipeline import Pipeline, load_pipeline
from vqlib.tokens import TokenGrids, tokenize
from vqlib.train import PriorRecipe, train_prior

SEEDS = (0, 1, 2)
NUM_KNOWN = 1500  # training scenes that the rivals know
WINDOW, SIZE = (8, 16), (16, 16)
CONFIG = GPTConfig(512, WINDOW, num_layers=4, num_heads=4, width=64, dropout=0.1)
RECIPE = PriorRecipe(steps=800, batch_size=16, learning_rate=2e-3, weight_decay=0.05, log_every=25)
PRIORS = {
    "without coordinates": NoCondition(),
    "with coordinates": CoordinateCondition(WINDOW, bins=16),
}


def painted_scenes(held_out: Painted, known: Painted) -> tuple[list[list[str]], Tensor]:
    """The table of agreements with label maps, and the paintings of the first seed."""
    pipeline = load_pipeline(pretrained_folder("scenes_segmentation_gpt"))
    labels = held_out.labels
    shown = sets_of(pipeline, held_out.images, labels)
    shown["nearest map of the training scenes"] = [known.images[nearest(labels, known.labels)]]
    shown["table of counts"] = counted(pipeline, labels, known)
    found = {name: [estimated_labels(x) for x in sets] for name, sets in shown.items()}
    rows = compared(found, labels, label_agreement, scale=100, form=".1f", unit=" %")
    return rows, shown["paintings"][0]


def depth_scenes(held_out: Painted, known: Painted) -> list[list[str]]:
    """The table of correlations with depth maps."""
    pipeline, depth = load_pipeline(pretrained_folder("scenes_depth_gpt")), held_out.depth
    shown = sets_of(pipeline, held_out.images, depth)
    levels = [x.mul(8).round() for x in (depth, known.depth)]
    shown["nearest map of the training scenes"] = [known.images[nearest(*levels)]]
    found = {name: [estimated_depth(x) for x in sets] for name, sets in shown.items()}
    return compared(found, depth[:, 0], correlation, form=".3f")


def sets_of(
    pipeline: Pipeline, images: Float[Tensor, "N 3 H W"], maps: Tensor
) -> dict[str, list[Float[Tensor, "N 3 H W"]]]:
    """The pictures that are compared with maps, one set or one for each seed."""
    return {
        "real pictures": [images],
        "their reconstructions": [pipeline.codec.decode(pipeline.codec.encode(images))],
        "paintings": [pipeline.sample(maps, seed=seed) for seed in drawing_seeds(len(maps))],
    }


def nearest(wanted: Tensor, known: Tensor) -> Int[Tensor, " N"]:
    """For each map the number of the one that differs from it at fewest pixels."""
    return torch.stack([(known != one).flatten(1).sum(1).argmin() for one in wanted])


def counted(
    pipeline: Pipeline, labels: Int[Tensor, "N H W"], known: Painted
) -> list[Float[Tensor, "N 3 H W"]]:
    """Pictures whose tokens are drawn each by itself, as often as beside this token of a map."""
    codec, label_codec = pipeline.codec, pipeline.condition_codec
    s, r = tokenize(codec, known.images).flatten(), tokenize(label_codec, known.labels).flatten()
    counts = torch.zeros(label_codec.config.num_codes, codec.config.num_codes)
    counts.index_put_((r, s), torch.ones(len(s)), accumulate=True)
    usual = counts.sum(0) + 0.1
    counts += 20 * usual / usual.sum()  # where a token of the map is rare
    asked, sets = tokenize(label_codec, labels), []
    for seed in SEEDS:
        generator = torch.Generator().manual_seed(seed)
        tokens = torch.multinomial(counts[asked.flatten()], 1, generator=generator)
        sets.append(codec.decode(tokens.view_as(asked)))
    return sets


def compared(
    found: dict[str, list[Tensor]],
    maps: Tensor,
    agreement: Callable[[Tensor, Tensor], float],
    *,
    scale: float = 1,
    form: str,
    unit: str = "",
) -> list[list[str]]:
    """Rows: agreement with the map, with another scene's, and how much of the map is heeded."""
    (best,) = found["their reconstructions"]
    best, rows = agreement(best, maps), []
    for name, sets in found.items():
        own, other = ([agreement(x, y) for x in sets] for y in (maps, maps.roll(1, 0)))
        shares = [heeded(a, b, best) for a, b in zip(own, other, strict=True)]
        texts = [spread([scale * value for value in values], form) for values in (own, other)]
        rows.append([name, *(text + unit for text in texts), spread(shares, ".2f")])
    return rows


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
    held_out, known = paint("held_out", arguments.count), paint("train", NUM_KNOWN)
    maps, paintings = painted_scenes(held_out, known)
    depth = depth_scenes(held_out, known)
    sky, high = high_scenes(arguments.count, held_out.images, arguments.runs)
    lines = [
        f"{arguments.count} pictures of each kind and set; temperature 1, no top-k. Three sets of "
        "paintings, and three seeds of the priors below: the mean, and the smallest and largest in "
        "brackets. What a picture shows is said by a classifier fitted on real "
        "training scenes (colours and height; for the second table colours alone).",
        "",
        *table(["", "agrees with its map", "with another scene's map", "heeded"], maps),
        "",
        "Heeded: (with its map − with another's) over (reconstructions with their map − with "
        f"another's). The rivals know {NUM_KNOWN} training scenes. The same for depth: correlation "
        "of the depth that a regression on real training scenes sees with the map:",
        "",
        *table(["", "with its map", "with another scene's map", "heeded"], depth),
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
