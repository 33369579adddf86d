"""`vqlib sample --out folder/`: a file for each seed, which can be gone on with."""

import json
from pathlib import Path

import pytest
import torch

from tests.cli.commands import refusal, run
from tests.cli.pipelines import CONDITIONS, tiny_pipeline
from tests.cli.test_sample import given  # noqa: F401 (a fixture)
from vqlib.data.pictures import read_picture
from vqlib.generate import Sampling


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def interrupted_after(monkeypatch):
    """Ctrl-C once so many tokens were drawn."""

    draw = Sampling.draw

    def after(calls: int) -> None:
        drawn = []

        def counted(*args: object) -> torch.Tensor:
            drawn.append(1)
            if len(drawn) > calls:
                raise KeyboardInterrupt
            return draw(*args)

        monkeypatch.setattr(Sampling, "draw", counted)

    return after


@pytest.mark.parametrize("kind", CONDITIONS)
def test_the_pictures_are_those_of_the_sheet_whatever_the_batch(
    kind,
    pipeline,
    given,  # noqa: F811
    tmp_path,
    capsys,
):
    call = ["sample", "--prior", pipeline(kind), *given[kind], "--count", 5, "--seed", 8]
    assert run(*call, "--out", tmp_path / "sheet.png") == 0
    assert run(*call, "--out", tmp_path / "parts.png", "--batch-size", 2) == 0
    assert (tmp_path / "sheet.png").read_bytes() == (tmp_path / "parts.png").read_bytes()
    capsys.readouterr()
    folder = tmp_path / "new" / "all"
    assert run(*call, "--out", folder, "--batch-size", 3) == 0
    said = capsys.readouterr()
    assert f"{folder}: 5 pictures; samples.json tells how they were drawn\n" in said.out
    assert "pictures: 100%" in said.err and "tokens" not in said.err
    names = [f"seed_{seed:08d}.png" for seed in range(8, 13)]
    assert sorted(path.name for path in folder.iterdir()) == ["samples.json", *names]
    side = read_picture(folder / names[0], channels=3).shape[1:]
    sheet = read_picture(tmp_path / "sheet.png", channels=3)
    for number, name in enumerate(names):
        left = 2 + number * (side[1] + 2)
        cell = sheet[:, 2 : 2 + side[0], left : left + side[1]]
        assert torch.equal(read_picture(folder / name, channels=3), cell)
    alone = [*call, "--count", 1, "--seed", 10, "--out", tmp_path / "alone"]
    assert run(*alone) == 0
    assert files(tmp_path / "alone")[names[2]] == files(folder)[names[2]]


def test_a_file_tells_how_they_were_drawn(pipeline, tmp_path):
    out = tmp_path / "all"
    how = ["--top-k", 9, "--precision", "bf16", "--out", out]
    assert run("sample", "--prior", pipeline("class"), "--count", 3, "--seed", 4, *how) == 0
    notes = json.loads((out / "samples.json").read_text())
    assert notes["pictures"] == {
        "seed_00000004.png": {"seed": 4, "label": 4},
        "seed_00000005.png": {"seed": 5, "label": 0},
        "seed_00000006.png": {"seed": 6, "label": 1},
    }
    assert (notes["prior"], notes["top_k"], notes["precision"]) == (
        str(pipeline("class")),
        9,
        "bf16",
    )
    assert notes["size"] == [16, 16] and notes["sha256"].keys() == {"prior", "codec"}
    text = ["--text", "a lake.", "sky", "--count", 3, "--out", tmp_path / "text"]
    assert run("sample", "--prior", pipeline("text"), *text) == 0
    notes = json.loads((tmp_path / "text" / "samples.json").read_text())
    assert [row["text"] for row in notes["pictures"].values()] == ["a lake.", "sky", "a lake."]


def test_what_an_interruption_left_is_gone_on_with(pipeline, tmp_path, capsys, interrupted_after):
    call = ["sample", "--prior", pipeline("text"), "--text", "a lake", "sky", "a", "--count", 7]
    call += ["--batch-size", 2, "--seed", 5, "--out"]
    assert run(*call, tmp_path / "whole") == 0
    interrupted_after(16 * 2 + 3)  # in the third batch
    part = tmp_path / "part"
    assert run(*call, part) == 130
    said = capsys.readouterr().err
    assert f"vqlib: 4 of 7 pictures are in {part}; go on with the same command and" in said
    whole, left = files(tmp_path / "whole"), files(part)
    assert left == {name: whole[name] for name in left} and len(left) == 5
    interrupted_after(10**9)
    assert "part holds samples already (seed_00000005.png); go on with" in refusal(
        capsys, *call, part
    )
    (part / "seed_00000006.png").unlink()
    assert run(*call, part, "--resume") == 0
    assert "part: 7 pictures, 3 of which were there already; " in capsys.readouterr().out
    assert files(part) == whole
    assert run(*call, part, "--resume") == 0
    assert files(part) == whole


def test_an_interruption_before_the_first_picture_leaves_nothing(
    pipeline, tmp_path, interrupted_after
):
    interrupted_after(3)
    assert run("sample", "--prior", pipeline("none"), "--out", tmp_path / "new") == 130
    assert list(tmp_path.iterdir()) == []


def test_more_pictures_can_be_added(pipeline, tmp_path):
    call = ["sample", "--prior", pipeline("class"), "--out", tmp_path / "all", "--resume"]
    assert run(*call, "--count", 2) == 0
    before = files(tmp_path / "all")
    assert run(*call, "--count", 2, "--seed", 7) == 0
    after = files(tmp_path / "all")
    assert all(after[name] == before[name] for name in before if name.endswith(".png"))
    seeds = [row["seed"] for row in json.loads(after["samples.json"])["pictures"].values()]
    assert seeds == [0, 1, 7, 8]


def test_pictures_drawn_otherwise_are_never_mixed_or_replaced(pipeline, tmp_path, capsys):
    out = tmp_path / "all"
    call = ["sample", "--count", 3, "--out", out, "--resume", "--prior"]
    assert run(*call, pipeline("class")) == 0
    other = tiny_pipeline(tmp_path / "other", "class", guidance=True)
    before = files(out)
    for more, message in [
        ([pipeline("class"), "--temperature", 0.5], "otherwise (--temperature: 1.0 then, 0.5 now)"),
        ([pipeline("class"), "--label", 1], "(seed_00000000.png: {'seed': 0, 'label': 0} then, "),
        ([other], "otherwise (--prior: "),
    ]:
        assert message in refusal(capsys, *call, *more)
    (out / "samples.json").unlink()
    message = "seed_00000000.png is no picture that samples.json knows; choose another --out"
    assert message in refusal(capsys, *call, pipeline("class"))
    (out / "samples.json").write_text("[")
    assert "samples.json is damaged" in refusal(capsys, *call, pipeline("class"))
    (out / "samples.json").write_bytes(before["samples.json"])
    assert files(out) == before


def test_another_model_of_the_same_name_is_noticed(tmp_path, capsys):
    prior = tiny_pipeline(tmp_path / "mine", "none")
    call = ["sample", "--prior", prior, "--count", 2, "--out", tmp_path / "all", "--resume"]
    assert run(*call) == 0
    tiny_pipeline(tmp_path / "mine", "class")
    assert "drawn otherwise (sha256: " in refusal(capsys, *call)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "x.jpg"], "x.jpg: pictures are saved as PNG"),
        (["--out", "afile"], "afile is no folder, so afile cannot be one"),
        (["--out", "afile/a"], "afile is no folder, so afile/a cannot be one"),
        (["--out", "afile/a.png"], "afile is no folder, so afile cannot be one"),
        (["--out", "/proc/a.png"], "/proc: nothing can be written here"),
        (["--out", "/proc/all"], "/proc: nothing can be written here"),
        (["--out", "a.png", "--resume"], "--resume goes on in a folder, but --out is a.png"),
        (["--out", "all", "--batch-size", 0], "--batch-size is 0; it must be at least 1"),
        (["--out", "all", "--seed", "9" * 20], f"--seed is {'9' * 20}; use 0 to 4611686018427387"),
        (["--count", 2, "--text", "a", "a", "a"], "--count is 2, but 3 captions or maps are given"),
        (["--text", "a", "--count", 400000], "a sheet of 400,000 pictures would have 720,002×182 "
         "pixels, more than programs open; give a folder as --out"),
        (["--out", "all", "--text", "a sea"], "the word 'sea' is not known"),
    ],
    ids=lambda value: "_".join(map(str, value)) if isinstance(value, list) else "",
)  # fmt: skip
def test_wrong_values_get_one_line_before_anything_is_drawn(
    arguments, message, pipeline, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("afile").write_text("a file")
    monkeypatch.setattr(Sampling, "draw", None)
    text = [] if "--text" in arguments else ["--text", "a"]
    assert message in refusal(capsys, "sample", "--prior", pipeline("text"), *text, *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["afile"]


def test_many_pictures_need_little_memory(pipeline, tmp_path, monkeypatch):
    """No more than a batch is drawn or decoded at a time."""
    from vqlib.compress import VQVAE

    sizes, decode = [], VQVAE.decode

    def noted(model: VQVAE, tokens: torch.Tensor) -> torch.Tensor:
        sizes.append(len(tokens))
        return decode(model, tokens)

    monkeypatch.setattr(VQVAE, "decode", noted)
    call = ["sample", "--prior", pipeline("none"), "--count", 90, "--top-k", 1]
    assert run(*call, "--out", tmp_path / "all", "--batch-size", 40) == 0
    assert sizes == [16, 16, 8, 16, 16, 8, 10]
