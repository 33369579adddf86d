"""`vqlib sample`: repeatable, of the class that is asked for, from models that fit."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.cli.commands import refusal, run
from vqlib.course.pretrained import load_pretrained, pretrained_folder
from vqlib.data.pictures import read_picture
from vqlib.measure.recognition import recognised_digits
from vqlib.train.checkpoint import save_model


def cells(sheet: Path, count: int) -> torch.Tensor:
    """The digits of a sheet, ten in a row, 2 pixels apart."""
    x = read_picture(sheet, channels=1)
    places = [(2 + 34 * (n // 10), 2 + 34 * (n % 10)) for n in range(count)]
    return torch.stack([x[:, top : top + 32, left : left + 32] for top, left in places])


def test_what_is_drawn_depends_on_the_seed_alone(tmp_path, capsys):
    call = ["sample", "--label", 7, "--count", 10, "--out"]
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert run(*call, tmp_path / "new" / f"{name}.png", "--seed", seed) == 0
    a, b, c = ((tmp_path / "new" / f"{name}.png").read_bytes() for name in "abc")
    assert a == b != c
    assert f"{tmp_path}/new/a.png: 10 pictures" in capsys.readouterr().out


def test_the_class_that_is_asked_for_or_all_in_turn(tmp_path):
    sevens, all_ten = tmp_path / "sevens.png", tmp_path / "all.png"
    careful = ["--count", 20, "--temperature", 0.7]
    assert run("sample", "--label", 7, *careful, "--out", sevens) == 0
    assert (recognised_digits(cells(sevens, 20)) == 7).sum() >= 16
    assert run("sample", *careful, "--out", all_ten) == 0
    assert (recognised_digits(cells(all_ten, 20)) == torch.arange(20) % 10).sum() >= 16


def test_with_one_code_to_choose_from_there_is_nothing_to_choose(tmp_path):
    call = ["sample", "--label", 3, "--count", 2, "--top-k", 1, "--top-p", 0.5, "--out"]
    for seed in (0, 1):
        assert run(*call, tmp_path / f"{seed}.png", "--seed", seed) == 0
    first, second = cells(tmp_path / "0.png", 2)
    assert torch.equal(first, second)
    assert (tmp_path / "0.png").read_bytes() == (tmp_path / "1.png").read_bytes()


def test_models_that_do_not_belong_together_are_named(codec, tmp_path, capsys):
    digits = pretrained_folder("digits_vqvae")
    out = ["--out", tmp_path / "x.png"]
    message = refusal(capsys, "sample", "--prior", digits, *out)
    assert "holds a VQVAE, a GPT is needed" in message
    message = refusal(capsys, "sample", "--codec", codec, *out)
    assert f"models 16 tokens out of 64 codes, {codec} makes 16 out of 16: they do not" in message
    # As many codes, but of larger pictures.
    larger = load_pretrained("digits_vqvae")
    larger.config = replace(larger.config, image_size=64)
    save_model(larger, tmp_path / "larger")
    message = refusal(capsys, "sample", "--codec", tmp_path / "larger", *out)
    assert "models 16 tokens out of 64 codes" in message and "makes 64 out of 64" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--label", "10"], "condition ids range over [10, 10]"),
        (["--label", "-1"], "condition ids range over [-1, -1]"),
        (["--count", "0"], "count is 0"),
        (["--temperature", "0"], "temperature is 0.0"),
        (["--top-k", "0"], "top_k is 0"),
        (["--top-p", "1.5"], "top_p is 1.5"),
        (["--count", "1", "--out", "x.jpg"], "x.jpg: pictures are saved as PNG"),
        (["--codec", "nowhere"], "config.json not found"),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, list) else "",
)
def test_wrong_values_get_one_line(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refusal(capsys, "sample", *arguments)
    assert list(tmp_path.iterdir()) == []
