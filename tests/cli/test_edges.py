"""Priors of edges draw from photographs, whose edges are computed as in training."""

import numpy as np
import pytest
import torch
from PIL import Image

from tests.cli.commands import refusal, run, write_pictures
from vqlib.data.folder import FolderImages
from vqlib.data.pairs import canny_edges
from vqlib.data.pictures import read_picture, write_picture
from vqlib.saved.pipeline import Pipeline, load_pipeline


@pytest.fixture
def told(monkeypatch) -> list[torch.Tensor]:
    """The maps that a prior is told, in each call."""
    seen, value = [], Pipeline.value

    def noted(pipeline: Pipeline, condition: torch.Tensor) -> torch.Tensor:
        seen.append(condition)
        return value(pipeline, condition)

    monkeypatch.setattr(Pipeline, "value", noted)
    return seen


def test_a_photograph_gives_the_edges_that_training_saw(pipeline, tmp_path, told, capsys):
    """Of a picture that has the size drawn, byte for byte."""
    photo = write_pictures(tmp_path / "photos", 1, height=16, width=16) / "00.png"
    call = ["sample", "--prior", pipeline("edges"), "--count", 2, "--out", tmp_path / "a.png"]
    assert run(*call, "--map", photo, "--batch-size", 1) == 0
    edges = canny_edges(FolderImages(photo.parent, 16)[0])
    assert edges.unique().tolist() == [-1, 1]
    assert all(torch.equal(seen, edges[None]) for seen in told) and len(told) == 2
    note = f"vqlib: {photo}: its edges are computed (--map-is tells which it is)\n"
    assert capsys.readouterr().err.count(note) == 1


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_map_of_edges_is_taken_as_it_is(ending, pipeline, tmp_path, told, capsys):
    photo = write_pictures(tmp_path / "photos", 1, height=16, width=16) / "00.png"
    edges = canny_edges(read_picture(photo, channels=3))
    write_picture(edges, tmp_path / "edges.png")
    path = tmp_path / f"map.{ending}"
    with Image.open(tmp_path / "edges.png") as picture:
        picture.save(path, quality=95)
    call = ["sample", "--prior", pipeline("edges"), "--count", 1, "--out", tmp_path / "a.png"]
    assert run(*call, "--map", path) == 0
    assert f"vqlib: {path}: taken as a map of edges" in capsys.readouterr().err
    (seen,) = told
    assert (seen[0] - edges).abs().max() < (0.01 if ending == "png" else 0.3)
    told.clear()
    assert run(*call, "--map", path, "--map-is", "photo") == 0
    assert run(*call, "--map", photo, "--map-is", "edges") == 0
    assert "--map-is" not in capsys.readouterr().err
    assert torch.equal(told[0][0], canny_edges(read_picture(path, channels=3)))
    assert (told[1][0] - read_picture(photo, channels=1)).abs().max() < 0.01


def test_to_paint_and_to_extend_too(pipeline, tmp_path, told, capsys):
    photo = write_pictures(tmp_path / "photos", 1, height=22, width=30) / "00.png"
    out = ["--prior", pipeline("edges"), "--out", tmp_path / "a.png"]
    assert run("paint", photo, *out) == 0
    assert run("extend", photo, "--bottom", 4, "--map", photo, *out) == 0
    x = read_picture(photo, channels=3)
    assert torch.equal(told[0][0], canny_edges(x[:, :20, :28]))
    assert told[1].shape == (1, 1, 24, 28) and told[1].unique().tolist() == [-1, 1]
    assert "its edges are computed" in capsys.readouterr().err


def test_the_token_grid_agrees_with_the_true_edges(pipeline, tmp_path, told):
    """Not so when the photograph itself was taken for the map."""
    photo = write_pictures(tmp_path / "photos", 1, height=40, width=40) / "00.png"
    call = ["sample", "--prior", pipeline("edges"), "--count", 1, "--out", tmp_path / "a.png"]
    assert run(*call, "--map", photo) == 0
    codec = load_pipeline(pipeline("edges")).condition_codec
    (seen,) = told
    trained = codec.encode(canny_edges(FolderImages(photo.parent, 16)[0])[None])
    assert (codec.encode(seen) == trained).float().mean() >= 0.75
    grey = torch.nn.functional.interpolate(read_picture(photo, channels=1)[None], (16, 16))
    assert (codec.encode(grey) == trained).float().mean() <= 0.5


@pytest.mark.parametrize("command", ["sample", "paint"])
def test_other_priors_have_no_choice(command, pipeline, tmp_path, capsys):
    grey = np.zeros((16, 16), np.uint8)
    Image.fromarray(grey).save(tmp_path / "map.png")
    prior = ["--prior", pipeline("segmentation"), "--map-is", "photo", "--out", tmp_path / "a.png"]
    given = [tmp_path / "map.png"] if command == "paint" else ["--map", tmp_path / "map.png"]
    message = refusal(capsys, command, *given, *prior)
    assert "--map-is says nothing to this prior, which draws from segmentation" in message
