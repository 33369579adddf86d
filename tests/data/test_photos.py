"""The bundled photographs: what is there, how it is split, and the depth of the motorcycle."""

import importlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from vqlib.data import motorcycle, photos, photos_and_textures, textures
from vqlib.data.photos import PHOTOS, SPLITS, UNSEEN_PHOTOS, bundled, fill_holes


def test_the_numbers_of_squares_are_those_of_the_docstrings():
    assert [len(photos(split)) for split in SPLITS] == [508, 146, 156]
    assert [len(textures(split)) for split in SPLITS] == [144, 48, 48]
    assert [len(photos_and_textures(split)) for split in SPLITS] == [652, 194, 204]
    assert photos().image_shape == (3, 64, 64)
    assert textures().image_shape == (1, 64, 64)
    assert photos_and_textures().image_shape == textures(channels=3).image_shape == (3, 64, 64)


def test_left_and_right_part_make_up_the_file():
    for load, name in [(photos, "astronaut"), (textures, "brick")]:
        left, right = load("train").pictures[0], load("remainder").pictures[0]
        assert (left.shape[2], right.shape[2]) == (384, 128)
        both = torch.cat([left, right], -1).add(1).mul(127.5).round().permute(1, 2, 0)
        pixels = np.array(Image.open(bundled(f"skimage/data/{name}.png")))
        assert (both.squeeze(-1).numpy() == pixels).all()


def test_every_picture_has_something_to_see():
    for split in SPLITS:
        for part in photos_and_textures(split).pictures:
            assert part.std() > 0.03


def test_unseen_photographs_are_whole_and_nothing_of_them_trains():
    unseen = photos("held_out").pictures
    assert [tuple(picture.shape[1:]) for picture in unseen] == [(512, 512), (300, 451), (400, 600)]
    assert not set(PHOTOS) & set(UNSEEN_PHOTOS)
    assert len(photos("train").pictures) == len(photos("remainder").pictures) == len(PHOTOS) == 12
    for part in photos("train").pictures + photos("remainder").pictures:
        H, W = part.shape[1:]
        for picture in unseen:
            piece = picture[:, :H, :W]
            assert not torch.equal(part[:, : piece.shape[1], : piece.shape[2]], piece)


def test_nothing_is_asked_of_the_network():
    code = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import sys, vqlib.data as d\n"
        "d.photos(); d.textures(); d.motorcycle(); d.faces()\n"
        "print('skimage' in sys.modules, 'sklearn' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False
    )
    assert (done.stdout, done.returncode) == ("False False\n", 0), done.stderr


def test_wrong_arguments_are_named():
    known = "'train', 'held_out', 'remainder'"
    for load in (photos, textures, photos_and_textures):
        with pytest.raises(ValueError, match=f"split is 'test'; use one of {known}"):
            load("test")
    for split, largest in (("train", 288), ("held_out", 300), ("remainder", 96)):
        message = f"size is {largest + 1}; the split '{split}' has squares of 1 to {largest}"
        with pytest.raises(ValueError, match=message):
            photos(split, size=largest + 1)
    with pytest.raises(ValueError, match="channels is 2"):
        textures(channels=2)


def test_a_package_that_is_missing_is_named(monkeypatch):
    module = importlib.import_module("vqlib.data.photos")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install scikit-image"):
        bundled("skimage/data/coffee.png")


def test_the_motorcycle_stands_before_the_wall():
    image, depth = motorcycle()
    assert (image.shape, depth.shape) == ((3, 500, 741), (1, 500, 741))
    assert image.dtype == depth.dtype == torch.float32
    assert (depth.min(), depth.max()) == (-1, 1)
    wall, tank, floor = depth[0, 20:80, 80:150], depth[0, 200:215, 390:440], depth[0, -5:, 300:400]
    assert wall.max() < 0 < tank.min() < tank.max() < floor.min()
    image.zero_(), depth.zero_()
    assert motorcycle()[0].std() > 0 and motorcycle()[1].std() > 0


def test_holes_take_the_farther_neighbour_of_their_row():
    hole = np.inf
    rows = np.array([[hole, 4, hole, hole, 2, hole], [7, np.nan, 9, 1, 1, 1]], np.float32)
    assert fill_holes(rows).tolist() == [[4, 4, 2, 2, 2, 2], [7, 7, 9, 1, 1, 1]]
