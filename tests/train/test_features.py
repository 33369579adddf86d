"""The offline networks: their recipe, its data, and whether the saved ones are as recorded."""

import math
from statistics import mean

import pytest
import torch

from tests.train.small import QUIET
from vqlib.course.pretrained import load_pretrained, pretrained_record
from vqlib.course.training.features import NAMES
from vqlib.train import features
from vqlib.train.features import (
    PIECE,
    FeatureRecipe,
    draw_pieces,
    feature_accuracy,
    piece_sources,
    train_feature_net,
)


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_network_is_as_good_as_recorded(name):
    held_out = pretrained_record(name)["held_out"]
    accuracy = feature_accuracy(load_pretrained(name), pieces=held_out["pieces"])
    assert accuracy == pytest.approx(held_out["accuracy"], abs=0.01)


def test_a_few_steps_lower_the_loss(monkeypatch):
    few = [piece_sources("train")[i] for i in (4, 13, 16)]  # galaxies, grass, the digit 1
    monkeypatch.setattr(features, "piece_sources", lambda split: few)
    seeds = set()

    def draw(*arguments, seed):
        seeds.add(seed)
        return draw_pieces(*arguments, seed=seed)

    monkeypatch.setattr(features, "draw_pieces", draw)
    recipe = FeatureRecipe(batch_size=16, steps=60, learning_rate=3e-3, warmup_steps=5, log_every=1)
    trained = train_feature_net(recipe, **QUIET)
    assert trained.history[0]["loss"] == pytest.approx(math.log(3), abs=0.1)  # nothing known yet
    loss, accuracy = (
        mean(entry[k] for entry in trained.history[-10:]) for k in ("loss", "accuracy")
    )
    assert loss < 0.75
    assert accuracy > 0.6
    assert not trained.model.training
    assert trained.model.config.num_classes == 3
    assert len(seeds) == 60  # other pieces at every step


def test_pieces_are_fixed_by_their_seed_and_seldom_alike():
    sources, labels = piece_sources("train"), torch.arange(25)
    x, again, other = (draw_pieces(sources, labels, seed=seed) for seed in (1, 1, 2))
    assert (x.shape, x.dtype) == ((25, 3, PIECE, PIECE), torch.float32)
    assert (x.min() >= -1, x.max() <= 1) == (True, True)
    assert torch.equal(x, again)
    assert (x != other).flatten(1).any(1).all()


def test_classes_are_told_by_parts_of_the_same_pictures_that_do_not_train():
    assert len(piece_sources("train")) == len(piece_sources("held_out")) == 25
    train, held_out = (piece_sources(split)[0].pictures[0] for split in ("train", "held_out"))
    assert (train.shape, held_out.shape) == ((3, 512, 384), (3, 512, 128))
    whole = torch.cat([train, held_out], -1)
    assert (whole[..., 383] - whole[..., 384]).abs().mean() < 0.1  # they meet at the border
