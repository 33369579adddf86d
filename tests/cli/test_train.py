"""`vqlib train`: stage 1 on own pictures, stage 2, and going on with any of them."""

import re
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from tqdm import tqdm

from tests.cli.commands import TINY, refusal, run, write_pictures
from vqlib.cli.train import CODES, TrainVQGAN, TrainVQVAE
from vqlib.compress import vqgan, vqvae_cifar10, vqvae_digits, vqvae_photos
from vqlib.data import catalogue
from vqlib.saved.model import load_model
from vqlib.saved.run_folder import latest_checkpoint
from vqlib.train.runlog import RunLog, read_log

QUICK = ["--batch-size", 4, "--device", "cpu"]
PHOTOS = ["--shape", "photos", "--size", 32, *QUICK]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_model(latest_checkpoint(folder) or folder).state_dict()


@pytest.mark.parametrize(
    ("recipe", "losses"),
    [
        (["vqvae"], {"reconstruction", "usage"}),
        (
            ["vqgan", "--disc-start", 1, "--disc-channels", 8],
            {"reconstruction", "lambda", "critic"},
        ),
        (["vqgan", "--perceptual", "none", "--perceptual-weight", 0], {"reconstruction"}),
    ],
    ids=["vqvae", "vqgan", "vqgan without perceptual loss"],
)
def test_a_folder_of_own_pictures(recipe, losses, pictures, tmp_path, capsys):
    out = tmp_path / "runs" / "mine"
    call = ["train", *recipe, "--data", pictures, "--out", out, *PHOTOS, "--steps", 3]
    assert run(*call, "--log-every", 1, "--sample-every", 2) == 0
    words = capsys.readouterr().out
    assert "dB on 3 held-out images" in words
    assert "3 steps, " in words and f"the model is in {out}/step_00000003" in words
    log = read_log(out)
    assert [entry["step"] for entry in log] == [1, 2, 3]
    assert losses <= set(log[-1])
    samples = sorted((out / "samples").iterdir())
    assert [path.name for path in samples] == ["step_00000002.png", "step_00000003.png"]
    with Image.open(samples[0]) as picture:
        assert picture.size == (8 * 34 + 2, 2 * 34 + 2)  # eight pictures above their returns
    assert load_model(out / "step_00000003").config == replace(vqvae_photos(), image_size=32)
    # The run folder is a model for the other commands.
    results = tmp_path / "results"
    assert run("reconstruct", pictures / "00.png", "--model", out, "--out", results) == 0
    assert (results / "00.png").is_file()


@pytest.mark.parametrize("recipe", ["vqvae", "vqgan"])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(
    recipe, pictures, codec, tmp_path, capsys, monkeypatch
):
    def train(out: str, *more: object) -> int:
        call = ["train", recipe, "--data", pictures, "--start-from", codec, "--out", tmp_path / out]
        critic = ["--disc-layers", 1, "--disc-channels", 8] if recipe == "vqgan" else []
        return run(*call, *QUICK, "--steps", 4, "--log-every", 1, *critic, *more)

    assert train("whole") == 0
    add = RunLog.add

    def add_and_interrupt(log: RunLog, step: int, *values: object) -> None:
        add(log, step, *values)
        if step == 2:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(RunLog, "add", add_and_interrupt)
        assert train("parts") == 130
    words = capsys.readouterr().out
    assert "interrupted at step 2 of 4; go on with the same command and --resume" in words
    assert train("parts", "--resume") == 0
    assert [entry["step"] for entry in read_log(tmp_path / "parts")] == [1, 2, 3, 4]
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_what_a_run_folder_holds_decides_what_can_go_on_there(pictures, tmp_path, capsys):
    out = tmp_path / "run"
    call = ["train", "vqvae", "--data", pictures, "--out", out, *PHOTOS]
    assert run(*call, "--steps", 2, "--resume") == 0  # nothing to go on from: a new run
    before = weights(out)
    assert "already holds a run (step_00000002); resume it" in refusal(capsys, *call, "--steps", 2)
    for changes, message in [
        (["--steps", 4, "--seed", 1], "trained by another recipe (--seed: 0 then, 1 now)"),
        (["--steps", 1], "--steps is 1, but "),
        (["--steps", 2, "--num-codes", 32], "with another model (--num-codes: 512 then, 32 now)"),
        (
            ["--steps", 2, "--codes", "ema"],
            "another model (--codes: GradientCodes(wide=False) then, EMA",
        ),
        (["--steps", 2, "--size", 64], "with another model (--size: 32 then, 64 now)"),
    ]:
        assert message in refusal(capsys, *call, *changes, "--resume")
    assert run(*call, "--steps", 2, "--resume") == 0  # already done
    assert latest_checkpoint(out).name == "step_00000002"
    assert all(torch.equal(value, before[name]) for name, value in weights(out).items())
    other = ["train", "vqgan", "--data", pictures, "--out", out, *PHOTOS, "--resume"]
    assert "trained by another recipe" in refusal(capsys, *other, "--steps", 2)


def test_a_run_opens_with_what_is_going_to_happen(pictures, tmp_path, capsys):
    call = ["train", "vqgan", "--data", pictures, "--out", tmp_path / "run", *PHOTOS]
    assert run(*call, "--steps", 3, "--disc-channels", 8) == 0
    said = capsys.readouterr().out
    for line in (
        r"^pictures 9 to learn from, 3 held out$",
        r"^codec    281,187 parameters; 32×32 pixels become 8×8 tokens of 512 codes",
        r"^device   cpu, fp32$",
        r"^training 3 steps of 4$",
        r"^critic   comes in after step 1 \(--disc-start\)$",
        r"^saving   in .*run, every 500 steps and at the end; the last 2 checkpoints are kept$",
    ):
        assert re.search(line, said, re.MULTILINE), (line, said)
    assert run(*call, "--steps", 4, "--disc-channels", 8, "--resume") == 0
    words = capsys.readouterr().out
    assert "4 steps of 4, going on after step 3; the run was to have 3, and its learning" in words
    assert "after step 1 (--disc-start)" in words
    late = [*call[:5], tmp_path / "late", *call[6:], "--steps", 2, "--disc-start", 7]
    assert run(*late) == 0
    assert "critic   none: it would come in after step 7 (--disc-start)" in capsys.readouterr().out


@pytest.mark.parametrize("stage", ["vqvae", "prior"])
def test_a_run_folder_that_cannot_be_is_refused_at_once(stage, tmp_path, capsys):
    (tmp_path / "afile").write_text("not a folder")
    error = refusal(capsys, "train", stage, "--out", tmp_path / "afile")
    assert "afile is no folder" in error and "Errno" not in error
    assert "nothing can be written here" in refusal(capsys, "train", stage, "--out", "/proc/x")


def test_train_and_val_in_one_folder_are_mentioned(tmp_path, capsys):
    for part in ("train", "val"):
        write_pictures(tmp_path / "mine" / part, 6)
    call = ["train", "vqvae", "--data", tmp_path / "mine", "--out", tmp_path / "run", *PHOTOS]
    assert run(*call, "--steps", 1) == 0
    assert "the pictures of train and val are taken together" in capsys.readouterr().err


def test_a_small_folder_gets_a_small_batch(tmp_path, capsys):
    folder = write_pictures(tmp_path / "mine", 5)  # of which two are held out
    call = ["train", "vqvae", "--data", folder, "--out", tmp_path / "run", *PHOTOS[:4]]
    assert run(*call, "--steps", 1, "--device", "cpu", "--accumulate", 2) == 0
    assert "vqlib: batches of 2, not of 64: there are only 3 pictures" in capsys.readouterr().err


def test_grey_and_never_mirrored(pictures, tmp_path):
    out = tmp_path / "run"
    call = ["train", "vqvae", "--data", pictures, "--out", out, *PHOTOS, "--steps", 1]
    assert run(*call, "--channels", 1, "--no-flip") == 0
    assert load_model(out / "step_00000001").config.image_channels == 1
    asked = TrainVQVAE(out=out, data=str(pictures), flip=False)
    assert not asked.images("train", vqvae_photos()).flip
    assert replace(asked, flip=True).images("train", vqvae_photos()).flip


def test_sigterm_ends_with_143_and_loses_nothing(pictures, codec, tmp_path, capsys, monkeypatch):
    add = RunLog.add

    def add_and_terminate(log: RunLog, step: int, *values: object) -> None:
        add(log, step, *values)
        if step == 2:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(RunLog, "add", add_and_terminate)
    call = ["train", "vqvae", "--data", pictures, "--start-from", codec, "--out", tmp_path / "run"]
    assert run(*call, *QUICK, "--steps", 4, "--log-every", 1) == 143
    said = capsys.readouterr().out
    assert "interrupted at step 2 of 4; go on with the same command and --resume" in said
    assert "held-out images" not in said
    assert latest_checkpoint(tmp_path / "run").name == "step_00000002"


def test_a_run_that_diverges_says_so_in_a_line(pictures, tmp_path, capsys):
    call = ["train", "vqvae", "--data", pictures, "--out", tmp_path / "run", *PHOTOS]
    call += ["--steps", 40, "--learning-rate", 1e12, "--warmup-steps", 0, "--save-every", 1]
    assert run(*call) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("vqlib: error: the run has diverged: ")
    assert "use a smaller --learning-rate, more --warmup-steps" in error
    kept = latest_checkpoint(tmp_path / "run")
    if kept is not None:
        assert all(value.isfinite().all() for value in weights(tmp_path / "run").values())


def test_a_bar_on_a_slow_machine_stands_before_no_error(tmp_path, capsys, monkeypatch):
    def at_once(*items, delay, **options):
        return tqdm(*items, **options)

    monkeypatch.setattr("vqlib.data.checked.tqdm", at_once)
    folder = write_pictures(tmp_path / "mine", 12)
    (folder / "01.png").write_text("these are words")
    call = ["train", "vqvae", "--data", folder, "--out", tmp_path / "run", *PHOTOS]
    assert "01.png (not a picture" in refusal(capsys, *call)


def test_a_run_can_start_from_any_model(codec, pictures, tmp_path):
    call = ["train", "vqvae", "--data", pictures, *QUICK, "--steps", 2, "--learning-rate", 1e-9]
    assert run(*call, "--start-from", codec, "--out", tmp_path / "one") == 0
    assert load_model(tmp_path / "one" / "step_00000002").config == TINY
    start, end = weights(codec), weights(tmp_path / "one")
    for name, value in end.items():
        torch.testing.assert_close(value, start[name], atol=1e-6, rtol=0)
    # A run folder is as good, and pictures may have another size.
    more = ["--start-from", tmp_path / "one", "--size", 24, "--out", tmp_path / "two"]
    assert run(*call, *more) == 0
    assert load_model(tmp_path / "two" / "step_00000002").config == replace(TINY, image_size=24)


@pytest.mark.parametrize("codes", CODES)
@pytest.mark.parametrize("recipe", ["vqvae", "vqgan"])
def test_every_kind_of_codes(recipe, codes, pictures, tmp_path):
    out = tmp_path / "run"
    call = ["train", recipe, "--data", pictures, "--codes", codes, "--num-codes", 16, "--out", out]
    assert run(*call, *PHOTOS, "--steps", 2, "--kmeans-init", "--restart-every", 1) == 0
    config = load_model(out / "step_00000002").config
    assert (config.codes, config.num_codes) == (CODES[codes], 16)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("digits", vqvae_digits()),
        ("cifar10", vqvae_cifar10()),
        ("photos", vqvae_photos()),
        *((f"f{f}", vqgan(f)) for f in (2, 4, 8, 16, 32)),
    ],
)
def test_every_shape(shape, expected, tmp_path):
    asked = TrainVQGAN(out=tmp_path, data="pictures", shape=shape)
    assert asked.model() == expected
    changed = replace(asked, size=64, num_codes=32, codes="ema").model()
    assert changed == replace(expected, image_size=64, num_codes=32, codes=CODES["ema"])


@pytest.mark.parametrize(
    ("data", "shape", "expected"),
    [
        ("digits", None, vqvae_digits()),
        ("faces", None, vqvae_digits()),
        ("cifar10", None, vqvae_cifar10()),
        ("textures", None, vqvae_photos(image_channels=1)),
        ("scenes", None, vqvae_photos()),
        ("./digits", None, vqvae_photos()),
        ("mnist", "f8", vqgan(8, image_channels=1)),
    ],
)
def test_the_shape_fits_the_data(data, shape, expected, tmp_path):
    assert TrainVQVAE(out=tmp_path, data=data, shape=shape).model() == expected


def test_the_papers_network_is_built_as_asked(tmp_path):
    with torch.device("meta"):
        model = TrainVQGAN(out=tmp_path, data="pictures", shape="f16").model().build()
    assert model.config.grid_size == 16
    assert sum(p.numel() for p in model.parameters()) > 70e6


@pytest.mark.parametrize("data", ["digits", "faces", "photos", "textures", "scenes"])
def test_data_sets_that_need_no_network(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(catalogue, "NUM_SCENES", {"train": 8, "held_out": 4})
    small = ["--shape", "photos", "--num-codes", 16] if data != "digits" else []
    call = ["train", "vqvae", "--data", data, "--out", tmp_path, *small, "--size", 32, *QUICK]
    assert run(*call, "--steps", 1) == 0
    assert "held-out images" in capsys.readouterr().out


def test_broken_pictures_are_refused_or_skipped(pictures, tmp_path, capsys):
    folder, out = write_pictures(tmp_path / "mine", 12), tmp_path / "run"
    (folder / "01.png").write_text("these are words")  # for training
    (folder / "03.png").write_text("these are words")  # held out
    call = ["train", "vqvae", "--data", folder, "--out", out, *PHOTOS, "--steps", 1]
    assert "01.png (not a picture" in refusal(capsys, *call)
    assert not out.exists()
    assert run(*call, "--broken", "skip") == 0
    said = capsys.readouterr()
    for name in ("01.png", "03.png"):
        assert f"vqlib: left out: {folder / name}: not a picture" in said.err
    assert "2 held-out images" in said.out
    (folder / "01.png").unlink()
    assert run(*call[:5], tmp_path / "again", *call[6:]) == 0  # trained, but not measured
    assert "nothing measured: " in capsys.readouterr().out


def test_both_stages_then_a_sample(tmp_path, capsys):
    quick = ["--steps", 3, *QUICK]
    assert run("train", "vqvae", "--out", tmp_path / "codec", *quick) == 0
    codec = ["--codec", tmp_path / "codec"]
    assert run("train", "prior", "--out", tmp_path / "prior", *codec, *quick) == 0
    assert "bits per token" in capsys.readouterr().out
    out = tmp_path / "out.png"
    assert run("sample", "--prior", tmp_path / "prior", "--count", 2, "--out", out) == 0
    with Image.open(out) as sheet:
        assert sheet.size == (2 * 34 + 2, 34 + 2)
    again = ["train", "prior", "--out", tmp_path / "prior", *codec, *quick, "--num-layers", 2]
    assert "with another model (--num-layers: 4 then, 2 now)" in refusal(capsys, *again, "--resume")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["vqvae", "--data", "nowhere"],
            "--data is 'nowhere': no such folder, and no such",
        ),
        (["vqvae", "--data", "empty"], "empty: no pictures in this folder or below"),
        (
            ["vqvae", "--data", "mine", "--accumulate", "4"],
            "there are 2 pictures to learn from, 4",
        ),
        (["vqvae", "--data", "mine", "--size", "30"], "--size is 30; it must be a multiple"),
        (["vqvae", "--data", "mine", "--num-codes", "1"], "--num-codes is 1; a codebook needs"),
        (["vqvae", "--data", "mine", "--start-from", "empty"], "config.json not found"),
        (["vqvae", "--data", "photos", "--shape", "digits"], "photos has images with 3 channels"),
        (["vqvae", "--data", "mnist", "--size", "64"], "--size is 64; mnist has images of 32×32"),
        (
            ["vqvae", "--start-from", "digits_vqvae", "--codes", "ema"],
            "--codes says nothing",
        ),
        (["vqvae", "--start-from", "digits_vqvae", "--shape", "f8"], "--shape says nothing"),
        (["vqvae", "--start-from", "digits_vqvea"], "digits_vqvae"),
        (["vqvae", "--data", "digits", "--no-flip", "--channels", "3"], "digits has images with 1"),
        (["vqvae", "--data", "scenes", "--no-flip"], "scenes"),
        (["vqvae", "--device", "abacus"], "--device is 'abacus', which cannot be used here"),
        (["vqgan", "--perceptual", "none"], "--perceptual-weight is 1.0, but there is"),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, list) else "",
)
def test_wrong_values_get_one_line(
    arguments, message, stand_in_data, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    write_pictures(Path("mine"), 2)
    call = ["train", *arguments, "--out", "run"]
    assert message in refusal(capsys, *call, "--data-root", stand_in_data)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "flag", ["steps", "batch-size", "log-every", "save-every", "learning-rate", "sample-every"]
)
def test_a_recipe_refuses_numbers_that_mean_nothing(flag, tmp_path, capsys):
    assert run("train", "vqgan", "--out", tmp_path / "run", f"--{flag}", 0) == 2
    error = capsys.readouterr().err
    assert f"--{flag} is 0" in error
    assert "Traceback" not in error and "__" not in error
    assert not (tmp_path / "run").exists()
