"""`vqlib sample`: repeatable picture by picture, of what is asked for, and of any size."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from tests.cli.commands import refusal, run, tiny_codec, write_pictures
from tests.cli.pipelines import CONDITIONS, tiny_pipeline, write_label_map
from vqlib.data.pairs import canny_edges
from vqlib.data.pictures import read_picture
from vqlib.generate import Sampling
from vqlib.measure.recognition import recognised_digits
from vqlib.saved.model import load_model, save_model
from vqlib.saved.pipeline import load_pipeline

MAPS = ("segmentation", "depth", "edges", "low_resolution", "upper_half")


def cells(sheet: Path, count: int, *, side: int = 16, channels: int = 3) -> torch.Tensor:
    """The pictures of a sheet, ten in a row, 2 pixels apart."""
    x, step = read_picture(sheet, channels=channels), side + 2
    places = [(2 + step * (n // 10), 2 + step * (n % 10)) for n in range(count)]
    return torch.stack([x[:, top : top + side, left : left + side] for top, left in places])


@pytest.fixture
def given(tmp_path) -> dict[str, list[object]]:
    """What each kind of prior wants to be told."""
    photo = write_pictures(tmp_path / "photos", 1) / "00.png"
    labels = write_label_map(tmp_path / "labels.png", 30, 20, palette=True)
    return {
        "none": [],
        "class": [],
        "coordinates": ["--size", 32, 24],
        "text": ["--text", "a lake"],
        "segmentation": ["--map", labels],
        **{kind: ["--map", photo] for kind in MAPS[1:]},
    }


@pytest.mark.parametrize("kind", CONDITIONS)
def test_any_picture_of_a_sheet_can_be_drawn_alone(kind, pipeline, given, tmp_path, capsys):
    call = ["sample", "--prior", pipeline(kind), *given[kind]]
    assert run(*call, "--count", 4, "--seed", 3, "--columns", 2, "--out", tmp_path / "a.png") == 0
    said = capsys.readouterr()
    assert (
        f"{tmp_path}/a.png: 4 pictures, seeds 3 to 6 row by row; the last one alone: " in said.out
    )
    assert "--seed 6 --count 1" in said.out
    assert "token" in said.err  # the bar
    assert run(*call, "--count", 1, "--seed", 6, "--out", tmp_path / "one.png") == 0
    assert capsys.readouterr().out == f"{tmp_path}/one.png: 1 picture\n"
    sheet, one = (read_picture(tmp_path / name, channels=3) for name in ("a.png", "one.png"))
    _, h, w = one.shape
    assert sheet.shape == (3, 2 * h + 6, 2 * w + 6)  # each has a border of 2 pixels
    assert torch.equal(sheet[:, h + 4 : -2, w + 4 : -2], one)
    first = sheet[:, 2 : h + 2, 2 : w + 2]
    assert first.std() > 0.1 and not torch.equal(first, one)


@pytest.mark.parametrize("kind", CONDITIONS)
def test_what_is_given_is_what_the_prior_is_told(kind, pipeline, given, tmp_path):
    out, options = tmp_path / "a.png", ["--seed", 1, "--temperature", 0.8, "--top-k", 5]
    call = ["sample", "--prior", pipeline(kind), *given[kind], "--count", 1, *options]
    assert run(*call, "--out", out) == 0
    loaded, sampling = load_pipeline(pipeline(kind)), Sampling(temperature=0.8, top_k=5)
    if kind == "coordinates":
        expected = loaded.sample_large((32, 24), None, sampling, count=1, seed=1)
    else:
        told = {"none": None, "class": torch.tensor([1]), "text": ["a lake"]}
        if kind in MAPS:
            written, size = given[kind][1], (16, 16)
            told[kind] = told_map(kind, written, size)[None]
        expected = loaded.sample(told[kind], sampling, count=1, seed=1)
    drawn = read_picture(out, channels=3)
    assert (drawn - expected[0]).abs().max() < 1.1 / 127.5


def told_map(kind: str, path: Path, size: tuple[int, int]) -> torch.Tensor:
    """The middle of a file, resized; of a photograph its edges."""
    channels = 1 if kind == "depth" else 3
    with Image.open(path) as picture:
        width, height = picture.size
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        box = (left, top, left + side, top + side)
        if kind == "segmentation":
            labels = Image.fromarray(np.asarray(picture))
            nearest = labels.resize(size, Image.Resampling.NEAREST, box=box)
            return torch.from_numpy(np.asarray(nearest).astype("int64"))
    x = read_picture(path, channels=channels)[:, top : top + side, left : left + side]
    x = F.interpolate(x[None], size, mode="bicubic", antialias=True, align_corners=False)
    x = x[0].clamp(-1, 1)
    return canny_edges(x) if kind == "edges" else x


def test_several_captions_or_maps_take_turns(pipeline, tmp_path, given):
    text = ["sample", "--prior", pipeline("text"), "--top-k", 1, "--text"]
    assert run(*text, "a lake", "sky", "--out", tmp_path / "two.png") == 0  # as many as captions
    lake, sky = cells(tmp_path / "two.png", 2)
    assert not torch.equal(lake, sky)
    assert run(*text, "sky", "--count", 3, "--out", tmp_path / "three.png") == 0
    assert all(torch.equal(cell, sky) for cell in cells(tmp_path / "three.png", 3))
    photos = sorted(write_pictures(tmp_path / "photos", 3).iterdir())
    depth = ["sample", "--prior", pipeline("depth"), "--top-k", 1, "--map", *photos]
    assert run(*depth, "--count", 4, "--out", tmp_path / "four.png") == 0
    one, two, three, four = cells(tmp_path / "four.png", 4)
    assert torch.equal(one, four) and not torch.equal(one, two) and not torch.equal(two, three)


def test_captions_may_end_as_sentences_do(pipeline, tmp_path):
    call = ["sample", "--prior", pipeline("text"), "--count", 2, "--out"]
    for number, caption in enumerate(("a lake", "A lake.", "a lake。", "a lake!", "a lake ！")):
        assert run(*call, tmp_path / f"{number}.png", "--text", caption) == 0
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_classes_are_asked_for_or_follow_the_seed(pipeline, tmp_path):
    call = ["sample", "--prior", pipeline("class"), "--top-k", 1, "--count", 7, "--out"]
    assert run(*call, tmp_path / "all.png", "--seed", 2) == 0
    found = cells(tmp_path / "all.png", 7)  # classes 2, 3, 4, 0, 1, 2, 3
    assert torch.equal(found[:2], found[5:])
    assert run(*call, tmp_path / "three.png", "--label", 3) == 0
    assert all(torch.equal(cell, found[1]) for cell in cells(tmp_path / "three.png", 7))


@pytest.mark.parametrize("schedule", ["sequential", "wavefront"])
def test_a_larger_picture(schedule, pipeline, given, tmp_path):
    for kind in ("none", "segmentation"):
        call = ["sample", "--prior", pipeline(kind), *given[kind], "--size", 20, 28]
        out = tmp_path / f"{kind}.png"
        assert run(*call, "--schedule", schedule, "--out", out) == 0
        assert read_picture(out, channels=3).shape == (3, 20, 28)
    assert run(*call, "--schedule", "strided", "--stride", 2, "--out", tmp_path / "b.png") == 0
    assert (tmp_path / "b.png").read_bytes() != out.read_bytes()


def test_half_the_bits_are_enough(pipeline, tmp_path):
    call = ["sample", "--prior", pipeline("class"), "--precision", "bf16", "--count", 2, "--out"]
    assert run(*call, tmp_path / "a.png") == 0
    assert run(*call, tmp_path / "b.png") == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_guidance_exaggerates_the_condition(tmp_path, pipeline, capsys):
    prior = tiny_pipeline(tmp_path / "guided", "class", guidance=True)
    call = ["sample", "--prior", prior, "--label", 2, "--count", 3, "--out"]
    for guidance in (1, 3):
        assert run(*call, tmp_path / f"{guidance}.png", "--guidance", guidance) == 0
    assert (tmp_path / "1.png").read_bytes() != (tmp_path / "3.png").read_bytes()
    call[2] = pipeline("class")
    message = refusal(capsys, *call, tmp_path / "x.png", "--guidance", 3)
    assert "this model knows no pictures without a condition" in message


def test_ctrl_c_leaves_no_picture(pipeline, tmp_path, monkeypatch, capsys):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Sampling, "draw", interrupted)
    call = ["sample", "--prior", pipeline("none"), "--out", tmp_path / "new" / "a.png"]
    assert run(*call) == 130
    assert "vqlib: interrupted" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_pretrained_digits(tmp_path):
    """The default prior draws the class that is asked for, or all in turn."""
    sevens, all_ten = tmp_path / "sevens.png", tmp_path / "all.png"
    careful, size = ["--count", 20, "--temperature", 0.7], {"side": 32, "channels": 1}
    assert run("sample", "--label", 7, *careful, "--out", sevens) == 0
    assert (recognised_digits(cells(sevens, 20, **size)) == 7).sum() >= 16
    assert run("sample", *careful, "--out", all_ten) == 0
    assert (recognised_digits(cells(all_ten, 20, **size)) == torch.arange(20) % 10).sum() >= 16


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("class", ["--label", 5], "--label is 5; this prior knows 0 to 4"),
        ("class", ["--label", -1], "--label is -1; this prior knows 0 to 4"),
        ("class", ["--text", "a"], "--text says nothing to this prior, which draws from class; "),
        ("none", ["--label", 1], "--label says nothing to this prior, which draws from nothing\n"),
        ("coordinates", [], "this prior draws parts of larger pictures; give their --size"),
        ("text", [], "this prior draws from text; give --text"),
        ("text", ["--text", "a sea"], "the word 'sea' is not known; there are: 'a', 'lake'"),
        ("text", ["--text", "a a a a"], "has 4 words; this model reads at most 3"),
        ("segmentation", [], "this prior draws from segmentation; give --map"),
        ("segmentation", ["--map", "nine.png"], "nine.png has the labels 8, which are not known"),
        ("segmentation", ["--map", "photo.png"], "photo.png: a picture in colour (mode RGB)"),
        ("segmentation", ["--map", "words.png"], "words.png: not a readable PNG"),
        ("depth", ["--map", "nowhere.png"], "nowhere.png: no such file"),
        ("depth", ["--map", "photo.png", "--out", "photo.png"], "the result would overwrite"),
        ("none", ["--count", 0], "--count is 0; it must be at least 1"),
        ("none", ["--columns", 0], "--columns is 0"),
        ("none", ["--temperature", 0], "--temperature is 0.0"),
        (
            "none",
            ["--top-k", 0],
            "--top-k is 0; it must be at least 1 (without one every code is kept)",
        ),
        ("none", ["--top-p", 1.5], "--top-p is 1.5"),
        ("none", ["--guidance", -1], "--guidance is -1.0"),
        ("none", ["--seed", -1], "--seed is -1; use 0 to 4611686018427387904"),
        ("none", ["--size", 30, 32], "--size is 30×32 pixels; use multiples of f = 4"),
        ("none", ["--size", 0, 32], "--size is 0×32 pixels"),
        ("none", ["--schedule", "strided", "--stride", 0], "--stride is 0"),
        ("none", ["--size", 32, 32, "--schedule", "strided"], "4 columns allows at most 2"),
        ("none", ["--out", "x.jpg"], "x.jpg: pictures are saved as PNG"),
        ("none", ["--device", "abacus"], "device is 'abacus', which cannot be used here"),
    ],
    ids=lambda value: "_".join(map(str, value)) if isinstance(value, list) else "",
)
def test_wrong_values_get_one_line(
    kind, arguments, message, pipeline, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Image.new("L", (16, 16), 8).save("nine.png")
    (write_pictures(tmp_path, 1) / "00.png").rename("photo.png")
    Path("words.png").write_text("these are words")
    before = sorted(tmp_path.iterdir())
    assert message in refusal(capsys, "sample", "--prior", pipeline(kind), *arguments)
    assert sorted(tmp_path.iterdir()) == before


def test_priors_that_cannot_draw_are_named(pipeline, codec, tmp_path, capsys):
    call = ["sample", "--out", tmp_path / "x.png", "--prior"]
    message = refusal(capsys, *call, "nowhere")
    assert (
        "--prior is 'nowhere': no such folder, and no such pretrained model; there are" in message
    )
    assert "pipeline.json not found" in refusal(capsys, *call, codec)
    mine = tiny_pipeline(tmp_path / "mine", "none")
    tiny_codec(mine / "codec" / "deep")
    (mine / "pipeline.json").write_text('{"condition": "none"')
    assert "pipeline.json is damaged" in refusal(capsys, *call, mine)
    (mine / "pipeline.json").write_text('{"condition": "none", "codec": "../mine"}')
    assert "mine holds a GPT, a codec is needed" in refusal(capsys, *call, mine)
    (mine / "pipeline.json").write_text('{"condition": "none", "codec": "codec"}')
    save_model(load_model(codec), mine / "best")
    assert "holds a VQVAE, a prior is needed" in refusal(capsys, *call, mine)
    assert not (tmp_path / "x.png").exists()
