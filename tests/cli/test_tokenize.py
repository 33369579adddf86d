"""`vqlib tokenize`: a folder of tokens from which a prior learns what it learns from pictures."""

import json
import signal

import numpy as np
import pytest

from tests.cli.commands import refusal, run, write_pictures
from tests.train.small import assert_close_weights
from vqlib.data.folder import FolderImages
from vqlib.data.folder_maps import FolderLabelMaps
from vqlib.data.images import stack
from vqlib.saved.model import load_model
from vqlib.saved.pipeline import load_pipeline
from vqlib.saved.run_folder import latest_checkpoint
from vqlib.tokens import folder as token_folder
from vqlib.tokens.cache import open_token_cache
from vqlib.tokens.folder import open_token_folder
from vqlib.train.runlog import read_log

QUICK = ["--steps", 3, "--batch-size", 4, "--log-every", 1, "--device", "cpu"]
QUICK += ["--num-layers", 1, "--num-heads", 2, "--width", 8]


@pytest.fixture
def segmentation(pictures, label_maps, codec, label_codec) -> list[object]:
    """Flags for pictures with label maps."""
    flags = ["--data", pictures, "--maps", label_maps, "--condition", "segmentation"]
    return [*flags, "--codec", codec, "--condition-codec", label_codec]


def test_pictures_and_their_maps(segmentation, pictures, label_maps, codec, tmp_path, capsys):
    out = tmp_path / "new" / "tokens"
    assert run("tokenize", "--out", out, *segmentation) == 0
    assert f"{out}: 4×4 tokens of 9 pictures, and of 3 held out\n" in capsys.readouterr().out
    assert [path.name for path in out.parent.iterdir()] == ["tokens"]
    read = open_token_folder(out)
    for split, grids in (("train", read.train), ("held_out", read.held_out)):
        images = FolderImages(pictures, 16, split=split)
        maps = FolderLabelMaps(images, label_maps, num_labels=8)
        tokens = load_model(codec).encode(stack(images))
        assert np.array_equal(grids.tokens, tokens)
        values = read.condition_codec.encode(stack(maps)[:, 0].long())
        assert np.array_equal(grids.values, values)
    assert np.array_equal(open_token_cache(out, load_model(codec)).tokens, read.train.tokens)


def test_copies_are_random_cuts_that_pictures_and_maps_share(segmentation, tmp_path):
    def tokens(name: str, *more: object) -> tuple[np.ndarray, np.ndarray]:
        assert run("tokenize", "--out", tmp_path / name, *segmentation, *more) == 0
        train = open_token_folder(tmp_path / name).train
        return np.array(train.tokens), np.array(train.values)

    one, again = (tokens(name, "--copies", 3, "--seed", 1) for name in "ab")
    other = tokens("c", "--copies", 3, "--seed", 2, "--workers", 1)
    assert all(map(np.array_equal, one, again))
    assert one[0].shape == one[1].shape == (27, 4, 4)
    for mine, others in zip(one, other, strict=True):
        assert not np.array_equal(mine, others)
        assert not np.array_equal(mine[:9], mine[9:18])
    # Where the cut of a picture is another, that of its map is another too.
    differs = [(a[:9] != a[9:18]).any((1, 2)) for a in one]
    assert (differs[0] & differs[1]).sum() >= 7


@pytest.mark.parametrize("kind", ["class", "coordinates", "text", "upper_half"])
def test_a_prior_learns_from_tokens_what_it_learns_from_pictures(
    kind, codec, grey_codec, pictures, few_scenes, tmp_path
):
    """Where nothing is cut or mirrored at random, the same but for rounding."""
    source = {
        "class": ["--data", "digits", "--codec", grey_codec],
        "coordinates": ["--data", "digits", "--codec", grey_codec, "--size", 32],
        "text": ["--data", "scenes", "--codec", codec, "--language", "both"],
        "upper_half": ["--data", "digits", "--codec", grey_codec],
    }[kind]
    source += ["--condition", kind]
    folders = [tmp_path / name for name in ("pictures", "tokens", "run")]
    assert run("train", "prior", "--out", folders[0], *source, *QUICK) == 0
    assert run("tokenize", "--out", folders[1], *source) == 0
    assert run("train", "prior", "--out", folders[2], "--tokens", folders[1], *QUICK) == 0
    one, other = (load_pipeline(folders[i]) for i in (0, 2))
    assert one.condition == other.condition == kind
    assert one.prior.config == other.prior.config
    losses = [[entry["loss"] for entry in read_log(folders[i])] for i in (0, 2)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    if kind != "text":  # there two codes are as near as 3e-6 once, and rounding chooses
        assert_close_weights(one.prior, other.prior, 1e-5)


def test_windows_of_tokens_on_disk(segmentation, tmp_path, capsys):
    out = tmp_path / "tokens"
    assert run("tokenize", "--out", out, *segmentation, "--size", 32) == 0
    train = ["train", "prior", "--tokens", out, *QUICK, "--out"]
    assert run(*train, tmp_path / "run") == 0
    assert load_pipeline(tmp_path / "run").prior.config.grid == (4, 4)
    assert run(*train, tmp_path / "wide", "--window", 2, 8, "--sample-every", 3) == 0
    config = load_pipeline(tmp_path / "wide").prior.config
    assert config.grid == config.condition.grid == (2, 8)
    message = refusal(capsys, *train, tmp_path / "x", "--window", 9, 8)
    assert f"window is 9×8 tokens; {out} has 8×8" in message
    assert latest_checkpoint(tmp_path / "run").name == "step_00000003"


def test_ctrl_c_leaves_no_folder(segmentation, tmp_path, monkeypatch):
    def interrupted(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(token_folder, "save_model", interrupted)
    assert run("tokenize", "--out", tmp_path / "new" / "tokens", *segmentation) == 130
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "taken"], "taken is there already; choose another folder"),
        (["--out", "x", "--copies", "0"], "--copies is 0"),
        (["--out", "x", "--seed", "-1"], "--seed is -1"),
        (["--out", "x", "--workers", "-1"], "--workers is -1"),
        (["--out", "x", "--data", "nowhere"], "nowhere: no such folder"),
        (["--out", "x", "--device", "abacus"], "device is 'abacus'"),
        (["--out", "x", "--maps", "taken"], "taken: 9 of 9 pictures have no map of their name"),
    ],
)
def test_wrong_values_get_one_line(arguments, message, segmentation, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    assert message in refusal(capsys, "tokenize", *segmentation, *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda out: (out / "condition.json").write_text("{"), "condition.json is damaged"),
        (lambda out: (out / "maps" / "tokens.npy").unlink(), "tokens.npy not found"),
        (
            lambda out: (out / "condition.json").write_text(
                json.dumps({"kind": "class", "condition": {"kind": "Magic"}})
            ),
            "condition.json is damaged",
        ),
    ],
)
def test_damaged_folders_are_named(damage, message, segmentation, tmp_path, capsys):
    assert run("tokenize", "--out", tmp_path / "tokens", *segmentation) == 0
    damage(tmp_path / "tokens")
    train = ["train", "prior", "--tokens", tmp_path / "tokens", "--out", tmp_path / "run"]
    assert message in refusal(capsys, *train)
    assert not (tmp_path / "run").exists()


def test_a_held_out_map_that_is_wrong_is_no_missing_one(
    codec, label_codec, pictures, label_maps, tmp_path, capsys
):
    copied = tmp_path / "maps"
    copied.mkdir()
    for path in label_maps.iterdir():
        (copied / path.name).write_bytes(path.read_bytes())
    (name, *_) = FolderImages(pictures, 16, split="held_out").names
    write_pictures(tmp_path / "other", 1, height=7, width=7)
    (tmp_path / "other" / "00.png").rename(copied / name)
    flags = ["--data", pictures, "--maps", copied, "--condition", "segmentation", "--codec", codec]
    flags += ["--condition-codec", label_codec]
    assert f"{name}: a picture in colour" in refusal(
        capsys, "tokenize", *flags, "--out", tmp_path / "tokens"
    )
    assert not (tmp_path / "tokens").exists()
