"""`vqlib train prior`: every kind, every kind of prior, and folders that can be drawn from."""

import json
import re
import shutil
import signal
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.cli.commands import refusal, run, tiny_codec, write_pictures
from tests.cli.pipelines import tiny_label_codec
from vqlib.compress.perceptual import weights_digest
from vqlib.data.pictures import read_picture
from vqlib.generate import ClassCondition, MapCondition, NoCondition
from vqlib.saved.model import load_model, save_model
from vqlib.saved.pipeline import load_pipeline
from vqlib.saved.run_folder import latest_checkpoint
from vqlib.tokens import source as prior_source
from vqlib.tokens.conditions import from_pictures
from vqlib.tokens.source import PriorSource
from vqlib.train.runlog import RunLog, read_log

QUICK = ["--steps", 2, "--batch-size", 4, "--log-every", 1, "--device", "cpu"]
SMALL = ["--num-layers", 1, "--num-heads", 2, "--width", 8]


def train(out: Path, *arguments: object) -> int:
    return run("train", "prior", "--out", out, *QUICK, *SMALL, *arguments)


@pytest.fixture
def asked(codec, grey_codec, label_codec, pictures, label_maps) -> dict[str, tuple]:
    """For each kind the flags to train, what the condition then is, and the flags to sample."""
    own = ["--data", pictures, "--codec", codec, "--condition"]
    scenes = ["--data", "scenes", "--codec", codec, "--condition"]
    grey, labels = ["--condition-codec", grey_codec], ["--condition-codec", label_codec]
    one_map, photo = ["--map", label_maps / "00.png"], ["--map", pictures / "00.png"]
    small = ["--size", 32, 32]
    return {
        "none": (own[:-1], "NoCondition()", []),
        "class": (["--data", "digits", "--codec", grey_codec], "num_classes=10", ["--label", 9]),
        "coordinates": ([*own, "coordinates", "--size", 32], "grid=(4, 4), bins=16", small),
        "text": ([*scenes, "text"], "max_words=31", ["--text", "a golden meadow"]),
        "text zh": ([*scenes, "text", "--language", "zh"], "max_words=25", ["--text", "天空晴朗"]),
        "segmentation": ([*scenes, "segmentation", *labels], "16, grid=(4, 4)", one_map),
        "own segmentation": (
            [*own, "segmentation", *labels, "--maps", label_maps], "16, grid=(4, 4)", one_map
        ),
        "depth": ([*scenes, "depth", *grey], "16, grid=(4, 4)", photo),
        "own depth": ([*own, "depth", *grey, "--maps", label_maps], "16, grid=(4, 4)", photo),
        "edges": ([*own, "edges", *grey], "16, grid=(4, 4)", photo),
        "scenes' edges": ([*scenes, "edges", "--condition-codec", codec], "grid=(4, 4)", photo),
        "low_resolution": ([*own, "low_resolution"], "16, grid=(1, 1)", photo),
        "low_resolution by 2": (
            [*own, "low_resolution", "--reduction", 2], "16, grid=(2, 2)", photo
        ),
        "upper_half": ([*own, "upper_half"], "16, grid=(2, 4)", photo),
    }  # fmt: skip


KINDS = ["none", "class", "coordinates", "text", "text zh", "segmentation", "own segmentation",
            "depth", "own depth", "edges", "scenes' edges", "low_resolution",
            "low_resolution by 2", "upper_half"]  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_what_was_trained_can_be_drawn_from(name, asked, few_scenes, tmp_path, capsys):
    arguments, condition, told = asked[name]
    out = tmp_path / "runs" / "mine"
    assert train(out, *arguments) == 0
    words = capsys.readouterr().out
    nats, bits = re.search(
        r"negative log-likelihood ([\d.]+) nats = ([\d.]+) bits per token, \d+ pictures\n", words
    ).groups()
    assert float(bits) == pytest.approx(float(nats) / 0.6931, rel=1e-2)
    assert f"2 steps, 0 s; the model is in {out}/step_00000002" in words.replace("1 s", "0 s")
    assert [entry["step"] for entry in read_log(out)] == [1, 2]
    loaded = load_pipeline(out)
    kind = name.removeprefix("own ").removeprefix("scenes' ").split()[0]
    assert loaded.condition == kind
    assert condition in str(loaded.prior.config.condition)
    call = ["sample", "--prior", out, "--count", 2, *told, "--out", tmp_path / "a.png"]
    assert run(*call) == 0
    assert read_picture(tmp_path / "a.png", channels=1).std() > 0


@pytest.mark.parametrize("model", ["gpt", "pixelcnn", "gated_pixelcnn", "pixelsnail"])
def test_every_kind_of_prior(model, pictures, codec, tmp_path):
    out, own = tmp_path / "run", ["--data", pictures, "--codec", codec, "--model", model]
    assert train(out, *own, "--dropout", 0.2) == 0
    config = load_pipeline(out).prior.config
    assert config.dropout == 0.2
    assert type(config).__name__.lower() == model.replace("_", "") + "config"
    sizes = vars(config)
    assert sizes.get("width", sizes.get("hidden_channels")) == 8
    assert sizes.get("num_layers", sizes.get("num_blocks")) == 1
    assert sizes.get("num_heads", 2) == 2
    call = ["sample", "--prior", out, "--count", 1, "--size", 20, 16]
    assert run(*call, "--out", tmp_path / "a.png") == 0


def test_a_gpts_order_and_its_view_of_the_condition(pictures, codec, tmp_path, capsys):
    own = ["--data", pictures, "--codec", codec, "--condition", "upper_half"]
    full = ["--order", "spiral_in", "--prefix-attention", "full"]
    assert train(tmp_path / "run", *own, *full, "--sample-every", 2) == 0
    config = load_pipeline(tmp_path / "run").prior.config
    assert (config.order.name, config.prefix_attention) == ("spiral_in", "full")
    call = ["train", "prior", "--out", tmp_path / "x", *own, "--model", "pixelcnn"]
    for flags in (full[:2], full[2:]):
        assert "only a gpt has a choice" in refusal(capsys, *call, *flags)


def test_a_window_of_larger_pictures(pictures, codec, tmp_path):
    own = ["--data", pictures, "--codec", codec, "--size", 32]
    for kind, expected in (
        ("none", NoCondition()),
        ("low_resolution", MapCondition(16, (1, 2))),
    ):
        out = tmp_path / kind
        window = ["--condition", kind, "--window", 4, 8, "--sample-every", 2]
        assert train(out, *own, *window) == 0
        config = load_pipeline(out).prior.config
        assert (config.grid, config.condition) == ((4, 8), expected)
        with Image.open(out / "samples" / "step_00000002.png") as sheet:  # whole pictures
            assert sheet.size == (3 * 34 + 2, 2 * 34 + 2)


def test_the_subfolders_of_a_folder_are_classes(pictures, codec, tmp_path, capsys):
    for name in ("dogs", "birds", "cats"):
        write_pictures(tmp_path / "pets" / name, 8)
    own = ["--data", tmp_path / "pets", "--codec", codec, "--condition", "class"]
    assert train(tmp_path / "run", *own) == 0
    assert "classes: 0 birds, 1 cats, 2 dogs\n" in capsys.readouterr().out
    assert load_pipeline(tmp_path / "run").prior.config.condition == ClassCondition(3)
    write_pictures(tmp_path / "pets", 1)
    call = ["train", "prior", "--out", tmp_path / "other", *own]
    assert "pets: 00.png lies in no subfolder" in refusal(capsys, *call)


def test_the_codecs_are_copied_so_that_the_run_folder_needs_nothing_else(
    pictures, label_maps, tmp_path, label_codec
):
    codec = tiny_codec(tmp_path / "codec")
    own = [
        "--data",
        pictures,
        "--maps",
        label_maps,
        "--codec",
        codec,
        "--condition",
        "segmentation",
    ]
    out = tmp_path / "runs" / "mine"
    assert train(out, *own, "--condition-codec", label_codec) == 0
    assert json.loads((out / "pipeline.json").read_text()) == {
        "condition": "segmentation",
        "codec": "codec",
        "condition_codec": "condition_codec",
    }
    for name, original in (("codec", codec), ("condition_codec", label_codec)):
        assert weights_digest(load_model(out / name)) == weights_digest(load_model(original))
    (tmp_path / "codec").rename(tmp_path / "gone")
    out.rename(tmp_path / "elsewhere")
    call = ["paint", label_maps / "03.png", "--prior", tmp_path / "elsewhere"]
    assert run(*call, "--out", tmp_path / "a.png") == 0


def test_samples_stop_and_guidance(grey_codec, tmp_path, capsys):
    out, data = tmp_path / "run", ["--data", "digits", "--codec", grey_codec]
    steps = ["train", "prior", "--out", out, *data, *SMALL, *QUICK, "--steps", 9]
    # Without learning nothing gets better, so that the second look is the last.
    looks = ["--validate-every", 2, "--patience", 1, "--learning-rate", 1e-12]
    assert run(*steps, *looks, "--sample-every", 2, "--condition-dropout", 0.3) == 0
    words = capsys.readouterr().out
    assert re.search(r"stopped early at step [24] of 9: held-out pictures were no longer", words)
    assert f"the best model is in {out}/best" in words
    assert load_pipeline(out).prior.config.guidance
    assert (out / "samples" / "step_00000002.png").is_file()
    with Image.open(out / "samples" / "step_00000002.png") as sheet:
        assert sheet.size == (8 * 18 + 2, 2 * 18 + 2)  # held-out digits above samples
    call = ["sample", "--prior", out, "--guidance", 2, "--count", 2, "--out", tmp_path / "a.png"]
    assert run(*call) == 0


def test_an_interrupted_run_can_be_drawn_from_and_goes_on(
    pictures, codec, grey_codec, tmp_path, capsys, monkeypatch
):
    own = ["--data", pictures, "--codec", codec, "--condition", "edges"]
    own += ["--condition-codec", grey_codec]

    def go(name: str, *more: object) -> int:
        return train(tmp_path / name, *own, "--steps", 4, *more)

    assert go("whole") == 0
    add = RunLog.add

    def add_and_interrupt(log: RunLog, step: int, *values: object) -> None:
        add(log, step, *values)
        if step == 2:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(RunLog, "add", add_and_interrupt)
        assert go("parts") == 130
    assert "interrupted at step 2 of 4; go on with the same command" in capsys.readouterr().out
    call = ["sample", "--prior", tmp_path / "parts", "--map", pictures / "00.png"]
    assert run(*call, "--out", tmp_path / "a.png") == 0
    # In its folder nothing but the same can go on.
    again = ["train", "prior", "--out", tmp_path / "parts", *QUICK, *SMALL, *own, "--steps", 4]
    assert "already holds a run (step_00000002); resume it or" in refusal(capsys, *again)
    other = tiny_codec(tmp_path / "other")
    model = load_model(other)
    model.quantizer.codebook.data.add_(1)
    save_model(model, other)
    for changes, message in [
        (["--codec", other], "parts was trained with another codec"),
        (["--condition", "none"], "was trained from edges, this would be from none"),
        (["--width", 16], "with another model (--width: 8 then, 16 now)"),
        (["--pkeep", 0.5], "trained by another recipe (--pkeep: 1.0 then, 0.5 now)"),
    ]:
        if "none" in changes:
            changes = [*changes, "--condition-codec", "None"]
        assert message in refusal(capsys, *again, "--resume", *changes)
    assert go("parts", "--resume") == 0
    whole, parts = (
        load_model(latest_checkpoint(tmp_path / name)).state_dict() for name in ("whole", "parts")
    )
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_the_courses_codecs_are_the_default(monkeypatch, few_scenes, tmp_path, codec, label_codec):
    for name, folder in {"scenes_vqgan": codec, "scenes_labels": label_codec}.items():
        shutil.copytree(folder, tmp_path / "weights" / name)
    monkeypatch.setattr(prior_source, "WEIGHTS", tmp_path / "weights")
    assert train(tmp_path / "run", "--data", "scenes", "--condition", "segmentation") == 0


def test_nothing_held_out_is_no_reason_not_to_train(codec, tmp_path, capsys):
    own = ["--data", write_pictures(tmp_path / "mine", 2), "--codec", codec, "--batch-size", 2]
    call = ["train", "prior", *own, *SMALL, "--steps", 1, "--device", "cpu", "--out"]
    assert run(*call, tmp_path / "run") == 0
    assert "nothing measured: " in capsys.readouterr().out
    for flag, message in (
        ("--validate-every", "needs pictures, but"),
        ("--sample-every", "beside"),
    ):
        assert message in refusal(capsys, *call, tmp_path / "other", flag, 1)
    assert not (tmp_path / "other").exists()


def test_broken_pictures_are_refused_or_skipped(codec, tmp_path, capsys):
    folder, out = write_pictures(tmp_path / "mine", 12), tmp_path / "run"
    (folder / "01.png").write_text("these are words")
    call = ["train", "prior", "--data", folder, "--codec", codec, "--out", out, *QUICK, *SMALL]
    assert "01.png (not a picture" in refusal(capsys, *call)
    assert not out.exists()
    assert run(*call, "--broken", "skip") == 0
    assert f"vqlib: left out: {folder / '01.png'}: not a picture" in capsys.readouterr().err


SCENES = ["--data", "scenes", "--codec", "colour"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "whose tokens? Give the --codec of nowhere"),
        (["--data", "nowhere", "--codec", "colour"], "data is 'nowhere': no such folder, and no"),
        (["--codec", "empty"], "config.json not found"),
        (["--codec", "labels"], "holds a LabelMapVQVAE, a VQVAE or a ColorPalette is needed"),
        (["--codec", "colour"], "digits has images with 1 channels, 3 are needed"),
        (["--codec", "grey", "--num-heads", "5"], "width 64 is not a multiple of --num-heads 5"),
        (["--codec", "grey", "--device", "abacus"], "device is 'abacus', which cannot be used"),
        (["--codec", "grey", "--size", "30"], "--size is 30; it must be a multiple of f = 4"),
        (["--codec", "grey", "--window", "5", "4"], "--window is 5×4 tokens; pictures of this "),
        (["--codec", "grey", "--workers", "-1"], "workers is -1"),
        (["--codec", "grey", "--condition-codec", "grey"], "--condition-codec is given, but class"),
        (["--codec", "grey", "--condition", "coordinates"],
         "give a larger size or a smaller window"),
        (["--codec", "grey", "--condition", "text"],
         "digits comes without captions; only scenes"),
        (["--codec", "grey", "--condition", "none", "--condition-dropout", "0.1"],
         "guidance needs"),
        (["--codec", "grey", "--condition", "low_resolution", "--reduction", "3"], "size is 16; it "
         "must be a multiple of 12"),
        (["--codec", "grey", "--condition", "upper_half", "--window", "2", "4"],
         "upper half"),
        (["--codec", "grey", "--condition", "segmentation", "--condition-codec", "grey"], "holds a "
         "VQVAE, a LabelMapVQVAE is needed"),
        (["--codec", "grey", "--condition", "segmentation"],
         "--condition-codec is none; a segment"),
        (["--codec", "grey", "--condition", "depth", "--condition-codec", "grey"], "digits comes "
         "without depth; use scenes, or a folder"),
        ([*SCENES, "--condition", "class"],
         "scenes comes without classes; digits, mnist, cifar10"),
        ([*SCENES, "--condition", "segmentation", "--condition-codec", "few"],
         "scenes have 8 label"),
        (["--data", "mine", "--codec", "colour", "--condition", "depth", "--condition-codec",
          "grey"], "depth of a folder's pictures: in which folder? Give maps"),
        (["--data", "mine", "--codec", "colour", "--condition", "segmentation", "--condition-codec",
          "labels", "--maps", "empty"], "empty: 2 of 2 pictures have no map of their name there"),
        (["--data", "mine", "--codec", "colour", "--condition", "segmentation", "--condition-codec",
          "labels", "--maps", "mine"], "a picture in colour"),
        (["--tokens", "empty"], "condition.json not found; a folder that `tokenize` has written"),
        (["--tokens", "empty", "--data", "mine"], "tokens are there already"),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_wrong_values_get_one_line(
    arguments, message, codec, grey_codec, label_codec, few_scenes, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    write_pictures(tmp_path / "mine", 2)  # both for training
    named = {"colour": codec, "grey": grey_codec, "labels": label_codec}
    for name, folder in named.items():
        Path(name).symlink_to(folder)
    if "few" in arguments:
        tiny_label_codec(Path("few"), num_labels=5)
    assert message in refusal(capsys, "train", "prior", *arguments, "--out", "run")
    assert not (tmp_path / "run").exists()


def test_pictures_need_not_be_mirrored(pictures, codec):
    for flip in (True, False):
        source = PriorSource(data=str(pictures), codec=str(codec), flip=flip)
        assert from_pictures(source.task("cpu")).train.images.flip is flip
