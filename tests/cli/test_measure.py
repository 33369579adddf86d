"""`vqlib measure`: every measure is printed, and the file says how the distance was measured."""

import json
import re

import pytest
from PIL import Image

from tests.cli.commands import refusal, run, write_pictures
from vqlib.compress import VQVAEConfig, label_maps
from vqlib.data import digits
from vqlib.data.catalogue import open_images
from vqlib.data.images import stack
from vqlib.measure import FrechetResult, psnr, ssim
from vqlib.saved.model import load_model, save_model

PRINTED = [
    "num images",
    "psnr db",
    "ssim",
    "feature distance (offline networks)",
    "codebook usage",
    "perplexity",
    "bits per image",
    "entropy bits per image",
    "bits per pixel",
    "compression ratio",
]
few_images = pytest.mark.filterwarnings("default:.*the covariance is singular")


def printed(words: str) -> dict[str, float]:
    """The numbers by name; the last line is the Fréchet distance."""
    *lines, frechet = words.splitlines()
    assert frechet.startswith("Fréchet distance (offline network) ")
    pairs = [line.split(": ") for line in lines]
    return {name: float(value.split()[0].replace(",", "")) for name, value in pairs}


def test_a_data_sets_held_out_part(grey_codec, tmp_path, capsys):
    out = tmp_path / "new" / "results.json"
    assert run("measure", "digits", "--model", grey_codec, "--out", out) == 0
    said = capsys.readouterr()
    assert "warning" not in said.err
    numbers, saved = printed(said.out), json.loads(out.read_text())
    assert list(numbers) == PRINTED
    for name, value in numbers.items():
        key = next(key for key in saved if key.replace("_", " ") == name)
        assert saved[key] == pytest.approx(value, rel=1e-3)

    x, model = digits("held_out", image_size=16).images, load_model(grey_codec)
    x_hat = model.decode(model.encode(x))
    assert saved["num_images"] == len(x)
    assert saved["psnr_db"] == pytest.approx(psnr(x_hat, x).mean().item(), rel=1e-4)
    assert saved["ssim"] == pytest.approx(ssim(x_hat, x).mean().item(), rel=1e-3)
    assert saved["bits_per_image"] == 16 * 4
    assert saved["compression_ratio"] == 16 * 16 * 8 / 64

    result = FrechetResult.from_json(saved["frechet"])
    assert str(result) == said.out.splitlines()[-1]
    protocol = result.protocol
    assert (protocol.reference, protocol.extractor) == ("digits", "offline network")
    assert (protocol.num_reference, protocol.num_generated) == (297, 297)
    assert protocol.image_size == (16, 16)
    assert re.fullmatch("[0-9a-f]{64}", protocol.reference_digest)
    assert re.fullmatch("[0-9a-f]{64}", protocol.extractor_digest)


@few_images
def test_a_folder_is_measured_whole_or_by_split(codec, tmp_path, capsys):
    folder = write_pictures(tmp_path / "mine", 12)
    call = ["measure", folder, "--model", codec, "--batch-size", 5, "--size", 20]
    counts = {}
    for split in ("all", "train", "held_out"):
        assert run(*call, "--split", split, "--out", tmp_path / f"{split}.json") == 0
        counts[split] = json.loads((tmp_path / f"{split}.json").read_text())["num_images"]
    assert counts["all"] == 12 == counts["train"] + counts["held_out"]
    capsys.readouterr()
    assert run(*call) == 0
    said = capsys.readouterr()
    assert printed(said.out)["num images"] == 12
    assert printed(said.out)["bits per image"] == 5 * 5 * 4
    (warning,) = [line for line in said.err.splitlines() if "warning" in line]
    assert warning.startswith("vqlib: warning: 12 images for 64 features: the covariance is")
    x = stack(open_images(folder, "all", size=20))
    model = load_model(codec)
    mean = psnr(model.decode(model.encode(x)), x).mean().item()
    assert printed(said.out)["psnr db"] == pytest.approx(mean, abs=0.01)


@few_images
def test_a_folder_with_the_name_of_a_data_set(grey_codec, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "digits", 3)
    for name, count in (("digits", 297), ("./digits", 3)):
        assert run("measure", name, "--model", grey_codec) == 0
        assert printed(capsys.readouterr().out)["num images"] == count


@few_images
def test_broken_pictures_are_named_and_left_out(codec, tmp_path, capsys):
    folder = write_pictures(tmp_path / "mine", 4)
    (folder / "01.png").write_text("these are words")
    call = ["measure", folder, "--model", codec]
    assert "1 of 4 pictures cannot be read: 01.png" in refusal(capsys, *call)
    assert run(*call, "--broken", "skip") == 0
    said = capsys.readouterr()
    assert printed(said.out)["num images"] == 3
    assert f"vqlib: left out: {folder / '01.png'}: not a picture" in said.err


def test_measuring_changes_nothing_in_the_model(grey_codec):
    before = {path.name: path.read_bytes() for path in grey_codec.iterdir()}
    assert run("measure", "digits", "--model", grey_codec) == 0
    assert {path.name: path.read_bytes() for path in grey_codec.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "data is 'nowhere': no such folder, and no such data set; there are digits"),
        (["empty"], "empty: no pictures in this folder or below"),
        (["a file.png"], "a file.png: this is a file; give the folder"),
        (
            ["digits"],
            "digits is in grey, but codec takes pictures in colour; choose another --model",
        ),
        (["photos", "--split", "all"], "split is 'all'; photos has 'train' and 'held_out'"),
        (["scenes", "--split", "all"], "split is 'all'; scenes has 'train' and 'held_out'"),
        (["photos", "--size", "500"], "size is 500"),
        (["mine", "--size", "22"], "height and width must be multiples of f = 4"),
        (["mine", "--size", "0"], "size is 0; use 1 or more pixels"),
        (["mine", "--batch-size", "0"], "--batch-size is 0"),
        (["mine", "--device", "abacus"], "device is 'abacus', which cannot be used here"),
        (["mine", "--model", "empty"], "config.json not found"),
        (["cifar10", "--data-root", "stand-ins"], "size is 16; cifar10 has images of 32×32"),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, list) else "",
)
def test_wrong_values_get_one_line(
    arguments, message, codec, stand_in_data, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "stand-ins").symlink_to(stand_in_data)
    Image.new("RGB", (20, 20)).save("a file.png")
    write_pictures(tmp_path / "mine", 2)
    (tmp_path / "codec").symlink_to(codec)
    model = [] if "--model" in arguments else ["--model", "codec"]
    assert run("measure", *arguments, *model, "--out", "results.json") == 2
    said = capsys.readouterr()
    assert said.out == ""
    (error,) = [line for line in said.err.splitlines() if "vqlib: " in line]
    assert message in error
    assert not (tmp_path / "results.json").exists()


def test_one_picture_is_measured_in_all_but_the_frechet_distance(codec, tmp_path, capsys):
    folder = write_pictures(tmp_path / "mine", 1)
    assert run("measure", folder, "--model", codec, "--out", tmp_path / "one.json") == 0
    said, saved = capsys.readouterr(), json.loads((tmp_path / "one.json").read_text())
    names = [line.split(":")[0] for line in said.out.splitlines()]
    assert names == PRINTED
    reason = "a Fréchet distance needs 2 images or more"
    assert f"vqlib: not measured: {reason}\n" in said.err
    assert saved["not_measured"] == {"frechet": reason}
    assert saved["psnr_db"] > 0 and "frechet" not in saved


@few_images
def test_tiny_pictures_are_measured_in_all_but_ssim(codec, tmp_path, capsys):
    folder = write_pictures(tmp_path / "mine", 3)
    assert run("measure", folder, "--model", codec, "--size", 8) == 0
    said = capsys.readouterr()
    assert list(printed(said.out)) == [name for name in PRINTED if name != "ssim"]
    assert "vqlib: not measured: SSIM needs images of 11×11 pixels\n" in said.err


@few_images
def test_the_default_model_is_the_courses_for_the_data(capsys):
    """And any pretrained one can be named, in short where only one is meant."""
    bits = []
    for model in ([], ["--model", "faces_vqgan"], ["--model", "faces"], ["--model", "digits"]):
        assert run("measure", "faces", *model) == 0
        bits.append(printed(capsys.readouterr().out)["bits per image"])
    assert bits[0] == bits[1] == bits[2] != bits[3]
    message = refusal(capsys, "measure", "faces", "--model", "photos")
    assert "--model is 'photos': which one, photos_vqgan or photos_vqvae?" in message


def test_a_codec_of_label_maps_is_refused(tmp_path, capsys):
    save_model(label_maps(VQVAEConfig(), 5).build(), tmp_path / "maps")
    message = refusal(capsys, "measure", "photos", "--model", tmp_path / "maps")
    assert "holds a LabelMapVQVAE, a VQVAE or a ColorPalette is needed" in message


@few_images
def test_a_palette_is_measured_like_any_codec(palette, pictures, capsys):
    assert run("measure", pictures, "--model", palette) == 0
    numbers = printed(capsys.readouterr().out)
    assert numbers["bits per image"] == 16 * 16 * 3
    assert numbers["psnr db"] > 5


@few_images
def test_the_default_model_measures_photos(tmp_path, capsys):
    assert run("measure", write_pictures(tmp_path / "mine", 2)) == 0
    numbers = printed(capsys.readouterr().out)
    assert numbers["bits per image"] == 16 * 16 * 9
    assert numbers["psnr db"] > 15
