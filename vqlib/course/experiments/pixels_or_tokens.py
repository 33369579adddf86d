"""Chapter 1: the same transformer writes pixels, or the tokens of a VQVAE.

The pictures are ten letters in seventeen typefaces, drawn at 8×8, 16×16 and 32×32, so that each
size has details that the smaller ones lack. The transformer, its batch and its learning rate are
always the same. Each number of steps is a run of its own, with its own schedule.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.compress import AutoencoderConfig, EMACodes, VQVAEConfig
from vqlib.course.experiments.experiment import Experiment, Found, Scale, of_seeds, spread
from vqlib.course.pretrained import load_pretrained
from vqlib.data import Glyphs, LabelledImages, stack
from vqlib.data.enlarge import enlarge
from vqlib.generate import ClassCondition, GPTConfig
from vqlib.measure import frechet, psnr
from vqlib.measure.offline import OfflineFeatures
from vqlib.tokens import TokenGrids, tokenize
from vqlib.train import PriorRecipe, VQVAERecipe

SEEDS = (0, 1, 2)
LETTERS = "ABCDEFGHIJ"
COPIES = {"train": 40, "others": 6}  # of each letter in each face
DRAWN = 400  # pictures of each model, as many of each letter
LEVELS = 17  # grey levels, as scikit-learn's digits have
CODES = 128
STEPS = {
    ("pixels", 8): (100, 300, 900),
    ("tokens", 8): (100, 300, 900),
    ("pixels", 16): (100, 300, 900),
    ("tokens", 16): (100, 300, 900, 2700),
    ("pixels", 32): (100, 300),
    ("tokens", 32): (100, 300, 2700),
}
STAGE_1 = VQVAERecipe(
    steps=1200,
    batch_size=16,
    learning_rate=2e-3,
    autoencoder_steps=200,
    kmeans_init=True,
    restart_every=25,
)
STAGE_2 = PriorRecipe(batch_size=16, learning_rate=4e-3)


def codec_config(size: int) -> VQVAEConfig:
    """The small network of the digits, with fewer pixels to a token."""
    autoencoder = AutoencoderConfig(
        image_channels=1, hidden_channels=48, res_channels=32, num_downsamplings=2, code_dim=16
    )
    return VQVAEConfig(autoencoder, CODES, size, EMACodes())


def gpt(side: int, num_codes: int) -> GPTConfig:
    """The transformer, which is the same but for how many ids it writes, and which."""
    grid, letter = (side, side), ClassCondition(len(LETTERS))
    return GPTConfig(num_codes, grid, letter, num_layers=4, num_heads=4, width=64)


class Letters(NamedTuple):
    """The letters at one size."""

    train: LabelledImages
    """To learn from."""
    others: LabelledImages
    """Others in the same faces, to compare with."""


@cache
def letters(size: int) -> Letters:
    """All letters at this size."""
    copies = sum(COPIES.values())
    glyphs = Glyphs("train", size=size, copies=copies, characters=LETTERS)
    images, labels = stack(glyphs), glyphs.labels
    n = len(images) * COPIES["train"] // copies
    return Letters(LabelledImages(images[:n], labels[:n]), LabelledImages(images[n:], labels[n:]))


def looked_at(images: Float[Tensor, "N 1 H W"], c: Int[Tensor, " N"]) -> Found:
    """How far from real letters as a set, and how many are those that were asked for."""
    size = images.shape[-1]
    real = letters(size).others.images[DRAWN:]
    extractor = OfflineFeatures(load_pretrained("offline_features"))
    one, other = (enlarge(x, 32) if size < 32 else x for x in (real, images))
    far = frechet(one, other, extractor, reference_name="letters", progress=False)
    recognised = (recognised_letters(images) == c).float().mean().item()
    return {"frechet": far.distance, "recognised": 100 * recognised}


def recognised_letters(images: Float[Tensor, "N 1 H W"]) -> Int[Tensor, " N"]:
    """Which letter a support vector machine sees that knows real ones of this size."""
    size = images.shape[-1]
    small = F.adaptive_avg_pool2d(images, min(size, 16)).flatten(1)
    return torch.from_numpy(_classifier(size).predict(small.numpy())).long()


@cache
def _classifier(size: int):
    from sklearn.svm import SVC

    images, labels = letters(size).train.images[::2], letters(size).train.labels[::2]
    return SVC().fit(
        F.adaptive_avg_pool2d(images, min(size, 16)).flatten(1).numpy(), labels.numpy()
    )


def levels(images: Float[Tensor, "N 1 H W"]) -> Int[Tensor, "N H W"]:
    """Grey levels, 0 to 16."""
    return images[:, 0].add(1).mul((LEVELS - 1) / 2).round().long()


def pictures(found: Int[Tensor, "N H W"]) -> Float[Tensor, "N 1 H W"]:
    """The pictures of grey levels."""
    return found[:, None].float().div((LEVELS - 1) / 2).sub(1)


def asked(count: int) -> Int[Tensor, " N"]:
    """Which letters are to be drawn: all in turn."""
    return torch.arange(count) % len(LETTERS)


def real(scale: Scale, *, size: int) -> Found:
    """Real letters compared with others, and with 17 grey levels."""
    count = scale.count(DRAWN)
    images, labels = letters(size).others.images[:count], letters(size).others.labels[:count]
    rounded = looked_at(pictures(levels(images)), labels)
    return looked_at(images, labels) | {f"rounded_{name}": x for name, x in rounded.items()}


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


class Alphabet(NamedTuple):
    """What the transformer writes, and the pictures of it."""

    grids: Int[Tensor, "N h w"]
    """Of all letters to learn from."""
    num_codes: int
    """How many ids there are."""
    pictures: Callable[[Int[Tensor, "B h w"]], Float[Tensor, "B 1 H W"]]
    """From ids to pictures."""


def pixels(scale: Scale, *, size: int, seed: int) -> Found:
    """The transformer writes grey levels."""
    alphabet = Alphabet(levels(letters(size).train.images), LEVELS, pictures)
    return written(scale, alphabet, STEPS["pixels", size], size, seed)


def tokens(scale: Scale, *, size: int, seed: int) -> Found:
    """A VQVAE learns first, and the transformer writes its tokens."""
    train, others = letters(size)
    recipe = replace(STAGE_1, seed=seed)
    trained = scale.within("codec").codec(train.images, codec_config(size), recipe)
    codec, count = trained.model, scale.count(DRAWN)
    alphabet = Alphabet(tokenize(codec, train.images), CODES, codec.decode)
    x, labels = others.images[:count], others.labels[:count]
    x_hat = codec.decode(codec.encode(x))
    found = {f"codec_{name}": value for name, value in looked_at(x_hat, labels).items()}
    found |= {"codec_psnr": psnr(x_hat, x).mean().item()}
    found |= {"codec_seconds": trained.history[-1]["seconds"]}
    return found | written(scale, alphabet, STEPS["tokens", size], size, seed)


def written(scale: Scale, alphabet: Alphabet, all_steps: tuple[int, ...], size: int, seed: int):
    """What a table of single places draws, and the transformer after each number of steps."""
    grids, num_codes, decode = alphabet
    labels, c = letters(size).train.labels, asked(scale.count(DRAWN))
    found = {
        f"table_{name}": x for name, x in looked_at(decode(table(grids, labels, c)), c).items()
    }
    for steps in all_steps:
        recipe, config = replace(STAGE_2, steps=steps, seed=seed), gpt(grids.shape[1], num_codes)
        trained = scale.within(str(steps)).prior(TokenGrids(grids, labels), config, recipe)
        started = time.perf_counter()
        images = decode(trained.model.sample(c, seed=seed).view(-1, *grids.shape[1:]))
        drawing = (time.perf_counter() - started) / len(c)
        drawn = looked_at(images, c) | {"drawing": drawing}
        drawn |= {"seconds": trained.history[-1]["seconds"]}
        found |= {f"{name}_{steps}": value for name, value in drawn.items()}
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
            "transformer": gpt(1, 2),
            "stage 2": STAGE_2,
            "steps": {way: STEPS[way, size] for way in ways},
            "letters": (LETTERS, COPIES),
            "drawn": DRAWN,
        },
    )


EXPERIMENTS = {f"pixels_or_tokens_{size}": at_size(size) for size in (8, 16, 32)}
