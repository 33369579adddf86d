"""Picture files: what is read, what is refused, what is written."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from vqlib.data.pictures import grid, read_picture, write_picture


def png_bytes(mode: str = "L") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (32, 32)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(("channels", "shape"), [(1, (20, 30)), (3, (20, 30, 3))])
def test_what_is_written_is_read_back(tmp_path, channels, shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    image = read_picture(tmp_path / "a.png", channels=channels)
    assert image.shape == (channels, 20, 30)
    assert image.dtype == torch.float32
    assert -1 <= image.min() <= image.max() <= 1
    write_picture(image, tmp_path / "new" / "b.png")
    assert (np.array(Image.open(tmp_path / "new" / "b.png")) == pixels).all()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["b.png"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cut.png", png_bytes()[:50], "cut.png: damaged or cut short"),
        ("notes.png", b"these are words", "notes.png: not a picture"),
        ("empty.png", b"", "empty.png: not a picture"),
        ("colour.png", png_bytes("RGB"), "colour.png: this is a picture of mode RGB.*mode L"),
        ("alpha.png", png_bytes("LA"), "alpha.png: this is a picture of mode LA"),
        ("palette.png", png_bytes("P"), "palette.png: this is a picture of mode P"),
        ("deep.png", png_bytes("I;16"), "deep.png: this is a picture of mode I;16"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_what_cannot_be_used_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_picture(tmp_path / name, channels=1)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.png: no such file"):
        read_picture(tmp_path / "nowhere.png", channels=1)
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_picture(tmp_path, channels=1)


def test_pictures_are_saved_as_png_only(tmp_path):
    with pytest.raises(ValueError, match=r"a\.jpg: pictures are saved as PNG"):
        write_picture(torch.zeros(1, 8, 8), tmp_path / "a.jpg")


@pytest.mark.parametrize("channels", [1, 3])
def test_grid_lays_out_rows(channels):
    sheet = grid(torch.ones(5, channels, 4, 4), columns=3, gap=1)
    assert sheet.shape == (channels, 2 * 5 + 1, 3 * 5 + 1)
    assert (sheet[:, 1:5, 1:5] == 1).all()
    assert (sheet[:, 6:10, 11:15] == 0).all()  # the sixth place is empty
