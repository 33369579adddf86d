"""Chapter 14: do pictures show what their label map asks for?

A classifier of real scenes' pixels says what a picture shows. Its agreement with the map stands
between two references: what it finds on the codec's reconstructions of the real scenes, which no
painting can be expected to beat, and what it finds when the map is another scene's. Beside the
paintings stands a rival that paints nothing: the known scene with the nearest map. What it lacks
is variety, so that is measured too.
"""

from collections.abc import Mapping
from functools import cache, partial
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

from vqlib.course.experiments.experiment import Experiment, Found, Scale, of_seeds, spread
from vqlib.course.pretrained import load_pretrained
from vqlib.course.training.priors import MANY_SCENES
from vqlib.course.training.scenes import Painted, paint
from vqlib.generate import Sampling
from vqlib.measure.agreement import heeded
from vqlib.measure.segmenting import estimated_labels, label_agreement
from vqlib.saved.find import pretrained_folder
from vqlib.saved.pipeline import load_pipeline

SEEDS = (0, 1, 2)
PICTURES = 100
KNOWN = MANY_SCENES["train"]
WAYS = {
    "as it is": Sampling(),
    "temperature 0.8": Sampling(temperature=0.8),
    "temperature 0.6": Sampling(temperature=0.6),
    "guidance 1.5": Sampling(guidance=1.5),
    "guidance 2": Sampling(guidance=2.0),
    "guidance 3": Sampling(guidance=3.0),
}


@cache
def held_out(count: int) -> Painted:
    """The first held-out scenes."""
    return paint("held_out", count)


def references(scale: Scale, kind: str) -> Float[Tensor, "N 3 H W"]:
    """The first held-out scenes, real or through the codec."""
    images = held_out(scale.count(PICTURES)).images
    if kind == "real":
        return images
    codec = load_pretrained("scenes_vqgan")
    return codec.decode(codec.encode(images))


def agreement(images: Float[Tensor, "N 3 H W"], scenes: Painted) -> Found:
    """In per cent of the pixels: with their own maps, and with those of the scenes before them."""
    found = estimated_labels(images)
    return {
        "own": 100 * label_agreement(found, scenes.labels),
        "other": 100 * label_agreement(found, scenes.labels.roll(1, 0)),
    }


def reference(scale: Scale, *, kind: str) -> Found:
    """Of the real scenes, or of their reconstructions."""
    return agreement(references(scale, kind), held_out(scale.count(PICTURES)))


def nearest(scale: Scale, *, rank: int) -> Found:
    """Of known scenes, those that the painter has learned from, with the nearest or second map.

    differ: how far it is from the nearest, as in `paintings`.
    """
    scenes, known = held_out(scale.count(PICTURES)), paint("train", scale.count(KNOWN))
    unlike = [(known.labels != labels).sum((1, 2)) for labels in scenes.labels]
    first, one = (
        known.images[torch.stack([each.argsort()[k] for each in unlike])] for k in (0, rank)
    )
    return agreement(one, scenes) | {"differ": rms(first - one)}


def rms(x: Float[Tensor, "*shape"]) -> float:
    """Root mean square."""
    return x.square().mean().sqrt().item()


def paintings(scale: Scale, *, way: str, seed: int) -> Found:
    """Of pictures that are drawn from the maps, two for each; no seed is used twice.

    differ: how far the two lie apart, root mean square over the pixels, whose range is 2.
    """
    scenes = held_out(scale.count(PICTURES))
    pipeline = load_pipeline(pretrained_folder("scenes_segmentation_gpt"))
    first, second = (
        pipeline.sample(scenes.labels, WAYS[way], seed=(2 * seed + k) * PICTURES) for k in (0, 1)
    )
    return agreement(first, scenes) | {"differ": rms(first - second)}


def summary(parts: Mapping[str, Found]) -> Found:
    """The references, and for each way of drawing also its share of what reconstructions reach.

    share: of the way from another scene's map up to the reconstructions, in per cent.
    """
    found = {
        f"{kind}_{which}": parts[kind][which]
        for kind in ("real", "reconstructions", "nearest")
        for which in ("own", "other")
    }
    top = found["reconstructions_own"]
    for kind in ("nearest", "second nearest"):
        rival = (parts[kind][which] for which in ("own", "other"))
        found[f"{kind}_share".replace(" ", "_")] = 100 * heeded(*rival, top)
    found["nearest_differ"] = parts["second nearest"]["differ"]
    for way in WAYS:
        own, other, differ = (of_seeds(parts, way, name) for name in ("own", "other", "differ"))
        shares = [100 * heeded(a, b, top) for a, b in zip(own, other, strict=True)]
        measured = {"own": own, "other": other, "share": shares, "differ": differ}
        for key, values in measured.items():
            found |= spread(f"{way}_{key}".replace(" ", "_"), values)
    return found


EXPERIMENTS = {
    "painting": Experiment(
        "Do landscapes that are painted from a label map show what it asks for?",
        {
            "real": partial(reference, kind="real"),
            "reconstructions": partial(reference, kind="reconstructions"),
            "nearest": partial(nearest, rank=0),
            "second nearest": partial(nearest, rank=1),
            **{
                f"{way}, seed {seed}": partial(paintings, way=way, seed=seed)
                for way, seed in product(WAYS, SEEDS)
            },
        },
        summary,
        needs=("scenes_vqgan", "scenes_labels", "scenes_segmentation_gpt"),
        common={"ways": WAYS, "pictures": PICTURES, "known": KNOWN},
    ),
}
