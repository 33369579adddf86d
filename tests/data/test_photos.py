"""The bundled photographs: what is there, how it is split, and the depth of the motorcycle."""

import socket
import subprocess
import sys

import numpy as np
import pytest
import torch

from vqlib.data import motorcycle, photos, photos_and_textures, stack, textures
from vqlib.data.photos import bundled, fill_holes


def test_the_numbers_of_squares_are_those_of_the_docstrings():
    assert [len(photos(split)) for split in ("train", "held_out")] == [388, 114]
    assert [len(textures(split)) for split in ("train", "held_out")] == [144, 48]
    assert [len(photos_and_textures(split)) for split in ("train", "held_out")] == [532, 162]
    assert photos().image_shape == (3, 64, 64)
    assert textures().image_shape == (1, 64, 64)
    assert photos_and_textures().image_shape == textures(channels=3).image_shape == (3, 64, 64)


@pytest.mark.parametrize(("load", "pictures"), [(photos, 9), (textures, 3)])
def test_the_held_out_part_continues_where_the_training_part_ends(load, pictures):
    train, held_out = load("train").pictures, load("held_out").pictures
    assert len(train) == len(held_out) == pictures
    for left, right in zip(train, held_out, strict=True):
        width = left.shape[2] + right.shape[2]
        assert left.shape[2] == width * 3 // 4
        seam = (left[:, :, -1] - right[:, :, 0]).abs().mean()
        across = (left[:, :, 0] - right[:, :, -1]).abs().mean()
        assert seam < across  # neighbours in one picture are alike
    assert 0.1 < stack(load("held_out")).std() < 1


def test_the_pixels_are_those_of_the_files():
    from PIL import Image

    pixels = np.array(Image.open(bundled("skimage/data/astronaut.png")))
    first = photos("train", size=300)[0]
    assert (first.add(1).mul(127.5).round().permute(1, 2, 0).numpy() == pixels[:300, :300]).all()


def test_nothing_is_asked_of_the_network(monkeypatch):
    code = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import sys, vqlib.data as d\n"
        "d.photos(); d.textures(); d.motorcycle(); d.faces()\n"
        "print('skimage' in sys.modules, 'sklearn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert (done.stdout, done.returncode) == ("False False\n", 0), done.stderr
    assert socket.socket.connect  # this process is as it was


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"split is 'test'; use 'train' or 'held_out'"):
        photos("test")
    with pytest.raises(ValueError, match="size is 128; the split 'held_out' has squares of 1 to 113"):
        photos("held_out", size=128)
    with pytest.raises(ValueError, match="channels is 2"):
        textures(channels=2)


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("vqlib.data.photos.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install scikit-image"):
        bundled("skimage/data/coffee.png")


def test_the_motorcycle_stands_before_the_wall():
    image, depth = motorcycle()
    assert (image.shape, depth.shape) == ((3, 500, 741), (1, 500, 741))
    assert image.dtype == depth.dtype == torch.float32
    assert (depth.min(), depth.max()) == (-1, 1)
    wall, tank, floor = depth[0, 20:80, 80:150], depth[0, 215:245, 400:440], depth[0, -5:, 300:400]
    assert wall.max() < -0.3 < 0.3 < tank.min() < tank.max() < floor.min()
    image.zero_(), depth.zero_()
    assert motorcycle()[0].std() > 0 and motorcycle()[1].std() > 0


def test_holes_take_the_farther_neighbour_of_their_row():
    hole = np.inf
    rows = np.array([[hole, 4, hole, hole, 2, hole], [7, np.nan, 9, 1, 1, 1]], np.float32)
    assert fill_holes(rows).tolist() == [[4, 4, 2, 2, 2, 2], [7, 7, 9, 1, 1, 1]]
