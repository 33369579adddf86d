"""Data sets by name: each gives what is asked for, and what it lacks is named."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from vqlib.data import FolderImages, digits
from vqlib.data.catalogue import BUNDLED, DOWNLOADED, FIXED_FLIP, NUM_SCENES, open_images
from vqlib.data.images import Images

GREY = {"digits", "faces", "glyphs", "textures", "mnist"}
FIXED = {"mnist", "cifar10"}  # 32×32


def check(images: Images, channels: int, size: int) -> None:
    """The contract, on the first and the last image and a draw."""
    assert isinstance(images, Images)
    assert images.image_shape == (channels, size, size)
    generator = torch.Generator().manual_seed(0)
    for image in (images[0], images[-1], images.draw(len(images) - 1, generator)):
        assert image.shape == (channels, size, size)
        assert image.dtype == torch.float32
        assert -1 <= image.min() < image.max() <= 1


@pytest.mark.parametrize("size", [32, 48])
@pytest.mark.parametrize("name", BUNDLED)
def test_what_comes_with_the_packages_has_the_size_that_is_asked(name, size):
    channels = 1 if name in GREY else 3
    train = open_images(name, "train", size=size, channels=channels)
    held_out = open_images(name, "held_out", size=size)
    check(train, channels, size)
    check(held_out, channels, size)
    assert len(train) > len(held_out) > 1
    assert not torch.equal(train[0], held_out[0])


def test_scenes_are_as_many_as_stated():
    assert {split: len(open_images("scenes", split, size=8)) for split in NUM_SCENES} == NUM_SCENES


@pytest.mark.parametrize("name", DOWNLOADED)
def test_what_is_downloaded_is_found_under_the_root(name, stand_in_data):
    root = stand_in_data / "imagenet" if name == "imagenet" else stand_in_data
    size, channels = 32 if name in FIXED else 40, 1 if name in GREY else 3
    for split in ("train", "held_out"):
        check(open_images(name, split, size=size, channels=channels, root=root), channels, size)


def test_no_name_stands_for_two_data_sets():
    assert set(BUNDLED).isdisjoint(DOWNLOADED)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The current folder; a folder in it holds twenty red pictures and is called digits."""
    monkeypatch.chdir(tmp_path)
    Path("digits").mkdir()
    for number in range(20):
        Image.new("RGB", (9 + number, 12), "red").save(f"digits/{number:02d}.png")
    return tmp_path


def test_a_folder_may_have_the_name_of_a_data_set(folder):
    by_name = open_images("digits", "train", size=16)
    assert torch.equal(by_name[0], digits("train", image_size=16).images[0])
    for name in ("./digits", folder / "digits", str(folder / "digits")):
        images = open_images(name, "all", size=16)
        assert isinstance(images, FolderImages)
        assert (len(images), images.image_shape) == (20, (3, 16, 16))
        assert images[0].mean(dim=(1, 2)).tolist() == [1, -1, -1]


def test_a_folder_has_the_channels_and_the_split_that_are_asked(folder):
    for channels in (1, 3):
        sizes = []
        for split in ("train", "held_out", "all"):
            images = open_images("./digits", split, size=8, channels=channels)
            assert images.image_shape == (channels, 8, 8)
            sizes.append(len(images))
        assert sizes[0] + sizes[1] == sizes[2] == 20
        assert 0 < sizes[1] < sizes[0]


def test_what_is_to_happen_to_broken_pictures_is_passed_on(folder):
    (folder / "digits" / "00.png").write_text("these are words")
    with pytest.raises(ValueError, match=r"1 of 20 pictures cannot be read: 00\.png"):
        open_images("./digits", "all", size=8)
    images = open_images("./digits", "all", size=8, broken="skip")
    assert (len(images), [path.name for path, _ in images.skipped]) == (19, ["00.png"])


def test_mirroring_of_a_folder_can_be_chosen(folder):
    slope = torch.arange(240, dtype=torch.uint8).view(1, 240).expand(240, 240).numpy()
    for path in (folder / "digits").iterdir():
        Image.fromarray(slope).save(path)
    for flip, expected in ((None, {True, False}), (True, {True, False}), (False, {True})):
        images = open_images("./digits", "all", size=8, channels=1, flip=flip)
        drawn = [images.draw(0, torch.Generator().manual_seed(seed)) for seed in range(20)]
        assert {bool(image[0, 0, -1] > image[0, 0, 0]) for image in drawn} == expected


@pytest.mark.parametrize("name", [*BUNDLED, *DOWNLOADED])
def test_mirroring_of_a_data_set_can_be_chosen_or_is_named(name, stand_in_data):
    root = stand_in_data / "imagenet" if name == "imagenet" else stand_in_data
    for flip in (None, False, True):
        if flip is not None and FIXED_FLIP.get(name, flip) != flip:
            with pytest.raises(ValueError, match=f"flip is {flip}; {name} .*(never|always)"):
                open_images(name, "train", size=32, root=root, flip=flip)
            continue
        images = open_images(name, "train", size=32, root=root, flip=flip)
        drawn = [images.draw(1, torch.Generator().manual_seed(seed)) for seed in range(20)]
        if name in FIXED_FLIP or name in ("faces", "cifar10"):  # whole images
            mirrored = any(torch.equal(image, images[1].flip(-1)) for image in drawn)
            usual = FIXED_FLIP.get(name, True)
            assert mirrored == (usual if flip is None else flip)
        else:
            assert images.flip == (flip is not False)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="data is 'digit': no such folder") as refused:
        open_images("digit", "train", size=32)
    assert str(refused.value).endswith(", ".join([*BUNDLED, *DOWNLOADED]))


@pytest.mark.parametrize("split", ["all", "test", ""])
@pytest.mark.parametrize("name", [*BUNDLED, *DOWNLOADED])
def test_a_data_set_has_two_splits(name, split, tmp_path):
    with pytest.raises(ValueError, match=f"split is '{split}'; {name} has 'train' and 'held_out'"):
        open_images(name, split, size=32, root=tmp_path)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("digits", {"channels": 3}, "digits has images with 1 channels, 3 are needed"),
        ("scenes", {"channels": 1}, "scenes has images with 3 channels, 1 are needed"),
        ("mnist", {"size": 28}, "size is 28; mnist has images of 32×32 pixels only"),
        ("cifar10", {"size": 64}, "size is 64; cifar10 has images of 32×32 pixels only"),
        ("digits", {"size": 4}, "8×8"),
        ("photos", {"size": 400}, "size is 400"),
    ],
)
def test_what_a_data_set_does_not_have_is_named(name, options, message, stand_in_data):
    with pytest.raises(ValueError, match=message):
        open_images(name, "train", **{"size": 32, "root": stand_in_data, **options})


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="this is a file"):
        open_images(tmp_path / "a.png", "train", size=32)
