"""`vqlib paint`: a picture as large as its map, from any PNG that holds labels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.cli.commands import refusal, run, write_pictures
from tests.cli.pipelines import write_label_map
from vqlib.data.folder_maps import read_label_map
from vqlib.data.pictures import read_picture
from vqlib.generate import Sampling, Strided
from vqlib.saved.pipeline import load_pipeline


@pytest.mark.parametrize("palette", [False, True])
def test_the_map_decides_what_is_drawn_and_how_large(palette, pipeline, tmp_path, capsys):
    labels = write_label_map(tmp_path / "map.png", 28, 24, palette=palette)
    call = ["paint", labels, "--prior", pipeline("segmentation"), "--seed", 3, "--top-k", 9]
    assert run(*call, "--out", tmp_path / "new" / "a.png") == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path}/new/a.png: 28×24 pixels, 42 tokens\n"
    assert "42/42" in said.err and "cropped" not in said.err
    loaded = load_pipeline(pipeline("segmentation"))
    told = read_label_map(labels)[None]
    expected = loaded.sample_large((28, 24), told, Sampling(top_k=9), seed=3)
    drawn = read_picture(tmp_path / "new" / "a.png", channels=3)
    assert (drawn - expected[0]).abs().max() < 1.1 / 127.5


def test_a_map_of_any_size_is_cropped_to_whole_tokens(pipeline, tmp_path, capsys):
    labels = write_label_map(tmp_path / "map.png", 23, 30)
    stride = ["--schedule", "strided", "--stride", 2]
    call = ["paint", labels, "--prior", pipeline("segmentation"), "--out", tmp_path / "a.png"]
    assert run(*call, *stride) == 0
    note = f"vqlib: {labels}: cropped from 23×30 to 20×28 pixels, multiples of 4\n"
    assert note in capsys.readouterr().err
    loaded, told = load_pipeline(pipeline("segmentation")), read_label_map(labels)[None, :20, :28]
    expected = loaded.sample_large((20, 28), told, schedule=Strided(2))
    drawn = read_picture(tmp_path / "a.png", channels=3)
    assert (drawn - expected[0]).abs().max() < 1.1 / 127.5


def test_a_large_map_is_shrunk(pipeline, tmp_path, capsys):
    """Labels to the nearest: none appears between two others."""
    labels = write_label_map(tmp_path / "map.png", 80, 120)
    call = ["paint", labels, "--prior", pipeline("segmentation"), "--out", tmp_path / "a.png"]
    assert run(*call, "--max-side", 30, "--top-k", 1) == 0
    said = capsys.readouterr()
    assert (
        f"vqlib: {labels}: shrunk from 80×120 to 20×30 pixels; --max-side allows more" in said.err
    )
    assert f"vqlib: {labels}: cropped from 20×30 to 20×28 pixels" in said.err
    assert "20×28 pixels, 35 tokens" in said.out
    told = read_label_map(labels)[2::4, 2::4][None, :20, :28]
    expected = load_pipeline(pipeline("segmentation")).sample_large(
        (20, 28), told, Sampling(top_k=1)
    )
    drawn = read_picture(tmp_path / "a.png", channels=3)
    assert (drawn - expected[0]).abs().max() < 1.1 / 127.5
    photo = write_pictures(tmp_path, 1, height=600, width=40) / "00.png"
    assert run("paint", photo, "--prior", pipeline("depth"), "--out", tmp_path / "b.png") == 0
    assert read_picture(tmp_path / "b.png", channels=3).shape == (3, 512, 32)


def test_depth_and_edges_are_maps_too(pipeline, tmp_path):
    photo = write_pictures(tmp_path, 1, height=17, width=20) / "00.png"
    for kind in ("depth", "edges"):
        out = tmp_path / f"{kind}.png"
        assert run("paint", photo, "--prior", pipeline(kind), "--out", out) == 0
        assert read_picture(out, channels=3).shape == (3, 16, 20)


def test_ctrl_c_leaves_no_picture(pipeline, tmp_path, monkeypatch):
    labels = write_label_map(tmp_path / "map.png", 20, 20)
    calls = []

    def interrupted(sampling: Sampling, logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return logits.argmax(-1)

    monkeypatch.setattr(Sampling, "draw", interrupted)
    call = ["paint", labels, "--prior", pipeline("segmentation"), "--out", tmp_path / "a.png"]
    assert run(*call) == 130
    assert list(tmp_path.iterdir()) == [labels]


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("segmentation", ["nine.png"], "nine.png has the labels 8, 200, which are not known; there "
         "are 0, 1, 2, 3, 4, 5, 6, 7\n"),
        ("segmentation", ["photo.png"], "photo.png: a picture in colour (mode RGB)"),
        ("segmentation", ["words.png"], "words.png: not a readable PNG"),
        ("segmentation", ["nowhere.png"], "nowhere.png: no such file"),
        ("segmentation", ["tiny.png"], "tiny.png has 3×9 pixels; 4×4 are needed at least"),
        ("segmentation", ["map.png", "--out", "a.jpg"], "a.jpg: pictures are saved as PNG"),
        ("segmentation", ["map.png", "--out", "map.png"], "map.png: the result would overwrite"),
        ("segmentation", ["map.png", "--out", "."], ".: pictures are saved as PNG"),
        ("segmentation", ["map.png", "--schedule", "strided"], "a window of 4 columns allows at "),
        ("segmentation", ["map.png", "--max-side", "0"], "--max-side is 0; it must be at least 1"),
        ("segmentation", ["map.png", "--top-p", "0"], "--top-p is 0.0"),
        ("class", ["map.png"], "class draws from class; to paint takes a prior of segmentation"),
    ],
)  # fmt: skip
def test_wrong_values_get_one_line(
    kind, arguments, message, pipeline, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    labels = np.zeros((16, 16), np.uint8)
    labels[3, :2] = 8, 200
    Image.fromarray(labels).save("nine.png")
    (write_pictures(tmp_path, 1) / "00.png").rename("photo.png")
    Path("words.png").write_text("these are words")
    write_label_map(Path("map.png"), 16, 16)
    write_label_map(Path("tiny.png"), 3, 9)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert message in refusal(capsys, "paint", *arguments, "--prior", pipeline(kind))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
