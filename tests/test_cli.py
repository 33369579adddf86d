"""The command line as a user types it: what works, and what one clear line a mistake gets."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from vqlib import cli
from vqlib.data import digits
from vqlib.data.pictures import write_picture


@pytest.fixture
def digit(tmp_path):
    path = tmp_path / "digit.png"
    write_picture(digits("held_out").images[0], path)
    return path


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main([str(arg) for arg in args])
    return stopped.value.code or 0


def test_reconstruct_saves_picture_and_return_side_by_side(digit, tmp_path, capsys):
    assert run("reconstruct", digit, "--out", tmp_path / "out") == 0
    assert "4×4 tokens, 96 bits, PSNR" in capsys.readouterr().out
    pixels = np.array(Image.open(tmp_path / "out" / "digit.png"))
    assert pixels.shape == (36, 70)
    left, right = pixels[2:34, 2:34].astype(int), pixels[2:34, 36:68].astype(int)
    assert (left == np.array(Image.open(digit))).all()
    assert 0 < abs(left - right).mean() < 25


def test_sample_is_repeatable_and_draws_what_is_asked(tmp_path):
    for name in ("a", "b"):
        assert run("sample", "--label", 7, "--count", 10, "--out", tmp_path / f"{name}.png") == 0
    a, b = ((tmp_path / f"{name}.png").read_bytes() for name in "ab")
    assert a == b
    assert run("sample", "--label", 7, "--count", 10, "--seed", 1, "--out", tmp_path / "c.png") == 0
    assert (tmp_path / "c.png").read_bytes() != a


def test_training_both_stages_then_using_them(digit, tmp_path, capsys):
    quick = ["--steps", 3, "--batch-size", 8, "--device", "cpu"]
    assert run("train", "vqvae", "--out", tmp_path / "codec", *quick) == 0
    codec = ["--codec", tmp_path / "codec"]
    assert run("train", "prior", "--out", tmp_path / "prior", *codec, *quick) == 0
    assert "nats per token" in capsys.readouterr().out
    out = tmp_path / "out.png"
    assert run("sample", *codec, "--prior", tmp_path / "prior", "--count", 2, "--out", out) == 0
    assert run("reconstruct", digit, "--model", tmp_path / "codec", "--out", tmp_path / "r") == 0
    assert run("train", "vqvae", "--out", tmp_path / "codec", *quick) == 2
    assert "already holds a run" in capsys.readouterr().err


def photo(path, mode="RGB"):
    Image.new(mode, (32, 32)).save(path)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "photo.jpg", "photo.jpg: no such file"),
        (lambda folder: folder, "no such file"),
        (lambda folder: photo(folder / "photo.jpg"), "photo.jpg: this is a picture of mode RGB"),
        (lambda folder: truncated(folder / "photo.jpg"), "photo.jpg: damaged or cut short"),
        (lambda folder: text(folder / "photo.jpg"), "photo.jpg: not a picture"),
        (lambda folder: odd(folder / "odd.png"), "odd.png: images are 30×32"),
    ],
    ids=["missing", "folder", "colour", "truncated", "text", "odd-size"],
)
def test_a_bad_picture_gets_one_line_and_exit_2(make, message, tmp_path, capsys):
    assert run("reconstruct", make(tmp_path), "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("vqlib: error: ") and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def truncated(path):
    photo(path, "L")
    path.write_bytes(path.read_bytes()[:-30])
    return path


def text(path):
    path.write_text("these are words")
    return path


def odd(path):
    Image.new("L", (32, 30)).save(path)
    return path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "--label", "10"], "condition ids range over [10, 10]"),
        (["sample", "--count", "0"], "count is 0"),
        (["sample", "--temperature", "0"], "temperature is 0.0"),
        (["sample", "--top-k", "0"], "top_k is 0"),
        (["sample", "--out", "x.jpg"], "x.jpg: pictures are saved as PNG"),
        (["sample", "--codec", "nowhere"], "config.json not found"),
        (["reconstruct"], "no picture given"),
        (["train", "vqvae", "--out", "r", "--steps", "0"], "steps is 0"),
        (["train", "vqvae", "--out", "r", "--batch-size", "5000"], "batch_size is 5000"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_wrong_values_get_one_line_and_exit_2(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "arguments", [[], ["smaple"], ["sample", "--lable", "7"], ["sample", "--count", "many"]]
)
def test_wrong_words_are_explained_and_exit_2(arguments, capsys):
    assert run(*arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_models_that_do_not_belong_together_are_named(tmp_path, capsys):
    from vqlib.course.pretrained import pretrained_folder

    codec = pretrained_folder("digits_vqvae")
    assert run("sample", "--prior", codec, "--out", tmp_path / "x.png") == 2
    assert "holds a VQVAE, a GPT is needed" in capsys.readouterr().err


def test_two_pictures_never_overwrite_each_other_nor_their_source(digit, tmp_path, capsys):
    (tmp_path / "b").mkdir()
    twin = tmp_path / "b" / "digit.png"
    twin.write_bytes(digit.read_bytes())
    assert run("reconstruct", digit, twin, "--out", tmp_path / "out") == 2
    assert "several pictures would be saved as" in capsys.readouterr().err
    assert run("reconstruct", digit, "--out", tmp_path) == 2
    assert "overwrite the picture" in capsys.readouterr().err


def test_the_module_runs_as_a_program(tmp_path):
    call = [sys.executable, "-m", "vqlib", "reconstruct", str(tmp_path / "photo.jpg")]
    done = subprocess.run(call, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert done.stderr == f"vqlib: error: {tmp_path / 'photo.jpg'}: no such file\n"
