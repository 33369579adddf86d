"""`vqlib measure --against`: how far a folder of samples is from real pictures."""

import json

import pytest
import torch

from tests.cli.commands import refusal, run, write_pictures
from vqlib.course.pretrained import load_pretrained
from vqlib.data import digits
from vqlib.data.catalogue import open_images
from vqlib.data.images import stack
from vqlib.data.pictures import write_picture
from vqlib.measure import FrechetResult, OfflineFeatures, frechet

few_images = pytest.mark.filterwarnings("default:.*the covariance is singular")


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Eighty noisy digits."""
    folder = tmp_path_factory.mktemp("own") / "samples"
    noise = torch.Generator().manual_seed(0)
    for number, x in enumerate(digits("train").images[:80]):
        x = x + 0.3 * torch.randn(x.shape, generator=noise)
        write_picture(x.clamp(-1, 1), folder / f"seed_{number:08d}.png")
    (folder / "samples.json").write_text("{}")
    return folder


def test_a_folder_of_samples_against_a_data_set(samples, tmp_path, capsys):
    out = tmp_path / "new" / "results.json"
    assert run("measure", samples, "--against", "digits", "--out", out) == 0
    said, saved = capsys.readouterr(), json.loads(out.read_text())
    names = ("frechet", "floor", "beside")
    result, floor, beside = (FrechetResult.from_json(saved[name]) for name in names)
    assert said.out.splitlines() == [
        str(result),
        "both sides as squares of 32×32 pixels, cut from the middle of each picture",
        "with equal numbers: from 217 real pictures, 80 samples are "
        f"{beside.distance:.4g} away, 80 other real pictures {floor.distance:.4g}",
        "fewer pictures give a larger distance, whatever they show: compare equal numbers",
    ]
    assert str(result).startswith("Fréchet distance (offline network) ")
    assert str(result).endswith("(80 images against 297 of digits)")
    assert (saved["num_images"], saved["size"]) == (80, 32)
    extractor = OfflineFeatures(load_pretrained("offline_features"))
    real, drawn = digits("held_out").images, stack(open_images(samples, "all", size=32))
    expected = frechet(real, drawn, extractor, reference_name="digits", progress=False)
    assert result.protocol.reference_digest == expected.protocol.reference_digest
    assert result.distance == pytest.approx(expected.distance, rel=1e-4)
    assert beside.difference(floor) > floor.distance > 0


@few_images
def test_both_sides_are_brought_to_the_size_of_the_samples(tmp_path, capsys):
    folder = write_pictures(tmp_path / "samples", 5, height=20, width=30)
    real = write_pictures(tmp_path / "real", 12)
    assert run("measure", folder, "--against", real, "--split", "train") == 0
    said = capsys.readouterr()
    count = len(open_images(real, "train", size=20))
    assert f"(5 images against {count} of {real})" in said.out
    assert "squares of 20×20 pixels" in said.out
    assert "vqlib: warning: 5 images for 64 features" in said.err
    assert said.err.count("vqlib: warning") == 1
    assert run("measure", folder, "--against", folder, "--size", 16) == 0
    assert "squares of 16×16 pixels" in capsys.readouterr().out


@few_images
def test_a_floor_needs_four_real_pictures(tmp_path, capsys):
    folder = write_pictures(tmp_path / "samples", 3)
    assert run("measure", folder, "--against", folder, "--out", tmp_path / "a.json") == 0
    assert "no floor: there are too few real pictures" in capsys.readouterr().out
    saved = json.loads((tmp_path / "a.json").read_text())
    assert saved["floor"] is saved["beside"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["one"], "there are 1 samples and 297 real pictures; a distance needs 2 of each"),
        (["photos"], "--against measures a folder of samples; photos is none"),
        (["nowhere"], "--against measures a folder of samples; nowhere is none"),
        (["empty"], "empty: no pictures in this folder or below"),
        (["one", "--model", "photos_vqgan"], "measures pictures, not a codec: leave --model out"),
        (["one", "--out", "."], ". is a folder; give the name of a file as --out"),
        (["one", "--out", "one/00.png/a.json"], "one/00.png is no folder"),
    ],
)
def test_wrong_values_get_one_line(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    write_pictures(tmp_path / "one", 1)
    assert message in refusal(capsys, "measure", *arguments, "--against", "digits")
