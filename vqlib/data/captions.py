"""Painted landscapes with captions, in English, in Chinese or in both."""

from dataclasses import replace
from itertools import product
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from vqlib.data.scenery import SIDES, Facts, chinese, english
from vqlib.data.scenes import Scenes

Language = Literal["en", "zh", "both"]
WORDS = {"en": english, "zh": chinese}
# Whatever a scene may show, by field of `Facts`, and which fields make up a clause together.
POSSIBLE = {
    "time": ("dawn", "day", "dusk", "night"),
    "sun": (*SIDES, None),
    "crescent": (False, True),
    "clouds": (False, True),
    "mountains": (False, True),
    "snow": (False, True),
    "forest": (False, True),
    "lake": (False, True),
    "meadow": ("green", "flowery", "golden", "snowy", None),
    "trees": ("pines", "leafy", "autumn", None),
    "side": ("left", "right", "both"),
}
CLAUSES = (
    ("time", "mountains", "snow", "forest", "lake"),
    ("time", "sun", "crescent", "clouds"),
    ("meadow", "trees", "side"),
)


class CaptionedScenes:
    """Landscapes and what they show in words. Keeps the contract `Images`.

    What can be seen is known only when a scene is painted, so all are painted at once and kept, in
    the 8 bits that they have. With both languages there are twice as many: image i + n is image i
    again.

    Nothing is mirrored, neither here nor by those who train with it: captions say left and right.

    Args:
        split: "train" or "held_out".
        count: n, number of scenes.
        language: "en", "zh" or "both".
        height: in pixels, 8 or more.
        width: in pixels, 8 or more.
        progress: show a bar.

    Raises:
        ValueError: no such language; and as `Scenes`.
    """

    flip = False

    def __init__(
        self,
        split: str = "train",
        *,
        count: int,
        language: str = "en",
        height: int = 64,
        width: int = 64,
        progress: bool = True,
    ):
        scenes = Scenes(split, count=count, height=height, width=width)
        self.pixels = torch.empty(count, *scenes.image_shape, dtype=torch.uint8)
        found: dict[str, list[str]] = {name: [] for name in languages(language)}
        for i in tqdm(range(count), f"painting {split} scenes", disable=not progress):
            scene = scenes.scene(i)
            self.pixels[i] = scene.image.add(1).mul(127.5).round()
            for name, captions in found.items():
                captions.append(scene.caption[name])
        self.captions = [caption for captions in found.values() for caption in captions]
        """The caption of each image."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(3, height, width)."""
        _, C, H, W = self.pixels.shape
        return C, H, W

    def __len__(self) -> int:
        return len(self.captions)

    def __getitem__(self, index: int) -> Float[Tensor, "3 H W"]:
        number = range(len(self))[index] % len(self.pixels)
        return self.pixels[number].float().div(127.5).sub(1)

    def draw(self, index: int, generator: torch.Generator) -> Float[Tensor, "3 H W"]:
        """The image as it is."""
        return self[index]

    def __repr__(self) -> str:
        return f"CaptionedScenes({len(self.pixels)} scenes, {len(self)} captions)"


def vocabulary(language: str) -> set[tuple[str, ...]]:
    """Captions that have between them every word a scene's may have, the longest among them.

    So what a model knows does not depend on which scenes it is trained with.
    """
    found: set[tuple[str, ...]] = set()
    for in_words in (WORDS[name] for name in languages(language)):
        facts = Facts(**{name: choices[0] for name, choices in POSSIBLE.items()})
        for names in CLAUSES:
            choices = product(*(POSSIBLE[name] for name in names))
            varied = [replace(facts, **dict(zip(names, each, strict=True))) for each in choices]
            found |= {in_words(it) for it in varied}
            # The next clause is varied beside the longest form of this one.
            facts = max(varied, key=lambda it: len(in_words(it)))
    return found


def languages(language: str) -> tuple[str, ...]:
    """The languages that a word stands for.

    Raises:
        ValueError: none.
    """
    known = {"en": ("en",), "zh": ("zh",), "both": ("en", "zh")}
    if language not in known:
        raise ValueError(f"language is {language!r}; use one of {', '.join(known)}")
    return known[language]
