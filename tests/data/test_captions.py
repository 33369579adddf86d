"""Landscapes and their captions: the right words beside each picture, and never mirrored."""

import pickle

import numpy as np
import pytest
import torch

from vqlib.data.captions import POSSIBLE, WORDS, CaptionedScenes, vocabulary
from vqlib.data.images import Images
from vqlib.data.scenery import Facts
from vqlib.data.scenes import Scenes

OPTIONS = {"count": 5, "height": 16, "width": 16, "progress": False}


@pytest.mark.parametrize("language", ["en", "zh", "both"])
def test_each_picture_has_its_caption(language):
    images = CaptionedScenes("held_out", language=language, **OPTIONS)
    assert isinstance(pickle.loads(pickle.dumps(images)), Images)
    languages = ["en", "zh"] if language == "both" else [language]
    assert len(images) == len(images.captions) == 5 * len(languages)
    scenes = Scenes("held_out", count=5, height=16, width=16)
    for number, name in enumerate(languages):
        for i in range(5):
            scene, index = scenes.scene(i), 5 * number + i
            assert images.captions[index] == scene.caption[name]
            assert (images[index] - scene.image).abs().max() <= 1 / 255
    with pytest.raises(IndexError):
        images[len(images)]


def test_nothing_is_mirrored():
    images = CaptionedScenes(**OPTIONS)
    for seed in range(10):
        drawn = images.draw(2, torch.Generator().manual_seed(seed))
        assert torch.equal(drawn, images[2])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_vocabulary_has_every_word_and_the_longest_caption(language):
    known = vocabulary(language)
    assert known < vocabulary("both")
    words, longest = {word for words in known for word in words}, max(map(len, known))
    everything = [WORDS[language](it) for it in some_facts()]
    assert {word for caption in everything for word in caption} == words
    assert max(map(len, everything)) == longest


def some_facts() -> list[Facts]:
    """The most and the least telling facts, and many between."""
    rng = np.random.default_rng(0)
    drawn = [[rng.choice(len(it)) for it in POSSIBLE.values()] for _ in range(3000)]
    return [
        Facts(**{name: it[i] for (name, it), i in zip(POSSIBLE.items(), each, strict=True)})
        for each in drawn
    ]


def test_a_language_that_is_not_known():
    with pytest.raises(ValueError, match="language is 'fr'; use one of en, zh, both"):
        CaptionedScenes(language="fr", **OPTIONS)
