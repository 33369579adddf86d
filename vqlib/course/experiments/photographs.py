"""Chapter 14: edges, small copies and upper halves of real photographs, with one method.

Three kinds of priors over the same squares of photographs: one without a condition, one that is
given edges, one that is given a small copy. What they draw is compared with what was asked for, on
the right quarters of the photographs that they have seen, and on three photographs that they have
not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.course.experiments.experiment import Experiment, Found, Scale, of_seeds, spread
from vqlib.course.experiments.painting import rms
from vqlib.course.pretrained import load_pretrained
from vqlib.course.training.priors import PRIORS, edges_of, photographs, small_copies, squares
from vqlib.data.photos import photos
from vqlib.generate import Known, Prior, sample_large
from vqlib.measure.agreement import edge_agreement, heeded, seam_agreement, small_copy_agreement
from vqlib.tokens import TokenGrids, tokenize
from vqlib.train.prior import validation_nll

SEEDS = (0, 1, 2)
PICTURES = 64
KNOWN = 1000  # squares among which the nearest edges are looked for
SPLITS = {"quarter": "remainder", "unseen": "held_out"}
Pictures = Float[Tensor, "N 3 H W"]
Given = Float[Tensor, "N 3 h w"]


def upper_halves(x: Pictures) -> Given:
    """What completion is given."""
    return x[:, :, : x.shape[2] // 2]


def edges_agree(images: Pictures, edges: Pictures) -> float:
    """F-score of edges; those asked for are equal in all channels."""
    return edge_agreement(images, edges[:, :1])


def halves_fit(images: Pictures, given: Given) -> float:
    """How well the lower halves go on from the upper halves given."""
    lower = images[:, :, given.shape[2] :]
    return seam_agreement(torch.cat([given, lower], dim=2), given.shape[2])


def enlarged(small: Given, _: Float[Tensor, "M 3 H W"]) -> Pictures:
    """A rival of super-resolution that draws nothing."""
    return F.interpolate(small, scale_factor=4, mode="bicubic").clamp(-1, 1)


def mirrored(given: Given, _: Float[Tensor, "M 3 H W"]) -> Pictures:
    """A rival of completion that draws nothing."""
    return torch.cat([given, given.flip(2)], dim=2)


def nearest(edges: Pictures, known: Float[Tensor, "M 3 H W"]) -> Pictures:
    """A rival of edges: the known photograph whose edges agree best."""
    near = [F.max_pool2d(x, 3, stride=1, padding=1) for x in (edges, edges_of(known))]
    asked, found = ((x[:, 0] > 0).float().flatten(1) for x in near)
    both, either = asked @ found.T, asked.sum(1)[:, None] + found.sum(1)
    return known[(2 * both / either.clamp(min=1)).argmax(1)]


@dataclass(frozen=True)
class Kind:
    """A condition, and how one tells whether it is heeded."""

    prior: str
    """The pretrained one of seed 0; its recipe is that of all seeds."""
    given: Callable[[Pictures], Given]
    """What the picture is drawn from."""
    agreement: Callable[[Pictures, Given], float]
    """Of pictures with what was given."""
    rival: Callable[[Given, Pictures], Pictures]
    """Pictures without a prior, from what is given and from known photographs."""


KINDS = {
    "edges": Kind("photos_edges_gpt", edges_of, edges_agree, nearest),
    "small copy": Kind("photos_low_resolution_gpt", small_copies, small_copy_agreement, enlarged),
    "upper half": Kind("photos_gpt", upper_halves, halves_fit, mirrored),
}


def asked(scale: Scale, split: str) -> Pictures:
    """Squares of a split, spread over all of its photographs."""
    data = photos(SPLITS[split])
    count = min(scale.count(PICTURES), len(data))
    return torch.stack([data[i * len(data) // count] for i in range(count)])


def of_seed(scale: Scale, kind: str, seed: int) -> Prior:
    """The pretrained prior, or one trained in the same way from another seed."""
    job = PRIORS[KINDS[kind].prior]
    if seed == 0:
        return load_pretrained(KINDS[kind].prior)
    given = None if kind == "upper half" else KINDS[kind].given
    known, held_out = (
        photographs(split, given, 4 if scale.quick else None) for split in ("train", "held_out")
    )
    return scale.prior(known, job.config(), replace(job.recipe, seed=seed), held_out).model


def value_of(kind: str, x: Pictures) -> Int[Tensor, "N h w"] | None:
    """Tokens of what is given, for a prior that is given anything."""
    if kind == "upper half":
        return None
    return tokenize(load_pretrained("photos_vqgan"), KINDS[kind].given(x))


def draw(prior: Prior, kind: str, x: Pictures, *, seed: int) -> Pictures:
    """From what is given of these photographs, others."""
    codec = load_pretrained("photos_vqgan")
    options = {"count": len(x), "seed": seed}
    if kind == "upper half":
        s = tokenize(codec, x)
        keep = torch.zeros_like(s, dtype=torch.bool)
        keep[:, : s.shape[1] // 2] = True
        options["known"] = Known(s, keep)
    size = tuple(side // codec.config.downsampling_factor for side in x.shape[2:])
    return decoded(sample_large(prior, size, value_of(kind, x), **options))


def decoded(tokens: Int[Tensor, "N h w"]) -> Pictures:
    """The pictures, in batches."""
    codec = load_pretrained("photos_vqgan")
    return torch.cat([codec.decode(part) for part in tokens.split(16)])


def compared(images: Pictures, kind: str, x: Pictures) -> Found:
    """Agreement with what was given, and with what was given of another photograph."""
    agreement, given = KINDS[kind].agreement, KINDS[kind].given(x)
    # Half the squares away, so that it is another photograph as a rule.
    other = given.roll(len(x) // 2, 0)
    return {"own": agreement(images, given), "other": agreement(images, other)}


def named(found: Found, *words: str) -> Found:
    """The same numbers under longer names."""
    return {"_".join((*words, name)): value for name, value in found.items()}


def references(scale: Scale, *, kind: str) -> Found:
    """Of the photographs, of their reconstructions, and of the rival."""
    known, found = squares("train", scale.count(KNOWN)), {}
    for split in SPLITS:
        x = asked(scale, split)
        shown = {
            "real": x,
            "reconstructions": decoded(tokenize(load_pretrained("photos_vqgan"), x)),
            "rival": KINDS[kind].rival(KINDS[kind].given(x), known),
        }
        for name, images in shown.items():
            found |= named(compared(images, kind, x), split, name)
    return found


def drawn(scale: Scale, *, kind: str, seed: int) -> Found:
    """Two drawings for each condition: agreement, how far they differ, and nats per token."""
    prior, found = of_seed(scale, kind, seed), {}
    for split in SPLITS:
        x = asked(scale, split)
        first, second = (draw(prior, kind, x, seed=k * PICTURES) for k in (0, 1))
        here = compared(first, kind, x)
        lower = x.shape[2] // 2 if kind == "upper half" else 0
        apart = rms((first - second)[:, :, lower:])
        grids = TokenGrids(tokenize(load_pretrained("photos_vqgan"), x), value_of(kind, x))
        here |= {"differ": apart, "nats": validation_nll(prior, grids)}
        found |= named(here, split)
    return found


def summary(parts: Mapping[str, Found]) -> Found:
    """For each split: how much is heeded, by the rival too; and the rest."""
    found = {}
    for split in SPLITS:
        refs, top = parts["references"], parts["references"][f"{split}_reconstructions_own"]
        own, other = (of_seeds(parts, "drawn", f"{split}_{which}") for which in ("own", "other"))
        shares = [heeded(a, b, top) for a, b in zip(own, other, strict=True)]
        rival = (refs[f"{split}_rival_{which}"] for which in ("own", "other"))
        found |= {f"{split}_real": refs[f"{split}_real_own"], f"{split}_reconstructions": top}
        found |= {f"{split}_rival": heeded(*rival, top)}
        measured = {"own": own, "other": other, "heeded": shares}
        measured |= {
            name: of_seeds(parts, "drawn", f"{split}_{name}") for name in ("differ", "nats")
        }
        for name, values in measured.items():
            found |= spread(f"{split}_{name}", values)
    return found


def experiment(kind: str) -> Experiment:
    """One condition; the parts are its references, and a prior for each seed."""
    return Experiment(
        f"{kind.capitalize()} of real photographs: is it heeded, and what is drawn?",
        {
            "references": partial(references, kind=kind),
            **{f"drawn, seed {seed}": partial(drawn, kind=kind, seed=seed) for seed in SEEDS},
        },
        summary,
        needs=("photos_vqgan", KINDS[kind].prior),
        common={
            "pictures": PICTURES,
            "known": KNOWN,
            "recipe": PRIORS[KINDS[kind].prior].recipe,
            "width": PRIORS[KINDS[kind].prior].width,
        },
    )


EXPERIMENTS = {f"photographs_{kind.replace(' ', '_')}": experiment(kind) for kind in KINDS}
