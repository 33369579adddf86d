"""Letters and digits in many typefaces: what is held out, and detail at every size."""

import sys

import pytest
import torch
from torch.nn import functional as F

from vqlib.data import Glyphs, digits, stack
from vqlib.data.glyphs import CHARACTERS, FACES, NEW_CHARACTERS, NEW_FACES, _font, varied


def test_each_character_in_each_face_is_there_as_often():
    glyphs = Glyphs("train", size=16, copies=2, characters="ABC")
    assert len(glyphs) == 2 * 17 * 3
    assert glyphs.labels.bincount().tolist() == [34, 34, 34]
    assert glyphs.labels[:4].tolist() == [0, 1, 2, 0]
    assert stack(glyphs).flatten(1).unique(dim=0).shape[0] == len(glyphs)  # no two are alike
    assert (CHARACTERS[4], len(CHARACTERS)) == ("E", 62)


def test_faces_and_characters_are_held_out():
    train, held_out, new = (Glyphs(split, copies=1) for split in PARTS)
    assert not {face for _, face in train.what} & {face for _, face in held_out.what}
    assert {face for _, face in new.what} == {face for _, face in train.what}
    assert train.characters == held_out.characters
    assert not set(train.characters) & set(new.characters)
    assert set(train.characters) | set(new.characters) == set(CHARACTERS)
    assert (len(FACES), len(NEW_FACES), NEW_CHARACTERS) == (17, 4, "EOYis2")


PARTS = ("train", "held_out", "new_characters")


def test_every_face_draws_every_character():
    """A font without a character draws the same box for all that it lacks."""
    for face in (*FACES, *NEW_FACES):
        split = "held_out" if face in NEW_FACES else "train"
        glyphs = Glyphs(split, size=24, copies=1, characters=CHARACTERS)
        plain = torch.cat(
            [glyphs.plain(index) for index, what in enumerate(glyphs.what) if what[1] == face]
        )
        assert (plain.flatten(1).amax(1) > 0).all(), face
        assert plain.flatten(1).unique(dim=0).shape[0] == len(CHARACTERS), face


def test_draw_varies_a_glyph_and_numbers_alone_decide_how():
    glyphs = Glyphs(size=32, characters="R", copies=1)
    one, same, other = (glyphs.draw(0, torch.Generator().manual_seed(k)) for k in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert F.cosine_similarity((one + 1).flatten(), (other + 1).flatten(), dim=0) > 0.3


def test_at_twice_the_size_it_is_the_same_picture_with_more_detail():
    small, large = (stack(Glyphs(size=size, characters="ABC", copies=1)) for size in (16, 32))
    assert (F.avg_pool2d(large, 2) - small).abs().mean() < 0.05
    enlarged = F.interpolate(small, scale_factor=2, mode="bilinear")
    lost = (enlarged - large).square().mean()
    x = digits("held_out").images
    again = F.interpolate(F.avg_pool2d(x, 2), scale_factor=2, mode="bilinear")
    assert lost > 10 * (again - x).square().mean()


def test_ink_is_white_and_stays_inside():
    images = stack(Glyphs(size=32, copies=1, characters="WMQgjy"))
    assert images.min() == -1
    assert images.max() <= 1
    assert (images.amax((1, 2, 3)) > 0.5).all()
    edge = torch.cat([images[..., 0, :], images[..., -1, :]], -1)
    assert (edge > 0).float().mean() < 0.01


def test_a_shift_moves_the_ink():
    fine = torch.zeros(64, 64).long().numpy()
    fine[30:34, 30:34] = 255
    x = torch.stack([varied(fine, torch.Generator().manual_seed(k)) for k in range(50)])
    assert x.shape == (50, 1, 16, 16)
    ink = x[:, 0] + 1
    rows = (ink.sum(2) * torch.arange(16)).sum(1) / ink.sum((1, 2))  # where its middle is
    assert 6.4 < rows.min() < 6.9 < 8.1 < rows.max() < 8.6  # up to a pixel each way from 7.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "test"}, "split is 'test'; use 'train', 'held_out' or 'new_characters'"),
        ({"size": 4}, "size is 4; use 8 or more"),
        ({"copies": 0}, "copies is 0; use 1 or more"),
        ({"characters": "AÄ"}, "characters is 'AÄ': 'Ä' is none of them"),
        ({"characters": "AA"}, "characters is 'AA': each once, at least one"),
        ({"characters": ""}, "characters is '': each once"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Glyphs(**options)


def test_without_matplotlib_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    _font.cache_clear()
    with pytest.raises(FileNotFoundError, match="pip install matplotlib"):
        Glyphs(size=16, copies=1)[0]
