"""Landscapes after a map, and skies with and without coordinates, for the README.

`python benchmarks/conditions.py` draws the picture. What such pictures show is measured by the
experiments `painting` and `horizon`, whose priors are taken from their runs, or trained.
"""

import argparse
from pathlib import Path

import torch
from jaxtyping import Float, Int
from record import RESULTS
from torch import Tensor

from vqlib.course.experiments import EXPERIMENTS
from vqlib.course.experiments.experiment import Scale
from vqlib.course.experiments.horizon import PRIORS, SIZE, trained
from vqlib.course.experiments.painting import WAYS, held_out
from vqlib.course.pretrained import load_pretrained
from vqlib.data.pictures import grid, write_picture
from vqlib.generate import sample_large
from vqlib.saved.find import pretrained_folder
from vqlib.saved.pipeline import load_pipeline

COLUMNS = 10
WAY = "guidance 2"


def colours(labels: Int[Tensor, "N H W"], images: Float[Tensor, "N 3 H W"]) -> Tensor:
    """Label maps in the mean colour of each label."""
    pixels = images.permute(0, 2, 3, 1)
    palette = torch.zeros(int(labels.max()) + 1, 3)
    for label in labels.unique().tolist():
        palette[label] = pixels[labels == label].mean(0)
    return palette[labels].permute(0, 3, 1, 2)


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/experiments"))
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    scenes = held_out(COLUMNS)
    pipeline = load_pipeline(pretrained_folder("scenes_segmentation_gpt"))
    rows = [colours(scenes.labels, scenes.images), scenes.images]
    rows.append(pipeline.sample(scenes.labels, WAYS[WAY], seed=0))
    codec = load_pretrained("scenes_vqgan")
    for kind in PRIORS:
        folder = runs / "horizon" / EXPERIMENTS["horizon"].digest(f"{kind}, seed 0")
        prior = trained(Scale(folder), kind, 0)
        rows.append(codec.decode(sample_large(prior, SIZE, count=COLUMNS, seed=0)))
    write_picture(grid(torch.cat(rows), columns=COLUMNS), RESULTS / "conditions.png")


if __name__ == "__main__":
    main()
