"""Small priors over the tokens of the pretrained codecs, one kind of condition each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from vqlib.course.pretrained import load_pretrained
from vqlib.course.training.job import SAVE_EVERY, Job
from vqlib.course.training.scenes import Painted, paint
from vqlib.data.faces import faces
from vqlib.data.images import stack
from vqlib.data.pairs import canny_edges
from vqlib.data.photos import HUBBLE, TEXTURES, photos, whole_pictures
from vqlib.generate import (
    Condition,
    CoordinateCondition,
    GPTConfig,
    MapCondition,
    NoCondition,
    Prior,
    TextCondition,
)
from vqlib.saved.pipeline import ConditionKind, write_pipeline
from vqlib.tokens import TokenGrids
from vqlib.tokens.data import tokenize
from vqlib.train import PriorRecipe, Trained, Watch, train_prior
from vqlib.train.prior import validation_nll

NUM_SCENES = {"train": 3000, "held_out": 200}
# The painters of the last chapters are the best that the course can show; they have seen more.
MANY_SCENES = {"train": 8000, "held_out": 200}
# Squares from anywhere in the photographs, so many for each square of the grid on them.
DRAWS = 8
# A picture of a texture is one grid of tokens; so many copies make up an epoch of windows.
COPIES = 100
LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class PriorJob:
    """What makes one prior."""

    codec: str
    """Pretrained codec of its pictures."""
    data: str
    """What it is trained on, in words."""
    grids: Callable[[str], TokenGrids]
    """Tokens of a split."""
    condition: Callable[[], Condition] = NoCondition
    """What its pictures are drawn from."""
    window: tuple[int, int] = (16, 16)
    """Rows and columns of tokens."""
    kind: ConditionKind = "none"
    """Of which kind the condition is."""
    condition_codec: str | None = None
    """Pretrained codec of the condition."""
    width: int = 80
    """Of the GPT."""
    steps: int = 1600
    """Optimiser steps."""
    condition_dropout: float = 0.0
    """Share of the pictures that are learned without their condition; above 0, it can be guided."""

    @property
    def recipe(self) -> PriorRecipe:
        """How it is trained: the best of eight looks at held-out pictures is kept."""
        return PriorRecipe(
            steps=self.steps,
            batch_size=16,
            learning_rate=2e-3,
            weight_decay=0.05,
            condition_dropout=self.condition_dropout,
            validate_every=self.steps // 8,
            log_every=25,
            save_every=SAVE_EVERY,
        )

    def config(self) -> GPTConfig:
        """Shape of the GPT."""
        return GPTConfig(
            num_codes=load_pretrained(self.codec).config.num_codes,
            grid=self.window,
            condition=self.condition(),
            guidance=self.condition_dropout > 0,
            num_layers=4,
            num_heads=4,
            width=self.width,
            dropout=0.1,
        )

    def job(self, name: str) -> Job:
        """The job that makes the prior of this name."""
        second = None if self.condition_codec is None else f"../{self.condition_codec}"
        return Job(
            self.data,
            self.recipe,
            partial(train_one, name),
            partial(measured, name),
            needs=tuple(dict.fromkeys(filter(None, (self.codec, self.condition_codec)))),
            after=lambda folder: write_pipeline(folder, self.kind, f"../{self.codec}", second),
            extra={"width": self.width, "window": self.window},
        )


def train_one(
    name: str, *, folder: Path | None = None, resume: bool = False, device: str | None = None
) -> Trained[Prior]:
    """Train one prior."""
    job, options = PRIORS[name], {"folder": folder, "resume": resume, "device": device}
    watch = Watch(job.grids("held_out"))
    return train_prior(job.grids("train"), job.config(), job.recipe, watch, **options)


def measured(name: str, prior: Prior) -> dict[str, int | float]:
    """NLL on held-out pictures."""
    held_out = PRIORS[name].grids("held_out")
    return {
        "pictures": len(held_out),
        "nll_nats_per_token": round(validation_nll(prior, held_out), 3),
    }


@cache
def scenes(split: str, *, many: bool = False) -> Painted:
    """Scenes as the priors see them; many: as the one with label maps does."""
    return paint(split, (MANY_SCENES if many else NUM_SCENES)[split])


@cache
def scene_tokens(split: str, *, mirrored: bool, many: bool = False) -> Tensor:
    """Tokens of the scenes, or of their mirror images."""
    images = scenes(split, many=many).images
    return tokenize(load_pretrained("scenes_vqgan"), images.flip(-1) if mirrored else images)


def pictures(names: tuple[str, ...], split: str) -> TokenGrids:
    """Whole pictures, upright and upside down, mirrored or not; each one a large grid."""
    codec, grids = load_pretrained("photos_vqgan"), []
    for picture in whole_pictures(names, split):
        f = codec.config.downsampling_factor
        _, H, W = (side // f * f for side in picture.shape)
        x = picture[None, :, :H, :W]
        grids += [codec.encode(x.flip(dims)) for dims in ([], [2], [3], [2, 3])]
    return TokenGrids(torch.cat(grids).repeat(COPIES if split == "train" else 4, 1, 1))


@cache
def squares(split: str, at_most: int | None = None) -> Tensor:
    """Squares of photographs; those that train lie anywhere, half of them mirrored."""
    if split != "train":
        return stack(photos("remainder"))[:at_most]
    data, generator = photos("train"), torch.Generator().manual_seed(0)
    numbers = [i for _ in range(DRAWS) for i in range(len(data))]
    return torch.stack([data.draw(i, generator) for i in numbers[:at_most]])


def photographs(
    split: str, condition: Callable[[Tensor], Tensor] | None = None, at_most: int | None = None
) -> TokenGrids:
    """Tokens of the squares, and of the pictures that are their conditions."""
    codec, x = load_pretrained("photos_vqgan"), squares(split, at_most)
    values = None if condition is None else tokenize(codec, condition(x))
    return TokenGrids(tokenize(codec, x), values)


def edges_of(x: Tensor) -> Tensor:
    """Edges, in as many channels as the pictures have."""
    return torch.stack([canny_edges(picture).expand_as(picture) for picture in x])


def small_copies(x: Tensor) -> Tensor:
    """Four times smaller each way."""
    return F.interpolate(x, scale_factor=0.25, mode="area")


def text(split: str) -> TokenGrids:
    """Each scene twice, with its caption in each language; never mirrored: left stays left."""
    tokens = scene_tokens(split, mirrored=False)
    captions = [caption[language] for language in LANGUAGES for caption in scenes(split).captions]
    return TokenGrids(tokens.repeat(len(LANGUAGES), 1, 1), captions)


def with_map(
    split: str, codec_name: str, maps: Callable[[Painted], Tensor], *, many: bool = False
) -> TokenGrids:
    """Scenes and the tokens of their maps; those that train also mirrored."""
    codec, values = load_pretrained(codec_name), maps(scenes(split, many=many))
    both = (False, True) if split == "train" else (False,)
    tokens = [scene_tokens(split, mirrored=mirrored, many=many) for mirrored in both]
    conditions = [tokenize(codec, values.flip(-1) if mirrored else values) for mirrored in both]
    return TokenGrids(torch.cat(tokens), torch.cat(conditions))


def face_windows(split: str) -> TokenGrids:
    """Windows of the faces, each with its place; those that train also moved a little."""
    x = stack(faces(split, size=36 if split == "train" else 32))
    moves = range(x.shape[-1] - 32 + 1)
    moved = [x[..., i : i + 32, j : j + 32] for i in moves for j in moves]
    both = [torch.cat([y, y.flip(-1)]) for y in moved]
    return TokenGrids(tokenize(load_pretrained("faces_vqgan"), torch.cat(both)))


def scene_windows(split: str) -> TokenGrids:
    """Whole scenes, from which the windows are cut, each with its place; also mirrored to train."""
    both = (False, True) if split == "train" else (False,)
    return TokenGrids(torch.cat([scene_tokens(split, mirrored=m, many=True) for m in both]))


def vocabulary() -> TextCondition:
    """The words of the training scenes' captions."""
    return TextCondition.of([words for each in scenes("train").words for words in each.values()])


PHOTOGRAPHS = f"squares from anywhere in the photographs, {DRAWS} for each of photos_vqgan's"
PRIORS = {
    "textures_gpt": PriorJob(
        codec="photos_vqgan",
        data="windows of the textures' training parts, in four orientations",
        grids=lambda split: pictures(TEXTURES, split),
        width=64,
    ),
    "hubble_gpt": PriorJob(
        codec="photos_vqgan",
        data="windows of the Hubble deep field's training part, in four orientations",
        grids=lambda split: pictures((HUBBLE,), split),
        width=64,
    ),
    "photos_gpt": PriorJob(codec="photos_vqgan", data=PHOTOGRAPHS, grids=photographs),
    "photos_edges_gpt": PriorJob(
        codec="photos_vqgan",
        data=f"{PHOTOGRAPHS}, with their edges",
        grids=lambda split: photographs(split, edges_of),
        # A quarter of a square: which line belongs to which token has to be learned place by place.
        condition=lambda: MapCondition(512, (8, 8)),
        window=(8, 8),
        kind="edges",
        condition_codec="photos_vqgan",
        steps=6400,
    ),
    "photos_low_resolution_gpt": PriorJob(
        codec="photos_vqgan",
        data=f"{PHOTOGRAPHS}, with copies of 16×16 pixels",
        grids=lambda split: photographs(split, small_copies),
        condition=lambda: MapCondition(512, (4, 4)),
        kind="low_resolution",
        condition_codec="photos_vqgan",
    ),
    "scenes_segmentation_gpt": PriorJob(
        codec="scenes_vqgan",
        data=f"{MANY_SCENES['train']} scenes with their label maps, also mirrored",
        grids=lambda split: with_map(
            split, "scenes_labels", lambda painted: painted.labels, many=True
        ),
        condition=lambda: MapCondition(128, (16, 16)),
        kind="segmentation",
        condition_codec="scenes_labels",
        width=128,
        steps=4000,
        condition_dropout=0.1,
    ),
    "scenes_depth_gpt": PriorJob(
        codec="scenes_vqgan",
        data="scenes with their depth, also mirrored",
        grids=lambda split: with_map(split, "scenes_depth", lambda painted: painted.depth),
        condition=lambda: MapCondition(128, (8, 8)),
        kind="depth",
        condition_codec="scenes_depth",
    ),
    "scenes_text_gpt": PriorJob(
        codec="scenes_vqgan",
        data="scenes with their captions in English and in Chinese",
        grids=text,
        condition=vocabulary,
        kind="text",
    ),
    "scenes_coordinates_gpt": PriorJob(
        codec="scenes_vqgan",
        data=f"windows of half the height of {MANY_SCENES['train']} scenes, also mirrored, with "
        "their places",
        grids=scene_windows,
        condition=lambda: CoordinateCondition((8, 16), bins=16),
        window=(8, 16),
        kind="coordinates",
        width=128,
        steps=4000,
    ),
    "faces_coordinates_gpt": PriorJob(
        codec="faces_vqgan",
        data="windows of 6×6 tokens of the faces, moved a little, also mirrored, with their places",
        grids=face_windows,
        condition=lambda: CoordinateCondition((6, 6), bins=8),
        window=(6, 6),
        kind="coordinates",
        width=64,
        steps=2400,
    ),
}

JOBS = {name: prior.job(name) for name, prior in PRIORS.items()}
