"""A model is asked for by folder or by the name of a pretrained one, everywhere alike."""

from pathlib import Path

import pytest

from tests.cli.commands import refusal, run, tiny_codec, write_pictures
from vqlib.compress import VQVAE
from vqlib.saved.find import WEIGHTS, find_model, load_kind, open_pipeline, pretrained_codecs


def test_full_names_and_short_ones():
    assert {find_model(name).name for name in pretrained_codecs()} == set(pretrained_codecs())
    shorts = {name: find_model(name).name for name in ("digits", "faces", "scenes")}
    assert shorts == {"digits": "digits_vqvae", "faces": "faces_vqgan", "scenes": "scenes_vqgan"}
    assert find_model(Path("scenes_labels")) == WEIGHTS / "scenes_labels"
    assert load_kind("faces", VQVAE).config.image_channels == 1
    for name in ("digits", "digits_gpt"):
        assert open_pipeline(name).condition == "class"


def test_what_is_neither_is_refused_with_the_names_there_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("model.ckpt").write_text("x")
    for name, kind, words in [
        ("photos", ValueError, "--codec is 'photos': which one, photos_vqgan or photos_vqvae?"),
        ("nowhere", FileNotFoundError, "--codec is 'nowhere': no such folder, and no such pre"),
        ("nowhere", FileNotFoundError, "there are digits_vqvae, faces_vqgan, photos_vqgan, "),
        ("model.ckpt", FileNotFoundError, "a file; a model's folder is needed (see convert"),
        ("digits_gpt", FileNotFoundError, "no such folder, and no such pretrained model"),
    ]:
        with pytest.raises(kind) as refused:
            find_model(name, "--codec")
        assert words in str(refused.value)
    with pytest.raises(FileNotFoundError, match="there are digits_gpt, digits_pixelcnn, "):
        open_pipeline("photos_vqgan")


def test_a_folder_of_the_same_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tiny_codec(tmp_path / "faces")
    assert find_model("faces") == WEIGHTS / "faces_vqgan"
    note = "vqlib: --model faces is the pretrained faces_vqgan; write ./faces for the folder here\n"
    assert capsys.readouterr().err == note
    assert load_kind("./faces", VQVAE).config.image_channels == 3
    assert capsys.readouterr().err == ""


def test_every_command_takes_a_name(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = write_pictures(tmp_path, 1) / "00.png"
    assert run("reconstruct", picture, "--model", "faces", "--out", "a") == 0
    assert Path("a/00.png").is_file()
    scenes = ["--data", "scenes", "--condition", "depth", "--out", "b"]
    for flag in ("--codec", "--condition-codec"):
        message = refusal(capsys, "tokenize", *scenes, flag, "nowhere")
        assert f"{flag} is 'nowhere': no such folder, and no such pretrained model" in message
    quick = ["--steps", 1, "--num-layers", 1, "--num-heads", 1, "--width", 8, "--device", "cpu"]
    call = ["train", "prior", "--data", "faces", "--codec", "faces", *quick]
    assert run(*call, "--batch-size", 2, "--out", "run") == 0
