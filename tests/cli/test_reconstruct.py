"""`vqlib reconstruct`: any picture at its own size, and nothing is ever overwritten."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.cli.commands import refusal, run, tiny_codec, write_pictures
from tests.data.odd_pictures import deep, encoded, exif, scene, stored
from vqlib.compress import VQVAEConfig, label_maps
from vqlib.data import digits
from vqlib.data.pictures import write_picture
from vqlib.saved.find import pretrained_folder
from vqlib.saved.model import load_model, save_model

GAP = 2  # pixels around and between the two pictures


def halves(result: Path, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture and its return, from a result that must have exactly these sides."""
    pixels = np.array(Image.open(result))
    assert pixels.shape[:2] == (height + 2 * GAP, 2 * width + 3 * GAP)
    rows = pixels[GAP : GAP + height]
    return rows[:, GAP : GAP + width], rows[:, 2 * GAP + width : -GAP]


def there_and_back(codec: Path, pixels: np.ndarray) -> np.ndarray:
    """What should come back of uint8 pixels (H, W, C): the border repeated up to multiples of 4."""
    model, (height, width, _) = load_model(codec), pixels.shape
    padded = np.pad(pixels, ((0, -height % 4), (0, -width % 4), (0, 0)), mode="edge")
    x = torch.from_numpy(padded).permute(2, 0, 1).float()[None] / 127.5 - 1
    x_hat = model.decode(model.encode(x))[0, :, :height, :width]
    return x_hat.add(1).mul(127.5).round().byte().permute(1, 2, 0).numpy()


PIXELS = np.random.default_rng(0).integers(0, 256, (37, 53, 4), dtype=np.uint8)
COLOUR, GREY = PIXELS[..., :3], PIXELS[..., 0]
OVER_WHITE = COLOUR * (PIXELS[..., 3:] / 255) + 255 * (1 - PIXELS[..., 3:] / 255)
DEEP = deep(random.Random(1))
PICTURES = {
    "odd sides": (encoded(COLOUR, "PNG"), COLOUR),
    "one pixel": (encoded(COLOUR[:1, :1], "PNG"), COLOUR[:1, :1]),
    "one row": (encoded(COLOUR[:1], "PNG"), COLOUR[:1]),
    "multiples of f": (encoded(COLOUR[:8, :16], "BMP"), COLOUR[:8, :16]),
    "grey": (encoded(GREY, "PNG"), GREY[..., None].repeat(3, 2)),
    "alpha": (encoded(PIXELS, "PNG"), OVER_WHITE.round()),
    "16 bits": (encoded(DEEP, "PNG"), (DEEP // 257)[..., None].repeat(3, 2)),
    "turned": (encoded(stored(COLOUR, 6), "PNG", exif=exif(6)), COLOUR),
}


def test_a_palette_is_a_codec_too(palette, tmp_path, capsys):
    """Each pixel becomes the nearest of eight colours, at any size."""
    (tmp_path / "a.png").write_bytes(encoded(COLOUR, "PNG"))
    call = ["reconstruct", tmp_path / "a.png", "--model", palette, "--out", tmp_path / "out"]
    assert run(*call) == 0
    assert f"37×53 tokens, {37 * 53 * 3} bits" in capsys.readouterr().out
    _, returned = halves(tmp_path / "out" / "a.png", 37, 53)
    assert (returned == np.where(COLOUR > 127, 255, 0)).all()


@pytest.mark.parametrize(("data", "expected"), PICTURES.values(), ids=PICTURES)
def test_picture_and_return_side_by_side_at_the_pictures_size(
    data, expected, codec, tmp_path, capsys
):
    (tmp_path / "a picture.x").write_bytes(data)
    out = tmp_path / "new" / "out"
    assert run("reconstruct", tmp_path / "a picture.x", "--model", codec, "--out", out) == 0
    height, width = expected.shape[:2]
    left, right = halves(out / "a picture.png", height, width)
    assert abs(left - expected.astype(int)).max() <= 1  # alpha is rounded
    again = there_and_back(codec, left)
    assert abs(right.astype(int) - again).max() <= 1
    h, w = -(-height // 4), -(-width // 4)
    words = capsys.readouterr().out
    assert f"a picture.png: {h}×{w} tokens, {4 * h * w} bits, PSNR" in words
    mse = np.square((left.astype(float) - again) / 127.5).mean()
    assert float(words.split()[-2]) == pytest.approx(10 * np.log10(4 / mse), abs=0.1)


def test_a_model_of_grey_pictures_takes_colour_as_grey(grey_codec, tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(COLOUR, "PNG"))
    out = tmp_path / "out"
    assert run("reconstruct", tmp_path / "a.png", "--model", grey_codec, "--out", out) == 0
    left, _ = halves(out / "a.png", 37, 53)
    assert (left == np.array(Image.fromarray(COLOUR).convert("L"))).all()


def test_the_default_model_takes_photos_and_a_trained_one_knows_digits(tmp_path, capsys):
    write_picture(digits("held_out").images[0], tmp_path / "digit.png")
    write_pictures(tmp_path, 1, height=37, width=53)
    out = tmp_path / "out"
    assert run("reconstruct", tmp_path / "00.png", "--out", out) == 0
    assert "00.png: 10×14 tokens" in capsys.readouterr().out
    assert halves(out / "00.png", 37, 53)[0].shape == (37, 53, 3)
    model = pretrained_folder("digits_vqvae")
    assert run("reconstruct", tmp_path / "digit.png", "--model", model, "--out", out) == 0
    assert "4×4 tokens, 96 bits, PSNR" in capsys.readouterr().out
    left, right = halves(out / "digit.png", 32, 32)
    assert 0 < abs(left.astype(int) - right).mean() < 25


def test_a_folder_stands_for_all_pictures_below_it(codec, tmp_path, monkeypatch):
    monkeypatch.chdir(write_pictures(tmp_path / "mine", 2))
    write_pictures(Path("deeper/down"), 3)
    Path("deeper/down/00.png").unlink()
    Path("deeper/down/01.png").rename("deeper/b.PNG")
    Path("notes.txt").write_text("no picture")
    Path(".hidden.png").write_text("no picture")
    write_pictures(Path("../other"), 1)
    Path("../other/00.png").rename("../other/c.png")
    found = ["00.png", "01.png", "02.png", "b.png", "c.png"]
    # The second time the results of the first are in the folder: they are not pictures to take.
    for _ in range(2):
        assert run("reconstruct", ".", "../other/c.png", "--model", codec) == 0
        assert sorted(path.name for path in Path("reconstructions").iterdir()) == found


def test_broken_pictures_are_refused_or_skipped(codec, tmp_path, capsys):
    folder, out = write_pictures(tmp_path / "mine", 3), tmp_path / "out"
    (folder / "01.png").write_text("these are words")
    (folder / "00.png").write_bytes((folder / "00.png").read_bytes()[:-40])
    call = ["reconstruct", folder, "--model", codec, "--out", out]
    assert "00.png: damaged or cut short" in refusal(capsys, *call)
    assert not out.exists()  # all pictures are read before the first result is written
    assert run(*call, "--broken", "skip") == 0
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"vqlib: left out: {folder / '00.png'}: damaged or cut short")
    assert second.startswith(f"vqlib: left out: {folder / '01.png'}: not a picture")
    assert [path.name for path in out.iterdir()] == ["02.png"]


def test_if_every_picture_is_broken_skipping_is_refused_too(codec, tmp_path, capsys):
    for name in ("a.png", "b.jpg"):
        (tmp_path / name).write_text("these are words")
    out = tmp_path / "out"
    call = ["reconstruct", tmp_path, "--model", codec, "--out", out, "--broken", "skip"]
    assert run(*call) == 2
    *left_out, last = capsys.readouterr().err.splitlines()
    assert len(left_out) == 2
    assert last == "vqlib: error: none of the 2 pictures can be read"
    assert not out.exists()


@pytest.mark.parametrize("way", ["itself", "a linked folder", "a link"])
def test_a_source_is_never_overwritten(way, codec, tmp_path, capsys):
    folder = write_pictures(tmp_path / "mine", 1)
    given, out = folder / "00.png", folder
    if way == "a linked folder":
        (tmp_path / "link").symlink_to(folder, target_is_directory=True)
        out = tmp_path / "link"
    if way == "a link":
        given, out = tmp_path / "00.png", tmp_path
        given.symlink_to(folder / "00.png")
    before = (folder / "00.png").read_bytes()
    message = refusal(capsys, "reconstruct", given, "--model", codec, "--out", out)
    assert "the result would overwrite the picture; choose another --out" in message
    assert (folder / "00.png").read_bytes() == before


def test_two_results_never_overwrite_each_other(codec, tmp_path, capsys):
    one, two = (write_pictures(tmp_path / name, 1) for name in "ab")
    (two / "00.png").rename(two / "00.jpg")
    call = ["--model", codec, "--out", tmp_path / "out"]
    for given in ([one / "00.png", two / "00.jpg"], [one, two], [tmp_path]):
        message = refusal(capsys, "reconstruct", *given, *call)
        assert f"{two / '00.jpg'}: several pictures would be saved as" in message
    assert not (tmp_path / "out").exists()
    assert run("reconstruct", one, one / "00.png", *call) == 0  # the same one twice is no clash


@pytest.mark.parametrize(
    ("side", "shape"), [(50, (20, 50)), (100, (40, 100)), (101, (40, 100)), (1, (1, 1))]
)
def test_max_side_shrinks_larger_pictures_only(side, shape, codec, tmp_path):
    slope = np.linspace(0, 255, 100).astype(np.uint8)[None, :, None].repeat(40, 0).repeat(3, 2)
    (tmp_path / "wide.png").write_bytes(encoded(slope, "PNG"))
    call = ["reconstruct", tmp_path / "wide.png", "--model", codec, "--out", tmp_path / "out"]
    assert run(*call, "--max-side", side) == 0
    left, _ = halves(tmp_path / "out" / "wide.png", *shape)
    if side >= 100:
        assert (left == slope).all()
    elif side == 50:  # every pixel is the mean of two
        pairs = slope.reshape(40, 50, 2, 3).mean(2)[:20]
        assert abs(left - pairs)[:, 3:-3].max() < 2


def test_a_model_folder_run_folder_or_neither(codec, tmp_path, capsys):
    folder = write_pictures(tmp_path / "mine", 1)
    call = ["reconstruct", folder, "--out", tmp_path / "out", "--model"]
    (tmp_path / "run").mkdir()
    tiny_codec(tmp_path / "run" / "step_00000002")
    assert run(*call, tmp_path / "run") == 0
    assert "config.json not found" in refusal(capsys, *call, tmp_path / "mine")
    gpt = pretrained_folder("digits_gpt")
    assert "holds a GPT, a VQVAE or a ColorPalette is needed" in refusal(capsys, *call, gpt)
    save_model(label_maps(VQVAEConfig(), 5).build(), tmp_path / "maps")
    message = refusal(capsys, *call, tmp_path / "maps", "--broken", "skip")
    assert "holds a LabelMapVQVAE, a VQVAE or a ColorPalette is needed" in message
    (tmp_path / "run" / "step_00000002" / "model.safetensors").write_bytes(b"cut short")
    assert "not a readable safetensors file" in refusal(capsys, *call, tmp_path / "run")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no picture given; name at least one file or folder"),
        (["nowhere.png"], "nowhere.png: no such file"),
        (["."], ".: no picture in this folder"),
        (["a.png", "--broken", "ignore"], "--broken is 'ignore'; use refuse or skip"),
        (["a.png", "--max-side", "0"], "--max-side is 0; it must be at least 1"),
        (["a.png", "--device", "abacus"], "device is 'abacus', which cannot be used here"),
        (["a.png", "--device", "meta"], "device is 'meta', which cannot be used here"),
        (["a.png", "--model", "nowhere"], "--model is 'nowhere': no such folder, and no such"),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, list) else "",
)
def test_wrong_values_get_one_line(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refusal(capsys, "reconstruct", *arguments)
    assert list(tmp_path.iterdir()) == []


def test_no_folder_can_be_made_where_a_file_is(codec, tmp_path, capsys):
    folder = write_pictures(tmp_path / "mine", 1)
    (tmp_path / "out").write_text("a file")
    call = ["reconstruct", folder, "--model", codec, "--out", tmp_path / "out"]
    assert "out" in refusal(capsys, *call)
    assert (tmp_path / "out").read_text() == "a file"


def test_names_that_the_terminal_cannot_show_do_no_harm(codec, tmp_path, capsys):
    """Such as those in Latin-1 on a system of today; Python holds them as lone surrogates."""
    for name in ("图 ü.png", "caf\udce9.png", "two\nlines.png"):
        (tmp_path / name).write_bytes(encoded(scene(random.Random(0)), "PNG"))
    (tmp_path / "broken\nbroken\udce9.png").write_text("these are words")
    call = ["reconstruct", tmp_path, "--model", codec, "--out", tmp_path / "out"]
    assert run(*call, "--broken", "skip") == 0
    assert len(list((tmp_path / "out").iterdir())) == 3
    assert capsys.readouterr().err.splitlines()[0].startswith("vqlib: left out: ")
    assert "broken broken" in refusal(capsys, *call)
