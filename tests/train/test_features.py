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
    disturbed,
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
    few = [piece_sources("train")[i] for i in (3, 10, 13)]  # galaxies, grass, the digit 1
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
    sources, labels = piece_sources("train"), torch.arange(22)
    x, again, other = (draw_pieces(sources, labels, seed=seed) for seed in (1, 1, 2))
    assert (x.shape, x.dtype) == ((22, 3, PIECE, PIECE), torch.float32)
    assert (x.min() >= -1, x.max() <= 1) == (True, True)
    assert torch.equal(x, again)
    assert (x != other).flatten(1).any(1).all()


def test_one_piece_in_ten_is_grey_and_all_keep_their_shape():
    generator = torch.Generator().manual_seed(0)
    x = 0.2 * torch.randn(3, 8, 8, generator=generator)
    pieces = torch.stack([disturbed(x, generator) for _ in range(400)])
    grey = (pieces == pieces[:, :1]).flatten(1).all(1)
    assert 0.05 < grey.float().mean() < 0.15
    likeness = torch.stack([_likeness(x, piece) for piece in pieces[~grey]])
    assert (likeness > 0.95).float().mean() > 0.4  # those whose channels are not mixed
    assert likeness.median() > 0.9


def _likeness(x, piece):
    """Correlation of two pictures' first channels."""
    return torch.corrcoef(torch.stack([x[0].flatten(), piece[0].flatten()]))[0, 1]
