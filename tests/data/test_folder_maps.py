"""Maps in a folder: found by name, cut as their pictures, never interpolated."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data import by_hand
from tests.data.odd_pictures import exif
from vqlib.data.folder import FolderImages
from vqlib.data.folder_maps import FolderLabelMaps, FolderMaps, read_label_map
from vqlib.data.images import Images
from vqlib.data.pairs import PairedImages

# In the pictures the label is the grey value times this, so that each can be told from the other.
STEP = 40


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """Seven pictures of all shapes, one of them below another folder; and their label maps."""
    pictures, maps = tmp_path / "pictures", tmp_path / "maps"
    for number in range(7):
        name = f"deep/{number}" if number == 3 else f"{number}"
        labels = blobs(30 + 9 * number, 60 - 5 * number, seed=number)
        for folder, pixels, ending in ((pictures, labels * STEP, "bmp"), (maps, labels, "png")):
            path = folder / f"{name}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return pictures, maps


def blobs(height: int, width: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, 6, (12, 12)), np.ones((12, 12))).astype(np.uint8)[
        :height, :width
    ]


def read(pictures: Path, **options) -> FolderImages:
    return FolderImages(pictures, 24, channels=1, progress=False, **options)


def test_maps_are_cut_as_their_pictures(folders):
    pictures, folder = folders
    images = read(pictures)
    maps = FolderLabelMaps(images, folder, num_labels=6, progress=False)
    assert maps.names == [name.replace("bmp", "png") for name in images.names]
    pairs = PairedImages(images, maps)
    assert isinstance(maps, Images) and isinstance(pairs, Images)
    assert pairs.image_shape == (2, 24, 24) and len(pairs) == 7
    right, mirrored = [], []
    for index in range(7):
        drawn = [pairs.draw(index, torch.Generator().manual_seed(seed)) for seed in range(3)]
        for pair in (pairs[index], *drawn):
            shown, labels = (pair[0] + 1) * 127.5 / STEP, pair[1]
            assert torch.equal(labels, labels.round()) and labels.unique().numel() > 2
            for found, other in ((right, labels), (mirrored, labels.flip(-1))):
                found.append(((shown - other).abs() < 0.5).float().mean().item())
    # Both say the same but at borders, where pictures are smooth.
    assert min(right) > 0.75
    assert sum(mirrored) / len(mirrored) < 0.5


def test_a_split_takes_the_maps_of_its_pictures(folders):
    pictures, folder = folders
    for split in ("train", "held_out"):
        images = read(pictures, split=split)
        maps = FolderLabelMaps(images, folder, num_labels=6, progress=False)
        assert [name[:-4] for name in maps.names] == [name[:-4] for name in images.names]


def test_maps_that_are_pictures(folders):
    pictures, _ = folders
    images = read(pictures)
    for channels in (1, 3):
        maps = FolderMaps(images, pictures, channels=channels, progress=False)
        assert maps.image_shape == (channels, 24, 24)
        assert torch.equal(maps[2][:1], images[2])
        one, other = (torch.Generator().manual_seed(5) for _ in range(2))
        assert torch.equal(maps.draw(2, one)[:1], images.draw(2, other))


@pytest.mark.parametrize("ending", ["png", "tif", "webp"])
def test_a_picture_that_is_turned_has_a_map_that_is_upright(ending, tmp_path):
    labels = blobs(20, 40, seed=0)
    for name in ("pictures", "maps"):
        (tmp_path / name).mkdir()
    turned = Image.fromarray(labels * STEP).transpose(Image.Transpose.ROTATE_90)
    turned.save(tmp_path / "pictures" / f"a.{ending}", exif=exif(6))  # shown turned to the right
    Image.fromarray(labels).save(tmp_path / "maps" / "a.png")
    images = FolderImages(tmp_path / "pictures", 16, channels=1, progress=False)
    maps = FolderLabelMaps(images, tmp_path / "maps", num_labels=6, progress=False)
    shown = (images[0] + 1) * 127.5 / STEP
    assert (shown - maps[0]).abs().median() < 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda maps: (maps / "1.png").unlink(), r"1 of 7 pictures have no map .*: 1\.bmp$"),
        (lambda maps: (maps / "deep").rename(maps / "else"), r"no map of .*: deep/3\.bmp"),
        (
            lambda maps: [path.unlink() for path in maps.glob("*.png")],
            r"6 of 7 .*: 0\.bmp, 1\.bmp, 2\.bmp and 3 more",
        ),
        (
            lambda maps: Image.new("L", (1, 1)).save(maps / "1.jpg"),
            r"which one is the map, 1\.jpg or 1\.png\?",
        ),
        (
            lambda maps: Image.new("L", (60, 31)).save(maps / "0.png"),
            r"0\.png has 60×31 pixels, its picture .*0\.bmp has 60×30",
        ),
        (
            lambda maps: Image.new("L", (60, 30), 9).save(maps / "0.png"),
            r"0\.png has the labels 9, which are not known; there are 0, 1, 2, 3, 4, 5$",
        ),
        (lambda maps: Image.new("RGB", (60, 30)).save(maps / "0.png"), "a picture in colour"),
        (lambda maps: (maps / "0.png").write_text("words"), r"0\.png: not a readable PNG"),
    ],
)
def test_what_is_wrong_with_a_map_is_named(folders, change, message):
    pictures, maps = folders
    change(maps)
    with pytest.raises(ValueError, match=message):
        FolderLabelMaps(read(pictures), maps, num_labels=6, progress=False)


def test_a_folder_that_is_not_there(folders, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        FolderMaps(read(folders[0]), tmp_path / "nowhere", progress=False)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(
    ("kind", "bits"), [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (3, 1), (3, 2), (3, 4), (3, 8)]
)
def test_labels_in_every_kind_of_png(kind, bits, interlaced, tmp_path):
    labels = np.random.default_rng(0).integers(0, 2**bits, (9, 13, 1))
    colours = np.random.default_rng(1).bytes(3 * 2**bits) if kind == 3 else b""
    for clear in (b"", b"\0\1" if kind == 0 else b"\7"):  # what is transparent has a label too
        data = by_hand.png(labels, bits, kind, palette=colours, clear=clear, interlaced=interlaced)
        (tmp_path / "a.png").write_bytes(data)
        found = read_label_map(tmp_path / "a.png")
        assert found.dtype == torch.int64
        assert torch.equal(found, torch.from_numpy(labels[..., 0]))


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("LA", "grey with transparency"),
        ("RGB", "colour"),
        ("RGBA", "colour with transparency"),
    ],
)
def test_what_is_no_label_map_is_named(mode, words, tmp_path):
    Image.new(mode, (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=f"a picture in {words} .mode {mode}.; in a label map"):
        read_label_map(tmp_path / "a.png")


@pytest.mark.parametrize("format", ["JPEG", "TIFF", "BMP", "GIF"])
def test_a_label_map_must_be_a_png(format, tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png", format)
    with pytest.raises(ValueError, match=r"a\.png: not a readable PNG; in a label map, a PNG, the"):
        read_label_map(tmp_path / "a.png")


def test_a_label_map_that_is_damaged_or_not_there(tmp_path):
    Image.frombytes("L", (40, 40), np.random.default_rng(0).bytes(1600)).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:600])
    with pytest.raises(ValueError, match=r"a\.png: damaged or cut short"):
        read_label_map(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_label_map(tmp_path / "nowhere.png")
