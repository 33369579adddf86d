"""However a run ends, it leaves a checkpoint that resumes, or says what there is instead."""

import json
import math
import os
import signal

import pytest
import torch

from tests.train.small import QUIET, SHORT, images
from tests.train.test_resume import TEN, assert_same_end, crash_after, interrupt_after, vqvae
from vqlib.compress import vqvae_digits
from vqlib.data import TensorImages, digits
from vqlib.saved import load_model
from vqlib.saved.run_folder import all_checkpoints, latest_checkpoint
from vqlib.train import VQVAERecipe, train_vqvae
from vqlib.train.runlog import RunLog, read_log
from vqlib.train.stopping import Diverged


def test_ctrl_c_while_samples_are_drawn_loses_nothing(tmp_path, monkeypatch):
    add_picture = RunLog.add_picture

    def interrupted(self, step, picture):
        add_picture(self, step, picture)
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(RunLog, "add_picture", interrupted)
        first = vqvae(folder=tmp_path / "parts", sample_every=3, save_every=1000)
    assert (first.steps_done, first.signal) == (3, signal.SIGINT)
    assert latest_checkpoint(tmp_path / "parts").name == "step_00000003"
    vqvae(folder=tmp_path / "parts", sample_every=3, save_every=1000, resume=True)
    vqvae(folder=tmp_path / "whole", save_every=1000)
    a, b = (load_model(latest_checkpoint(tmp_path / name)) for name in ("parts", "whole"))
    for name, tensor in a.state_dict().items():
        assert torch.equal(tensor, b.state_dict()[name]), name


def test_sigterm_is_obeyed_after_the_step(tmp_path, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        interrupt_after(5, patch, number=signal.SIGTERM, times=3)
        first = vqvae(folder=tmp_path / "parts")
    assert (first.steps_done, first.signal) == (5, signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
    vqvae(folder=tmp_path / "parts", resume=True)
    vqvae(folder=tmp_path / "whole")
    assert_same_end(tmp_path / "parts", tmp_path / "whole")


class Vanishing(TensorImages):
    """Fifty digits, of which one is gone when it is drawn for the second time."""

    def __init__(self, *, at: int | None):
        super().__init__(digits().images[:50], flip=True)
        self.at, self.drawn = at, 0

    def draw(self, index, generator):
        self.drawn += 1
        if self.at is not None and self.drawn > self.at:
            raise FileNotFoundError("mine/cat.jpg: no such file")
        return super().draw(index, generator)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_picture_that_vanishes_loses_nothing(workers, tmp_path, capsys):
    recipe = VQVAERecipe(**TEN | {"workers": workers, "save_every": 1000})
    options = {"folder": tmp_path / "parts", **QUIET}
    with pytest.raises(FileNotFoundError) as error:  # in the batch of the sixth step
        train_vqvae(Vanishing(at=5 * 8), vqvae_digits(), recipe, **options)
    assert str(error.value) == "mine/cat.jpg: no such file"
    last = latest_checkpoint(tmp_path / "parts")
    assert last.name == "step_00000005"
    assert capsys.readouterr().err == f"last checkpoint: {last}\n"
    train_vqvae(Vanishing(at=None), vqvae_digits(), recipe, resume=True, **options)
    whole = {"folder": tmp_path / "whole", **QUIET}
    train_vqvae(Vanishing(at=None), vqvae_digits(), recipe, **whole)
    assert_same_end(tmp_path / "parts", tmp_path / "whole")


@pytest.mark.parametrize(("step", "found"), [(3, None), (6, "step_00000004")])
def test_half_a_step_is_not_saved_and_that_is_said(step, found, tmp_path, monkeypatch, capsys):
    crash_after(step, monkeypatch)
    with pytest.raises(RuntimeError, match="power cut"):
        vqvae(folder=tmp_path)
    last = "there is no checkpoint yet" if found is None else f"last checkpoint: {tmp_path / found}"
    said = capsys.readouterr().err
    assert said == f"step {step} is half done and cannot be saved\n{last}\n"
    assert latest_checkpoint(tmp_path) == (None if found is None else tmp_path / found)


def test_a_full_disk_is_said_and_the_older_checkpoint_stays(tmp_path, monkeypatch, capsys):
    from vqlib.saved import files as saved_files

    save_file, files = saved_files.save_file, []

    def full_disk(*arguments):
        files.append(arguments)
        if len(files) > 2:  # a checkpoint has two
            raise OSError(28, "No space left on device")
        save_file(*arguments)

    monkeypatch.setattr(saved_files, "save_file", full_disk)
    with pytest.raises(OSError, match="No space left"):
        vqvae(folder=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.jsonl", "step_00000004"]
    said = capsys.readouterr().err
    assert "step 8 cannot be saved: [Errno 28] No space left on device" in said
    assert f"last checkpoint: {tmp_path / 'step_00000004'}" in said


@pytest.mark.parametrize("log_every", [1, 1000], ids=["seen in the log", "seen before a save"])
def test_a_run_that_diverges_ends_and_its_good_checkpoint_stays(log_every, tmp_path, monkeypatch):
    vqvae(folder=tmp_path, steps=4)
    good = latest_checkpoint(tmp_path)
    recipe = VQVAERecipe(**TEN | {"steps": 30, "save_every": 1, "log_every": log_every})
    monkeypatch.setattr(VQVAERecipe, "rate_at", lambda *_: 1e15)  # from the fifth step on
    with pytest.raises(Diverged, match="no longer finite numbers .*smaller learning_rate"):
        train_vqvae(images(), vqvae_digits(), recipe, folder=tmp_path, resume=True, **QUIET)
    kept = all_checkpoints(tmp_path)
    assert kept[0] == good or len(kept) == 2
    for path in kept:
        assert all(value.isfinite().all() for value in load_model(path).state_dict().values())
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    for line in lines:
        json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    if log_every == 1:
        assert "null" in lines[-1]
        assert math.isnan(read_log(tmp_path)[-1]["loss"])


def test_gradients_can_be_clipped():
    def last_loss(most: float | None) -> float:
        recipe = VQVAERecipe(**SHORT, steps=3, max_grad_norm=most)
        return train_vqvae(images(), vqvae_digits(), recipe, **QUIET).history[-1]["loss"]

    # Adam divides a common factor out: only its first steps, while the clipping varies, tell.
    assert last_loss(None) != last_loss(1e-3)
    assert last_loss(None) == last_loss(1e9)
