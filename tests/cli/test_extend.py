"""`vqlib extend`: what is kept stays, what is new is drawn, and nothing else."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.cli.commands import refusal, run, write_pictures
from tests.cli.pipelines import write_label_map
from vqlib.data.pictures import read_picture
from vqlib.generate import Known, Sampling
from vqlib.saved.pipeline import Pipeline, load_pipeline

TO_ALL_SIDES = ["--left", 4, "--right", 8, "--top", 12, "--bottom", 4]


@pytest.fixture
def photo(tmp_path) -> Path:
    """A photograph of 20×24 pixels, 5×6 tokens."""
    return write_pictures(tmp_path, 1, height=20, width=24) / "00.png"


@pytest.fixture
def drawn_around(monkeypatch) -> list[Known]:
    """What `sample_large` was told to keep, in each call."""
    known, sample_large = [], Pipeline.sample_large

    def noted(pipeline: Pipeline, *args: object, **options: object) -> torch.Tensor:
        known.append(options["known"])
        return sample_large(pipeline, *args, **options)

    monkeypatch.setattr(Pipeline, "sample_large", noted)
    return known


def test_the_photograph_keeps_its_tokens(photo, pipeline, tmp_path, capsys, drawn_around):
    out = tmp_path / "new" / "a.png"
    call = ["extend", photo, "--prior", pipeline("none"), *TO_ALL_SIDES, "--seed", 5, "--top-k", 9]
    assert run(*call, "--out", out) == 0
    said = capsys.readouterr()
    assert said.out == f"{out}: 36×36 pixels, 30 of 81 tokens kept\n"
    assert "81/81" in said.err
    loaded, (known,) = load_pipeline(pipeline("none")), drawn_around
    expected = torch.zeros(1, 9, 9, dtype=torch.bool)
    expected[:, 3:8, 1:7] = True
    assert torch.equal(known.keep, expected)
    tokens = loaded.codec.encode(read_picture(photo, channels=3)[None])
    assert torch.equal(known.tokens[:, 3:8, 1:7], tokens)
    options = {"seed": 5, "known": known}
    (picture,) = loaded.sample_large((36, 36), None, Sampling(top_k=9), **options)
    assert (read_picture(out, channels=3) - picture).abs().max() < 1.1 / 127.5


@pytest.mark.parametrize(
    ("rectangle", "rows", "columns"),
    [
        ((4, 8, 8, 4), slice(1, 3), slice(2, 3)),
        ((3, 8, 10, 5), slice(0, 4), slice(2, 4)),  # touched tokens count
        ((0, 0, 20, 24), slice(None), slice(None)),
    ],
)
def test_a_rectangle_is_drawn_anew(rectangle, rows, columns, photo, pipeline, tmp_path,
                                   drawn_around):  # fmt: skip
    call = ["extend", photo, "--prior", pipeline("none"), "--out", tmp_path / "a.png"]
    assert run(*call, "--erase", *rectangle) == 0
    expected = torch.ones(1, 5, 6, dtype=torch.bool)
    expected[:, rows, columns] = False
    (known,) = drawn_around
    assert torch.equal(known.keep, expected)
    assert read_picture(tmp_path / "a.png", channels=3).shape == (3, 20, 24)


def test_the_photographs_own_pixels_can_be_put_back(photo, pipeline, tmp_path):
    call = ["extend", photo, "--prior", pipeline("none"), "--left", 4, "--erase", 8, 8, 4, 4]
    assert run(*call, "--out", tmp_path / "plain.png") == 0
    assert run(*call, "--out", tmp_path / "pasted.png", "--paste") == 0
    plain, pasted = (read_picture(tmp_path / f"{it}.png", channels=3) for it in ("plain", "pasted"))
    x = read_picture(photo, channels=3)
    kept = torch.ones(20, 24, dtype=torch.bool)
    kept[8:12, 8:12] = False
    assert torch.equal(pasted[:, :, 4:][:, kept], x[:, kept])
    assert torch.equal(pasted[:, :, :4], plain[:, :, :4])
    assert torch.equal(pasted[:, 8:12, 12:16], plain[:, 8:12, 12:16])
    assert (plain[:, :, 4:][:, kept] - x[:, kept]).abs().mean() > 0.05


def test_a_large_photograph_is_shrunk_and_cropped(pipeline, tmp_path, capsys, drawn_around):
    photo = write_pictures(tmp_path, 1, height=90, width=66) / "00.png"
    call = ["extend", photo, "--prior", pipeline("none"), "--out", tmp_path / "a.png"]
    assert run(*call, "--max-side", 45, "--erase", 0, 0, 16, 33) == 0
    note = f"vqlib: {photo}: 90×66 pixels become 44×32, multiples of f = 4\n"
    assert note in capsys.readouterr().err
    (known,) = drawn_around
    # The rectangle is told in pixels of the photograph, which is half as large now.
    assert not known.keep[0, :2, :5].any()
    assert known.keep.sum() == 11 * 8 - 2 * 5


def test_what_to_draw_can_be_told(photo, pipeline, tmp_path):
    labels = write_label_map(tmp_path / "map.png", 50, 40)
    for kind, told in {
        "class": ["--label", 2],
        "text": ["--text", "a lake"],
        "segmentation": ["--map", labels],
        "coordinates": [],
    }.items():
        call = ["extend", photo, "--prior", pipeline(kind), "--bottom", 4, *told]
        assert run(*call, "--out", tmp_path / f"{kind}.png") == 0
        assert read_picture(tmp_path / f"{kind}.png", channels=3).shape == (3, 24, 24)


def test_ctrl_c_leaves_no_picture(photo, pipeline, tmp_path, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Sampling, "draw", interrupted)
    call = ["extend", photo, "--prior", pipeline("none"), "--right", 4]
    assert run(*call, "--out", tmp_path / "a.png") == 130
    assert list(tmp_path.iterdir()) == [photo]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.png"], "there is nothing to draw: give --left, --right, --top, --bottom or --erase"),
        (["a.png", "--left", "-4"], "--left is -4; use 0 or more"),
        (["a.png", "--top", "6"], "--top is 6; it must be a multiple of f = 4"),
        (["a.png", "--erase", "0", "0", "21", "4"], "a.png has 20×24 pixels"),
        (["a.png", "--erase", "0", "0", "0", "4"], "height 0, width 4; a.png has 20×24"),
        (["a.png", "--erase", "-1", "0", "4", "4"], "--erase is top -1"),
        (["a.png", "--left", "4", "--max-side", "0"], "--max-side is 0"),
        (["a.png", "--left", "4", "--max-side", "3"], "a.png has 2×3 pixels; 4×4 are needed"),
        (["a.png", "--left", "4", "--out", "a.png"], "the result would overwrite"),
        (["a.png", "--left", "4", "--label", "1"], "--label says nothing to this prior"),
        (["nowhere.png", "--left", "4"], "nowhere.png: no such file"),
        (["words.png", "--left", "4"], "words.png: not a picture"),
    ],
)
def test_wrong_values_get_one_line(arguments, message, pipeline, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (24, 20)).save("a.png")
    Path("words.png").write_text("these are words")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert message in refusal(capsys, "extend", *arguments, "--prior", pipeline("none"))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
