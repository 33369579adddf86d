"""A folder of pictures as users have them: nested, mixed, and partly broken."""

import os
import random
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.data.odd_pictures import encoded, exif, scene, stored, write_odd_pictures
from vqlib.data import FolderImages, stack
from vqlib.data.photos import bundled
from vqlib.data.pictures import picture_extensions
from vqlib.data.splits import choose_split, is_held_out
from vqlib.data.unread import ADVICE, unread_lines


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def put(path: Path, colour: str = "red", size: tuple[int, int] = (20, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, "PNG")
    return path


def spoil(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("these are words")
    return path


def test_all_pictures_below_are_found_in_order_and_nothing_else(tmp_path):
    for name in ("b.png", "a/z.JPG", "a/b/c.webp", "Z.TIFF", "ü 图.gif", "10.png", "9.png"):
        put(tmp_path / name)
    for name in (".hidden.png", ".git/x.png", "__MACOSX/x.png", "a/._z.JPG"):
        put(tmp_path / name)
    spoil(tmp_path / "notes.txt")
    (tmp_path / "d.png").mkdir()
    images = FolderImages(tmp_path, 8, progress=False)
    assert images.names == [
        "10.png",
        "9.png",
        "Z.TIFF",
        "a/b/c.webp",
        "a/z.JPG",
        "b.png",
        "ü 图.gif",
    ]
    assert images.skipped == []
    assert stack(images).shape == (7, 3, 8, 8)


def test_links_are_followed_but_never_in_circles(tmp_path):
    put(tmp_path / "elsewhere" / "a.png")
    folder = tmp_path / "pictures"
    put(folder / "sub" / "b.png")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "sub" / "up").symlink_to(folder)
    (folder / "c.png").symlink_to(folder / "sub" / "b.png")
    assert FolderImages(folder, 8).names == ["c.png", "link/a.png", "sub/b.png"]


@pytest.mark.parametrize("size", [(40, 20), (20, 40)])
def test_an_image_is_the_centred_square(tmp_path, size):
    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    middle_x, middle_y = width // 2, height // 2
    pixels[middle_y - 10 : middle_y + 10, middle_x - 10 : middle_x + 10] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (FolderImages(tmp_path, 20)[0] == 1).all()
    assert (FolderImages(tmp_path, 5)[0][:, 1:-1, 1:-1] > 0.95).all()


def test_small_pictures_are_enlarged_and_one_pixel_is_enough(tmp_path):
    put(tmp_path / "a.png", "blue", (1, 1))
    put(tmp_path / "b.png", "blue", (3, 700))
    images = FolderImages(tmp_path, 16)
    blue = torch.tensor([-1.0, -1.0, 1.0]).view(3, 1, 1).expand(3, 16, 16)
    for index in range(2):
        assert torch.equal(images[index], blue)
        assert torch.equal(images.draw(index, seeded(0)), blue)


def test_colour_and_grey_are_converted(tmp_path):
    put(tmp_path / "a.png", "white")
    Image.new("L", (9, 9), 255).save(tmp_path / "b.png")
    for channels in (1, 3):
        images = FolderImages(tmp_path, 4, channels=channels)
        assert images.image_shape == (channels, 4, 4)
        assert torch.equal(stack(images), torch.ones(2, channels, 4, 4))


def test_turned_pictures_are_cut_upright(tmp_path):
    upright = scene(random.Random(0))
    for orientation in range(1, 9):
        data = encoded(stored(upright, orientation), "PNG", exif=exif(orientation))
        (tmp_path / f"{orientation}.png").write_bytes(data)
    images = stack(FolderImages(tmp_path, 8))
    assert all(torch.equal(image, images[0]) for image in images)


def test_drawing_varies_place_size_and_side(tmp_path):
    slope = np.linspace(0, 255, 60).astype(np.uint8)
    Image.fromarray(np.tile(slope, (40, 1))).save(tmp_path / "a.png")
    images, generator = FolderImages(tmp_path, 10, channels=1), seeded(0)
    drawn = torch.stack([images.draw(0, generator)[0, 5] for _ in range(100)])
    rises = drawn[:, -1] > drawn[:, 0]
    assert 25 < rises.sum() < 75
    steps = (drawn[:, -1] - drawn[:, 0]).abs()
    assert steps.max() / steps.min() > 1.15  # 1 to 1.25 times the size
    assert drawn.mean(1).std() > 0.03
    never = FolderImages(tmp_path, 10, channels=1, flip=False)
    assert all((d := never.draw(0, generator)[0, 5])[-1] > d[0] for _ in range(30))


@pytest.mark.parametrize("size", [32, 200])
def test_large_photos_look_the_same_when_decoded_small(tmp_path, size):
    with Image.open(bundled("skimage/data/brick.png")) as photo:
        large = photo.convert("RGB").resize((1024, 900), Image.Resampling.BICUBIC)
    large.save(tmp_path / "a.jpg", quality=95)
    large.save(tmp_path / "b.png")
    images = FolderImages(tmp_path, size)
    assert (images[0] - images[1]).abs().mean() < 0.01  # for measuring: decoded in full
    jpeg, exact = (images.draw(index, seeded(0)) for index in range(2))
    assert (jpeg - exact).abs().mean() < 0.04 < 0.1 < exact.std()


# Splits


def test_a_split_holds_for_a_name_whatever_else_is_there(tmp_path):
    for number in range(60):
        put(tmp_path / f"{number}.png", size=(4, 4))
    held_out = FolderImages(tmp_path, 4, split="held_out", check=False).names
    train = FolderImages(tmp_path, 4, split="train", check=False).names
    assert sorted(held_out + train) == FolderImages(tmp_path, 4, check=False).names
    assert held_out and not set(held_out) & set(train)
    for number in range(60, 120):
        put(tmp_path / f"{number}.png", size=(4, 4))
    assert set(held_out) <= set(FolderImages(tmp_path, 4, split="held_out", check=False).names)
    assert set(train) <= set(FolderImages(tmp_path, 4, split="train", check=False).names)
    # The same on every machine and in every version, or else trained models would be measured
    # on what they have seen.
    assert [number for number in range(30) if is_held_out(f"{number}.png")] == [0, 6, 8]


def test_one_picture_in_ten_is_held_out():
    names = [f"folder/{number}.jpg" for number in range(20_000)]
    assert abs(len(choose_split(names, "held_out")) - 2000) < 150


@given(st.lists(st.text(max_size=8), unique=True))
def test_every_name_is_in_exactly_one_split(names):
    assert sorted(choose_split(names, "train") + choose_split(names, "held_out")) == sorted(names)
    assert choose_split(names, "all") == names


def test_a_split_that_gets_nothing_is_named(tmp_path):
    put(tmp_path / "1.png")
    message = r"none of its 1 pictures is held out .* one in 10 .* into a subfolder held_out$"
    with pytest.raises(ValueError, match=message):
        FolderImages(tmp_path, 8, split="held_out")
    put(tmp_path / "1.png").rename(tmp_path / "0.png")
    with pytest.raises(ValueError, match="all of its 1 pictures are held out; add others"):
        FolderImages(tmp_path, 8, split="train")


def test_a_folder_of_this_name_is_held_out_and_moves_none_of_the_others(tmp_path):
    for number in range(30):
        put(tmp_path / "cats" / f"{number}.png", size=(4, 4))
    before = FolderImages(tmp_path, 4, split="train").names
    chosen = ("held_out/a.png", "cats/held_out/b.png", "cats/held_out/c/d.png")
    for name in (*chosen, "held_out.png", "not_held_out/f.png"):
        put(tmp_path / name, size=(4, 4))
    held_out = FolderImages(tmp_path, 4, split="held_out").names
    train = FolderImages(tmp_path, 4, split="train").names
    assert set(chosen) <= set(held_out) and not set(before) & set(held_out)
    assert set(before) <= set(train) and not set(chosen) & set(train)
    assert not is_held_out("held_out.png") and not is_held_out("not_held_out/f.png")


# Broken pictures


def test_broken_pictures_are_refused_all_at_once(tmp_path):
    put(tmp_path / "good.png")
    for number in range(5):
        spoil(tmp_path / f"{number}.png")
    with pytest.raises(ValueError) as refused:
        FolderImages(tmp_path, 8)
    assert str(refused.value) == (
        f"{tmp_path}: 5 of 6 pictures cannot be read: 0.png (not a picture in a format Pillow "
        "reads), 1.png (not a picture in a format Pillow reads), 2.png (not a picture in a format "
        "Pillow reads) and 2 more; repair or remove them, or leave them out (broken: skip)"
    )


def test_broken_pictures_can_be_skipped_and_are_listed(tmp_path):
    put(tmp_path / "a.png")
    bad = spoil(tmp_path / "sub" / "b.png")
    images = FolderImages(tmp_path, 8, broken="skip")
    assert images.names == ["a.png"]
    assert images.skipped == [(bad, "not a picture in a format Pillow reads")]
    assert "skipped sub/b.png (not a picture" in repr(images)


def test_unchecked_broken_pictures_come_to_light_when_read(tmp_path):
    put(tmp_path / "a.png", "white")
    bad, _ = spoil(tmp_path / "b.png"), put(tmp_path / "c.png", "black")
    refusing = FolderImages(tmp_path, 8, check=False)
    assert len(refusing) == 3 and (refusing[0] == 1).all()
    for read in (lambda: refusing[1], lambda: refusing.draw(1, seeded(0))):
        with pytest.raises(ValueError, match=f"^{bad}: not a picture"):
            read()
    skipping = FolderImages(tmp_path, 8, check=False, broken="skip")
    assert (skipping[1] == -1).all() and (skipping.draw(1, seeded(0)) == -1).all()
    (tmp_path / "c.png").unlink()
    assert (skipping[1] == 1).all()  # the next one is the first
    with pytest.raises(FileNotFoundError, match=r"c\.png: no such file"):
        refusing[2]


def test_skipping_ends_when_nothing_can_be_read(tmp_path):
    for number in range(150):
        spoil(tmp_path / f"{number:03d}.png")
    images = FolderImages(tmp_path, 8, check=False, broken="skip")
    with pytest.raises(
        ValueError, match=r"109\.png: cannot be read, nor can the 99 pictures before"
    ):
        images[10]
    with pytest.raises(ValueError, match="150 of 150 pictures cannot be read"):
        FolderImages(tmp_path, 8, broken="skip", progress=False)


def test_a_folder_that_may_not_be_listed_is_treated_as_broken(tmp_path, monkeypatch):
    put(tmp_path / "a.png"), put(tmp_path / "lost+found" / "b.png")
    scandir = os.scandir

    def guarded(path):
        if str(path).endswith("lost+found"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(ValueError, match=r"lost\+found \(Permission denied\)"):
        FolderImages(tmp_path, 8)
    images = FolderImages(tmp_path, 8, broken="skip")
    assert images.names == ["a.png"]
    assert images.skipped == [(tmp_path / "lost+found", "Permission denied")]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_folder_of_200_odd_files(tmp_path, seed, capfd):
    folder = tmp_path / "odd"
    verdicts = write_odd_pictures(folder, seed=seed, count=200)
    broken = {path for path, verdict in verdicts.items() if verdict == "broken"}
    good = {path.name for path, verdict in verdicts.items() if verdict == "good"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=r"of \d+ pictures cannot be read: ") as refused:
            FolderImages(folder, 16, progress=False)
        assert str(folder) in str(refused.value) and "\n" not in str(refused.value)
        images = FolderImages(folder, 16, broken="skip", progress=False)
        skipped = {path for path, _ in images.skipped}
        assert broken <= skipped and good <= set(images.names)
        assert all(reason and "\n" not in reason for _, reason in images.skipped)
        generator = seeded(0)
        for index in range(len(images)):
            for image in (images[index], images.draw(index, generator)):
                assert image.shape == (3, 16, 16)
                assert -1 <= image.min() <= image.max() <= 1
        late = FolderImages(folder, 16, broken="skip", check=False)
        assert len(late) == len(images) + len(skipped)
        assert torch.isfinite(stack(late)).all()
        strict = FolderImages(folder, 16, check=False)
        for index, name in enumerate(strict.names):
            if folder / name in skipped:
                with pytest.raises((ValueError, OSError)) as error:
                    strict[index]
                assert str(folder / name) in str(error.value)
    assert capfd.readouterr() == ("", "")


# Files that are not read


def test_files_that_look_like_pictures_are_counted_by_their_endings(tmp_path):
    for number in range(3):
        put(tmp_path / f"{number}.jpg")
    for name in ("a.HEIC", "b.heic", "sub/c.heic", "d.nef", "notes.txt", ".e.heic", ".git/f.heic"):
        spoil(tmp_path / name)
    images = FolderImages(tmp_path, 8)
    assert images.names == ["0.jpg", "1.jpg", "2.jpg"] and images.skipped == []
    assert images.unread == {".heic": 3, ".nef": 1}
    heic, nef = unread_lines(images.unread)
    assert heic.startswith("3 files .heic are not read: convert to JPEG, e.g. by: ")
    assert nef.startswith("1 file .nef is not read: develop to JPEG or TIFF")


def test_a_folder_of_such_files_alone_says_what_to_do(tmp_path):
    spoil(tmp_path / "a.heic"), spoil(tmp_path / "b.dng")
    with pytest.raises(ValueError) as refused:
        FolderImages(tmp_path, 8)
    for words in (
        "no pictures",
        "; 1 file .heic is not read: convert",
        "; 1 file .dng is not read",
    ):
        assert words in str(refused.value)


def test_no_ending_is_both_read_and_not():
    assert not picture_extensions() & ADVICE.keys()
    assert all(ending == ending.lower() and ending.startswith(".") for ending in ADVICE)


# What is no folder of pictures


def test_what_is_no_folder_of_pictures_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        FolderImages(tmp_path / "nowhere", 8)
    picture = put(tmp_path / "sub" / "a.png")
    with pytest.raises(NotADirectoryError, match=r"a\.png: this is a file; give the folder"):
        FolderImages(picture, 8)
    (tmp_path / "empty").mkdir()
    spoil(tmp_path / "empty" / "notes.txt")
    with pytest.raises(ValueError, match="empty: no pictures in this folder or below"):
        FolderImages(tmp_path / "empty", 8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size is 0"),
        ({"channels": 4}, "channels is 4"),
        ({"split": "val"}, "split is 'val'"),
        ({"broken": "ignore"}, "broken is 'ignore'"),
    ],
)
def test_wrong_arguments_are_named(tmp_path, options, message):
    put(tmp_path / "a.png")
    with pytest.raises(ValueError, match=message):
        FolderImages(tmp_path, **{"size": 8, **options})


def test_a_small_folder_shows_no_bar(tmp_path, capfd):
    put(tmp_path / "a.png")
    FolderImages(tmp_path, 8)
    assert capfd.readouterr() == ("", "")


def test_every_extension_of_a_photo_is_known():
    assert {
        ".jpg",
        ".jpeg",
        ".png",
        ".webp",
        ".bmp",
        ".gif",
        ".tif",
        ".tiff",
    } <= picture_extensions()
