"""Chapter 1: the same transformer writes pixels, or the tokens of a VQVAE.

The pictures are ten letters in seventeen typefaces, drawn at 8×8, 16×16 and 32×32, so that each
size has details that the smaller ones lack. The transformer, its batch and its learning rate are
always the same. Each number of steps is a run of its own, with its own schedule.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.compress import AutoencoderConfig, EMACodes, VQVAEConfig
from vqlib.compress.palette import ColorPalette, ColorPaletteConfig, fit_palette
from vqlib.course.experiments.experiment import Experiment, Found, Scale, of_seeds, spread
from vqlib.course.pretrained import load_pretrained
from vqlib.data import Glyphs, LabelledImages, stack
from vqlib.data.enlarge import enlarge
from vqlib.generate import ClassCondition, GPTConfig
from vqlib.measure import frechet, psnr
from vqlib.measure.offline import OfflineFeatures
from vqlib.saved.pipeline import Codec, Pipeline
from vqlib.tokens import TokenGrids, tokenize
from vqlib.train import PriorRecipe, VQVAERecipe

SEEDS = (0, 1, 2)
LETTERS = "ABCDEFGHIJ"
COPIES = {"train": 40, "others": 6}  # of each letter in each face
DRAWN = 400  # pictures of each model, as many of each letter
REAL = 600  # of those that nothing has learned from
CLASSIFIED = 3400  # letters that the classifier learns from
SHOWN = 20  # of those drawn in the end
GREYS = 16
CODES = 128
STEPS = {
    ("pixels", 8): (50, 200, 800, 2700),
    ("tokens", 8): (50, 200, 800, 2700),
    ("pixels", 16): (50, 200, 800),
    ("tokens", 16): (50, 200, 800, 2700),
    ("pixels", 32): (50, 200),
    ("tokens", 32): (50, 200, 2700),
}
STAGE_1 = VQVAERecipe(
    steps=1200,
    batch_size=16,
    learning_rate=2e-3,
    autoencoder_steps=200,
    kmeans_init=True,
    restart_every=25,
)
CodecConfig = VQVAEConfig | ColorPaletteConfig
STAGE_2 = PriorRecipe(batch_size=16, learning_rate=4e-3)


def codec_config(size: int) -> VQVAEConfig:
    """The small network of the digits, with fewer pixels to a token."""
    autoencoder = AutoencoderConfig(
        image_channels=1, hidden_channels=48, res_channels=32, num_downsamplings=2, code_dim=16
    )
    return VQVAEConfig(autoencoder, CODES, size, EMACodes())


def gpt(codec: CodecConfig) -> GPTConfig:
    """The transformer, which is the same but for how many ids it writes, and which."""
    grid, letter = (codec.grid_size, codec.grid_size), ClassCondition(len(LETTERS))
    return GPTConfig(codec.num_codes, grid, letter, num_layers=4, num_heads=4, width=64)


class Letters(NamedTuple):
    """The letters at one size."""

    train: LabelledImages
    """To learn from."""
    others: LabelledImages
    """Others in the same faces, to compare with."""


@cache
def letters(size: int, quick: bool = False) -> Letters:
    """All letters at this size, or a few of each."""
    train, copies = (1, 2) if quick else (COPIES["train"], sum(COPIES.values()))
    glyphs = Glyphs("train", size=size, copies=copies, characters=LETTERS)
    images, labels = stack(glyphs), glyphs.labels
    n = len(images) * train // copies
    return Letters(LabelledImages(images[:n], labels[:n]), LabelledImages(images[n:], labels[n:]))


def looked_at(images: Float[Tensor, "N 1 H W"], c: Int[Tensor, " N"], known: Letters) -> Found:
    """How far from real letters as a set, and how many are those that were asked for."""
    real = known.others.images[-REAL:]
    extractor = OfflineFeatures(load_pretrained("offline_features"))
    one, other = (enlarge(x, 32) if x.shape[-1] < 32 else x for x in (real, images))
    far = frechet(one, other, extractor, reference_name="letters", progress=False)
    recognised = (recognised_letters(images, known) == c).float().mean().item()
    return {"frechet": far.distance, "recognised": 100 * recognised}


def recognised_letters(images: Float[Tensor, "N 1 H W"], known: Letters) -> Int[Tensor, " N"]:
    """Which letter a support vector machine sees that has learned from real ones of this size."""
    return torch.from_numpy(_classifier(known).predict(_rows(images))).long()


@cache
def _classifier(known: Letters):
    from sklearn.svm import SVC

    images, labels = known.train.images[:CLASSIFIED], known.train.labels[:CLASSIFIED]
    return SVC().fit(_rows(images), labels.numpy())


def _rows(images: Float[Tensor, "N 1 H W"]) -> np.ndarray:
    """For the classifier: at most 16×16 pixels."""
    return F.adaptive_avg_pool2d(images, min(images.shape[-1], 16)).flatten(1).numpy()


@cache
def palette(known: Letters) -> ColorPalette:
    """The greys of the letters at this size."""
    images = known.train.images
    return fit_palette(images, ColorPaletteConfig(GREYS, images.shape[-1], 1))


def asked(count: int) -> Int[Tensor, " N"]:
    """Which letters are to be drawn: all in turn."""
    return torch.arange(count) % len(LETTERS)


def some(scale: Scale, of: LabelledImages) -> LabelledImages:
    """As many as are drawn."""
    count = scale.count(DRAWN)
    return LabelledImages(of.images[:count], of.labels[:count])


def real(scale: Scale, *, size: int) -> Found:
    """Real letters compared with others, as they are and in 16 greys."""
    known = letters(size, scale.quick)
    x, c = some(scale, known.others).images, some(scale, known.others).labels
    rounded = looked_at(palette(known).decode(palette(known).encode(x)), c, known)
    return looked_at(x, c, known) | {f"palette_{name}": value for name, value in rounded.items()}


def table(
    grids: Int[Tensor, "N h w"], labels: Int[Tensor, " N"], c: Int[Tensor, " B"]
) -> Int[Tensor, "B h w"]:
    """Grids whose places are drawn one by one from what stands there in pictures of the class.

    It knows all that can be known of single places, and nothing of how they belong together.
    """
    generator = torch.Generator().manual_seed(0)
    drawn = []
    for k in c.tolist():
        rows = grids[labels == k].flatten(1)  # (n, T)
        places = torch.arange(rows.shape[1])
        drawn.append(rows[torch.randint(len(rows), places.shape, generator=generator), places])
    return torch.stack(drawn).view(-1, *grids.shape[1:])


def pixels(scale: Scale, *, size: int, seed: int) -> Found:
    """The transformer writes greys."""
    known = letters(size, scale.quick)
    return written(scale, palette(known), known, STEPS["pixels", size], seed)


def tokens(scale: Scale, *, size: int, seed: int) -> Found:
    """A VQVAE learns first, and the transformer writes its tokens."""
    known = letters(size, scale.quick)
    recipe, x = replace(STAGE_1, seed=seed), some(scale, known.others)
    trained = scale.within("codec").codec(known.train.images, codec_config(size), recipe)
    x_hat = trained.model.decode(trained.model.encode(x.images))
    found = looked_at(x_hat, x.labels, known) | {"psnr": psnr(x_hat, x.images).mean().item()}
    found |= {"seconds": trained.history[-1]["seconds"]}
    found = {f"codec_{name}": value for name, value in found.items()}
    return found | written(scale, trained.model, known, STEPS["tokens", size], seed)


def written(
    scale: Scale, codec: Codec, known: Letters, all_steps: tuple[int, ...], seed: int
) -> Found:
    """What a table of single places draws, and the transformer after each number of steps."""
    c, labels = asked(scale.count(DRAWN)), known.train.labels
    grids = tokenize(codec, known.train.images)
    by_table = looked_at(codec.decode(table(grids, labels, c)), c, known)
    found = {f"table_{name}": value for name, value in by_table.items()}
    for steps in all_steps:
        recipe, config = replace(STAGE_2, steps=steps, seed=seed), gpt(codec.config)
        trained = scale.within(str(steps)).prior(TokenGrids(grids, labels), config, recipe)
        started = time.perf_counter()
        images = Pipeline(trained.model, codec, "class").sample(c, seed=seed)
        drawn = looked_at(images, c, known) | {
            "drawing": (time.perf_counter() - started) / len(c),
            "seconds": trained.history[-1]["seconds"],
        }
        found |= {f"{name}_{steps}": value for name, value in drawn.items()}
        scale.show(images[:SHOWN])
    return found


def summary(parts: Mapping[str, Found]) -> Found:
    """What the real letters give, and each way with its seeds' extremes."""
    found = {f"real_{name}": value for name, value in parts["real"].items()}
    for way in ("pixels", "tokens"):
        for name in parts[f"{way}, seed {SEEDS[0]}"]:
            found |= spread(f"{way}_{name}", of_seeds(parts, way, name))
    return found


def at_size(size: int) -> Experiment:
    """Both ways at one size."""
    ways = {"pixels": pixels, "tokens": tokens}
    return Experiment(
        f"Letters of {size}×{size} pixels: should a transformer write pixels or tokens?",
        {
            "real": partial(real, size=size),
            **{
                f"{way}, seed {seed}": partial(ways[way], size=size, seed=seed)
                for seed in SEEDS
                for way in ways
            },
        },
        summary,
        needs=("offline_features",),
        common={
            "codec": codec_config(size),
            "stage 1": STAGE_1,
            "transformer": gpt(codec_config(size)),
            "stage 2": STAGE_2,
            "steps": {way: STEPS[way, size] for way in ways},
            "letters": (LETTERS, COPIES),
            "drawn": (DRAWN, REAL),
        },
    )


EXPERIMENTS = {f"pixels_or_tokens_{size}": at_size(size) for size in (8, 16, 32)}
