"""Procedural landscapes: what they look like, what is known about them, and that it agrees."""

import pickle
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from vqlib.data.images import Images
from vqlib.data.pictures import read_picture, write_picture
from vqlib.data.scenery import LABELS, chinese, english, random_facts
from vqlib.data.scenes import Scene, Scenes, label_edges, scene

SKY, SUN, CLOUD, MOUNTAIN, FOREST, WATER, MEADOW, TREE = range(8)

# A thing, its label, and the words that name it in each language.
WORDS = [
    ("sun", {"sun", "moon"}, {"太阳", "圆月", "新月"}),
    ("cloud", {"cloudy"}, {"云"}),
    ("mountain", {"mountains"}, {"群山", "雪山"}),
    ("forest", {"forest"}, {"森林"}),
    ("water", {"lake"}, {"湖", "湖边"}),
    ("meadow", {"meadow"}, {"草地"}),
    ("tree", {"trees", "pines"}, {"松树", "绿树", "红叶树"}),
]


@cache
def many() -> list[Scene]:
    return [scene(seed) for seed in range(120)]


def share_of_rows(label: int) -> torch.Tensor:
    """Share of the pixels of each row that have a label, over many scenes (64,)."""
    return torch.stack([s.labels == label for s in many()]).float().mean((0, 2))


@given(
    seed=st.integers(0, 100_000),
    height=st.integers(8, 80),
    width=st.integers(8, 80),
)
def test_every_size_keeps_the_contract(seed, height, width):
    s = scene(seed, height=height, width=width)
    assert s.image.shape == (3, height, width)
    assert s.labels.shape == (height, width)
    assert s.depth.shape == s.edges.shape == (1, height, width)
    assert s.image.dtype == s.depth.dtype == s.edges.dtype == torch.float32
    assert s.labels.dtype == torch.int64
    for values in (s.image, s.depth):
        assert values.isfinite().all()
        assert -1 <= values.min() <= values.max() <= 1
    assert 0 <= s.labels.min() <= s.labels.max() < len(LABELS) == 8
    assert (s.image > -1).any(0).all()  # black would be canvas that nothing has covered
    assert (s.depth[0][s.labels <= SUN] == -1).all()
    check_caption(s)


def check_caption(s: Scene) -> None:
    seen = {LABELS[k] for k in s.labels.unique()}
    for thing, in_english, in_chinese in WORDS:
        assert bool(in_english & set(s.caption_words["en"])) == (thing in seen), s.caption["en"]
        assert bool(in_chinese & set(s.caption_words["zh"])) == (thing in seen), s.caption["zh"]


def test_a_scene_depends_on_its_arguments_alone():
    first = scene(7)
    torch.manual_seed(1)
    torch.rand(5)
    again = scene(7)
    for field in ("image", "labels", "depth", "edges"):
        assert torch.equal(getattr(first, field), getattr(again, field)), field
    assert (first.facts, first.caption) == (again.facts, again.caption)
    assert all((first.image - scene(seed).image).abs().mean() > 0.1 for seed in (6, 8))


def test_seeds_mean_what_they_meant():
    """Trained weights depend on the pictures: changing them means training again."""
    s = scene(1)
    assert s.caption["en"] == (
        "snowy mountains and a forest behind a lake by day, a cloudy sky, "
        "a snowy meadow with pines on the left"
    )
    assert s.caption["zh"] == "白天，湖边有雪山和森林，天上有云，近处是盖着雪的草地，左边长着松树"
    mean = torch.stack([s.image for s in many()]).mean((0, 2, 3))
    assert torch.allclose(mean, torch.tensor([-0.0244, -0.0082, -0.0324]), atol=0.002), mean


def test_facts_of_ones_own_change_what_they_say():
    facts = replace(scene(4).facts, time="day", sun=None, clouds=False)
    for seed in range(3):
        day, dusk = (scene(seed, facts=replace(facts, time=t)) for t in ("day", "dusk"))
        assert torch.equal(day.labels, dusk.labels), "the same landscape at another time"
        assert dusk.image.mean() < day.image.mean()
        assert (day.facts.time, dusk.facts.time) == ("day", "dusk")
        assert "黄昏" in dusk.caption["zh"]


def test_a_scene_is_the_same_after_it_was_saved(tmp_path):
    for s in many()[:5]:
        write_picture(s.image, tmp_path / "scene.png")
        assert torch.equal(read_picture(tmp_path / "scene.png", channels=3), s.image)


@pytest.mark.parametrize("size", [(32, 32), (128, 128)])
def test_another_size_is_the_same_landscape(size):
    for seed in range(8):
        small, large = sorted((64, size[0]))
        fine = scene(seed, height=large, width=large).image
        coarse = scene(seed, height=small, width=small).image
        other = scene(seed + 1, height=small, width=small).image
        fine = F.avg_pool2d(fine, large // small)
        assert (fine - coarse).abs().mean() < 0.1 < (fine - other).abs().mean()


def test_a_wide_picture_shows_more_and_stretches_nothing():
    """Height and width of the sun are the same, and so are the facts of the whole."""
    checked = 0
    for seed in range(20):
        square, wide = scene(seed), scene(seed, width=192)
        for fact in ("time", "mountains", "forest", "lake", "meadow", "trees", "side"):
            assert getattr(wide.facts, fact) == getattr(square.facts, fact), (seed, fact)
        rows, columns = (wide.labels == SUN).nonzero(as_tuple=True)
        if len(rows) and not wide.facts.crescent and not wide.facts.clouds:
            width = columns.max() - columns.min() + 1
            assert 4 <= width <= 0.15 * 64
            checked += 1
    assert checked >= 3


def test_colors_agree_with_labels():
    for s in many():
        blue = s.image[2] - s.image[0]
        if s.facts.time == "day":
            assert blue[s.labels == SKY].mean() > blue[s.labels == MEADOW].mean() + 0.1
        if s.facts.meadow in ("green", "flowery") and s.facts.time in ("day", "dawn"):
            red, green, _ = s.image[:, s.labels == MEADOW].mean(1)
            assert green > red
        if SUN in s.labels:  # the brightest thing in the sky, unless it is red
            red = s.image[0]
            assert red[s.labels == SUN].mean() > red[s.labels == SKY].mean()
    by_time = {t: [s.image.mean() for s in many() if s.facts.time == t] for t in ("day", "night")}
    assert max(by_time["night"]) < min(by_time["day"])


def test_near_things_are_nearer():
    layers = [(SKY, SUN), (CLOUD,), (MOUNTAIN,), (FOREST,), (WATER, MEADOW, TREE)]
    for s in many():
        depths = [s.depth[0][torch.isin(s.labels, torch.tensor(layer))] for layer in layers]
        depths = [d for d in depths if len(d)]
        for far, near in pairwise(depths):
            assert far.max() < near.min()
        ground = (s.labels == WATER) | (s.labels == MEADOW)
        both = ground[:-1] & ground[1:]
        assert (s.depth[0].diff(dim=0)[both] >= 0).all()  # the lower, the nearer


def test_statistics_differ_by_height():
    sky, water, meadow = share_of_rows(SKY), share_of_rows(WATER), share_of_rows(MEADOW)
    assert sky[:8].min() > 0.5
    assert sky[38:].max() == 0  # the horizon is at 58 % of the height at most
    assert share_of_rows(SUN)[32:].max() == 0
    assert water[:22].max() == meadow[:20].max() == 0
    assert meadow[56:].min() > 0.6
    rows = torch.arange(64.0)
    trees, mountains = share_of_rows(TREE), share_of_rows(MOUNTAIN)
    assert (trees * rows).sum() / trees.sum() > 35 > (mountains * rows).sum() / mountains.sum()


def test_sides_in_the_caption_are_sides_of_the_picture():
    across = torch.linspace(0, 1, 64).expand(64, 64)
    in_chinese = {"left": "左边", "middle": "中间", "right": "右边"}
    bounds = {"left": (0, 0.4), "middle": (0.35, 0.65), "right": (0.6, 1)}
    for s in many():
        for side, label in ((s.facts.sun, SUN), (s.facts.side, TREE)):
            if side in bounds:
                low, high = bounds[side]
                assert low <= across[s.labels == label].mean() <= high
        for side in {s.facts.sun, s.facts.side} - {None, "both"}:
            assert side in s.caption_words["en"]
            assert in_chinese[side] in s.caption_words["zh"]


def test_both_languages_state_all_facts():
    """Facts, English and Chinese captions correspond one to one, whatever can be seen."""
    rng = np.random.default_rng(0)
    triples = set()
    for _ in range(1500):
        seen = {thing for thing, _, _ in WORDS if rng.random() < 0.9}
        facts = random_facts(rng).seen(seen)
        triples.add((facts, english(facts), chinese(facts)))
    assert len(triples) > 500
    for part in range(3):
        assert len({triple[part] for triple in triples}) == len(triples)


def test_captions_have_a_small_vocabulary():
    rng = np.random.default_rng(0)
    captions = [random_facts(rng) for _ in range(500)]
    for write in (english, chinese):
        words = {word for facts in captions for word in write(facts)}
        assert 20 < len(words) <= 60
    for s in many()[:50]:
        assert s.caption["en"].replace(",", " ,").split() == list(s.caption_words["en"])
        assert s.caption["zh"] == "".join(s.caption_words["zh"])


def test_edges_are_where_labels_change():
    labels = torch.tensor([[0, 0, 1], [0, 0, 1], [2, 2, 2]])
    expected = torch.tensor([[-1.0, 1, -1], [1, 1, 1], [-1, -1, -1]])
    assert torch.equal(label_edges(labels), expected)
    assert torch.equal(label_edges(torch.stack([labels] * 2)), torch.stack([expected] * 2))
    assert all(torch.equal(s.edges[0], label_edges(s.labels)) for s in many()[:20])


def test_the_data_set_keeps_the_contract():
    data = Scenes(count=3, height=16, width=24)
    assert isinstance(data, Images)
    assert (len(data), data.image_shape) == (3, (3, 16, 24))
    assert len(list(data)) == 3  # iteration ends with an IndexError
    assert torch.equal(data[-1], data[2])
    assert torch.equal(data[1], data.scene(1).image)
    for index in (3, -4):
        with pytest.raises(IndexError):
            data[index]
    generator = torch.Generator().manual_seed(0)
    drawn = [data.draw(0, generator) for _ in range(12)]
    same = [torch.equal(image, data[0]) for image in drawn]
    mirrored = [torch.equal(image, data[0].flip(-1)) for image in drawn]
    assert all(a != b for a, b in zip(same, mirrored, strict=True))
    assert 2 <= sum(same) <= 10
    assert torch.equal(pickle.loads(pickle.dumps(data))[0], data[0])
    assert repr(data) == "Scenes('train', 3 scenes, 16×24)"


def test_splits_share_no_scene():
    train, held_out = Scenes("train", count=1000), Scenes("held_out", count=1000)
    assert not set(train.seeds) & set(held_out.seeds)
    assert len(set(train.seeds)) == len(set(held_out.seeds)) == 1000
    pictures = [data[i] for data in (train, held_out) for i in range(20)]
    pictures = torch.stack(pictures).flatten(1)
    assert (torch.cdist(pictures, pictures) + 1e9 * torch.eye(40)).min() > 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Scenes("test", count=1), "split is 'test'; use 'train' or 'held_out'"),
        (lambda: Scenes(count=0), "count is 0; use 1 or more"),
        (lambda: Scenes(count=1, height=7), "height is 7; a scene needs 8 pixels or more"),
        (lambda: Scenes(count=1, width=0), "width is 0; a scene needs 8 pixels or more"),
        (lambda: scene(0, width=4), "width is 4; a scene needs 8 pixels or more"),
        (lambda: scene(-1), "seed is -1; use 0 or more"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
