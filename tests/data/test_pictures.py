"""Picture files: what is read and as what, what is refused, what is written."""

import io
import logging
import os
import random
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from tests.data.odd_pictures import encoded, exif, png, scene, stored, write_odd_pictures
from vqlib.data.pictures import grid, open_picture, picture_extensions, read_picture, write_picture


def as_bytes(image: torch.Tensor) -> np.ndarray:
    """A tensor in [-1, 1] as uint8 (H, W) or (H, W, C)."""
    return image.add(1).mul(127.5).round().byte().permute(1, 2, 0).squeeze(-1).numpy()


@pytest.fixture
def read(tmp_path):
    """Write bytes to a file and read them back as uint8 pixels."""

    def write_and_read(data: bytes, channels: int = 3) -> np.ndarray:
        path = tmp_path / "picture.png"
        path.write_bytes(data)
        return as_bytes(read_picture(path, channels=channels))

    return write_and_read


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


def test_damaged_notes_do_not_keep_a_picture_from_being_turned(read):
    notes = exif(6)
    notes[0x010E] = "description"
    # The type of the other note becomes "signed rational", which it cannot be.
    data = notes.tobytes().replace(b"\x01\x0e\x00\x02", b"\x01\x0e\x00\x0a")
    data = data.replace(b"\x0e\x01\x02\x00", b"\x0e\x01\x0a\x00")
    upright = scene(random.Random(0))
    assert read(encoded(stored(upright, 6), "JPEG", exif=data)).shape == upright.shape


GREY = np.arange(256, dtype=np.uint8).reshape(8, 32)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "data",
    [
        encoded(GREY, "PNG"),
        encoded(GREY, "PNG", mode="RGB"),
        encoded(GREY, "PNG", mode="P"),
        encoded(GREY, "PNG", mode="LA"),
        encoded(GREY, "PNG", mode="RGBA"),
        encoded(GREY.astype(np.uint16) * 257, "PNG"),
        encoded(GREY.astype(np.uint16) * 257, "TIFF"),
        encoded(GREY.astype(np.int32) * 257, "TIFF"),
        encoded(GREY, "TIFF", mode="CMYK"),
        encoded(GREY, "GIF"),
        encoded(GREY, "WEBP", lossless=True),
        png(32, 8, b"".join(b"\0" + np.repeat(r, 6).tobytes() for r in GREY), bits=16),
        png(32, 8, b"".join(b"\0" + np.repeat(r, 2).tobytes() for r in GREY), bits=16, kind=0),
        b"P5 32 8 65535\n" + (GREY.astype(">u2") * 257).tobytes(),
    ],
    ids=[
        *("L", "RGB", "P", "LA", "RGBA", "I;16", "I;16-tiff", "I", "CMYK"),
        *("gif", "webp", "RGB16", "L16", "pgm16"),
    ],
)
def test_every_kind_of_pixel_means_the_same_grey(read, data, channels):
    expected = GREY if channels == 1 else np.stack([GREY] * 3, -1)
    assert (read(data, channels) == expected).all()


def test_both_byte_orders_of_16_bit_tiff(tmp_path):
    verdicts = write_odd_pictures(tmp_path, count=40)
    (big,) = (path for path in verdicts if "tiff_16_big" in path.name)
    with Image.open(big) as picture:
        assert picture.mode == "I;16B"
        expected = np.asarray(picture).astype(int) // 257
    assert (as_bytes(read_picture(big, channels=1)) == expected).all()


def test_16_bits_are_rounded_not_cut(read):
    deep = np.array([[0, 128, 129, 385, 386, 65406, 65407, 65535]], np.uint16)
    assert read(encoded(deep, "PNG"), 1).tolist() == [[0, 0, 1, 1, 2, 254, 255, 255]]


def test_transparent_parts_show_white(read):
    pixels = np.array([[[200, 0, 0, 255], [200, 0, 0, 0], [0, 0, 0, 127]]], np.uint8)
    assert read(encoded(pixels, "PNG")).tolist() == [[[200, 0, 0], [255] * 3, [128] * 3]]
    palette = Image.new("P", (2, 1))
    palette.putpalette([200, 0, 0, 0, 0, 200])
    palette.putpixel((1, 0), 1)
    for transparency in (1, bytes([255, 0])):
        buffer = io.BytesIO()
        palette.save(buffer, "PNG", transparency=transparency)
        assert read(buffer.getvalue()).tolist() == [[[200, 0, 0], [255] * 3]]


def test_colour_becomes_grey_by_luma_and_bits_become_black_and_white(read):
    primaries = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert read(encoded(primaries, "PNG"), 1).tolist() == [[76, 150, 29]]
    assert (
        read(encoded(np.eye(3, dtype=bool), "PNG")).tolist()
        == (np.eye(3)[..., None].repeat(3, -1) * 255).tolist()
    )


def test_lab_becomes_colour(read):
    lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    ).apply(Image.new("RGB", (4, 4), (200, 60, 30)))
    buffer = io.BytesIO()
    lab.save(buffer, "TIFF")
    assert abs(read(buffer.getvalue()).astype(int) - [200, 60, 30]).max() <= 3


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame_is_read(read, format):
    first, second = (Image.new("RGB", (6, 4), colour) for colour in ("white", "black"))
    buffer = io.BytesIO()
    options = {"lossless": True} if format == "WEBP" else {}
    first.save(buffer, format, save_all=True, append_images=[second], **options)
    assert (read(buffer.getvalue()) == 255).all()


def test_camera_photos_are_decoded_at_a_smaller_size_where_that_is_enough(tmp_path):
    Image.new("RGB", (800, 600), "red").save(tmp_path / "a.jpg")
    for at_least, size in [(None, (800, 600)), (400, (800, 600)), (150, (200, 150))]:
        assert open_picture(tmp_path / "a.jpg", channels=3, at_least=at_least).size == size
    assert open_picture(tmp_path / "a.jpg", channels=1, at_least=75).mode == "L"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cut.png", encoded(GREY, "PNG")[:50], "damaged or cut short"),
        ("cut.jpg", encoded(GREY, "JPEG")[:-40], "damaged or cut short"),
        ("notes.png", b"these are words", "not a picture in a format Pillow reads"),
        ("empty.png", b"", "not a picture in a format Pillow reads"),
        (
            "script.png",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            "PostScript, which is",
        ),
        ("huge.png", png(60_000, 60_000, b""), "too large to open safely"),
        ("float.png", encoded(np.ones((2, 2), np.float32), "TIFF"), "floating-point pixels have"),
        (
            "photo.png",
            b"\0\0\0\x18ftypheic" + b"\0" * 99,
            "HEIC, which is not read: convert",
        ),
        ("jxl.png", b"\xff\x0a" + b"\0" * 99, "JPEG XL, which is not read: convert to PNG"),
        ("wide.png", encoded(np.full((2, 2), 70_000, np.int32), "TIFF"), r"over \[70000, 70000\]"),
        ("signed.png", encoded(np.full((2, 2), -1, np.int32), "TIFF"), r"over \[-1, -1\]"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_what_cannot_be_used_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    for channels in (1, 3):
        with pytest.raises(ValueError, match=f"^{tmp_path / name}: .*{message}"):
            read_picture(tmp_path / name, channels=channels)


def test_what_is_no_file_is_named(tmp_path):
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    os.mkfifo(tmp_path / "pipe.png")
    for name, error, message in [
        ("nowhere.png", FileNotFoundError, "no such file"),
        (".", IsADirectoryError, "this is a folder; give a picture file"),
        ("link.png", FileNotFoundError, "a link that leads nowhere"),
        ("pipe.png", FileNotFoundError, "not a regular file"),
    ]:
        with pytest.raises(error, match=f"^{tmp_path / name}: {message}"):
            read_picture(tmp_path / name, channels=1)


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    def refuse(path: Path, mode: str):
        raise PermissionError(13, "Permission denied", str(path))

    write_picture(torch.zeros(1, 8, 8), tmp_path / "a.png")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermissionError, match=r"Permission denied.*a\.png"):
        read_picture(tmp_path / "a.png", channels=1)


def test_other_numbers_of_channels_are_refused(tmp_path):
    with pytest.raises(ValueError, match="channels is 4; use 1"):
        read_picture(tmp_path / "a.png", channels=4)


def test_200_odd_files_do_no_worse_than_one_line_that_names_them(tmp_path, caplog, capfd):
    verdicts = write_odd_pictures(tmp_path, seed=1, count=200)
    assert len(verdicts) == 200 and set(verdicts.values()) == {"good", "broken", "either"}
    refused = set()
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        for path in verdicts:
            for channels in (1, 3):
                try:
                    image = read_picture(path, channels=channels)
                except (ValueError, OSError) as error:
                    assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
                    refused.add(path)
                else:
                    assert image.shape[0] == channels and image.dtype == torch.float32
                    assert -1 <= image.min() <= image.max() <= 1
    assert not leaked
    assert refused >= {path for path, verdict in verdicts.items() if verdict == "broken"}
    assert not refused & {path for path, verdict in verdicts.items() if verdict == "good"}
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("PIL").handlers  # so that Python's last resort prints nothing


def test_no_format_that_runs_another_program_is_opened():
    assert {
        ".jpg",
        ".jpeg",
        ".png",
        ".webp",
        ".gif",
        ".bmp",
        ".tif",
        ".tiff",
    } <= picture_extensions()
    assert not {".eps", ".ps", ".pdf", ".wmf", ".mpg", ".h5"} & picture_extensions()


def test_pictures_are_saved_as_png_only(tmp_path):
    with pytest.raises(ValueError, match=r"a\.jpg: pictures are saved as PNG"):
        write_picture(torch.zeros(1, 8, 8), tmp_path / "a.jpg")


@pytest.mark.parametrize("channels", [1, 3])
def test_grid_lays_out_rows(channels):
    sheet = grid(torch.ones(5, channels, 4, 4), columns=3, gap=1)
    assert sheet.shape == (channels, 2 * 5 + 1, 3 * 5 + 1)
    assert (sheet[:, 1:5, 1:5] == 1).all()
    assert (sheet[:, 6:10, 11:15] == 0).all()  # the sixth place is empty
