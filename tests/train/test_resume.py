"""Ten steps equal five, save, load and five; Ctrl-C and crashes lose nothing."""

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.train.small import (
    CRITIC,
    QUIET,
    SHORT,
    distance,
    images,
    label_maps_of_digits,
    vqgan_digits,
)
from vqlib.compress import (
    EMACodes,
    FeatureDistance,
    FeatureNet,
    GradientCodes,
    label_maps,
    vqvae_digits,
)
from vqlib.data import TensorImages, digits
from vqlib.data.label_maps import TensorLabelMaps
from vqlib.generate import ClassCondition, GPTConfig
from vqlib.saved import load_model
from vqlib.saved.run_folder import latest_checkpoint
from vqlib.tokens import TokenGrids
from vqlib.train import PriorRecipe, VQGANRecipe, VQVAERecipe, train_prior, train_vqgan, train_vqvae
from vqlib.train.features import FeatureRecipe, train_feature_net

TEN = {**SHORT, "steps": 10, "save_every": 4}
CARE = {"kmeans_init": True, "restart_every": 3, "ema_decay": 0.9}


def vqvae(folder=None, resume=False, codes=None, **changes):
    recipe = VQVAERecipe(**TEN | changes)
    config = replace(vqvae_digits(), codes=codes or GradientCodes())
    return train_vqvae(images(), config, recipe, folder=folder, resume=resume, **QUIET)


def vqvae_with_care(folder=None, resume=False, **changes):
    return vqvae(folder, resume, EMACodes(), accumulate=2, **CARE | changes)


def label_map_codec(folder=None, resume=False, **changes):
    maps = TensorLabelMaps(label_maps_of_digits(), flip=True)
    config, recipe = label_maps(vqvae_digits(), 5), VQVAERecipe(**TEN | CARE | changes)
    return train_vqvae(maps, config, recipe, folder=folder, resume=resume, **QUIET)


def vqgan(folder=None, resume=False, config=None, **changes):
    recipe = VQGANRecipe(**TEN | CARE | CRITIC | {"disc_start": 3} | changes)
    options = {"perceptual": distance(), "folder": folder, "resume": resume, **QUIET}
    return train_vqgan(images(), config or vqvae_digits(), recipe, **options)


def vqgan_whose_critic_comes_later(folder=None, resume=False):
    return vqgan(folder, resume, disc_start=7)


def vqgan_with_dropout(folder=None, resume=False):
    return vqgan(folder, resume, vqgan_digits(), ema_decay=None)


def feature_net(folder=None, resume=False):
    return train_feature_net(FeatureRecipe(**TEN), folder=folder, resume=resume, **QUIET)


def prior(folder=None, resume=False, **changes):
    recipe = PriorRecipe(**TEN | changes)
    shape = {"num_layers": 2, "num_heads": 2, "width": 16, "dropout": 0.2}
    config = GPTConfig(64, (4, 4), ClassCondition(10), **shape)
    tokens = torch.randint(64, (50, 4, 4), generator=torch.Generator().manual_seed(0))
    options = {"folder": folder, "resume": resume, **QUIET}
    return train_prior(TokenGrids(tokens, digits().labels[:50]), config, recipe, **options)


def interrupt_after(step: int, monkeypatch, times: int = 1, number: int = signal.SIGINT) -> None:
    """Send this process a signal, that of Ctrl-C, while the given step is being logged."""
    from vqlib.train import loop

    log = loop.Run.log

    def log_and_interrupt(self, now, logs):
        log(self, now, logs)
        if now + 1 == step:
            for _ in range(times):
                os.kill(os.getpid(), number)

    monkeypatch.setattr(loop.Run, "log", log_and_interrupt)


def without_seconds(history: list[dict]) -> list[dict]:
    return [{k: v for k, v in entry.items() if k != "seconds"} for entry in history]


def assert_same_end(one: Path, two: Path) -> None:
    """The two runs' last checkpoints are equal, bit for bit, in everything but the time."""
    for name in ("model.safetensors", "training.safetensors"):
        a, b = (load_file(latest_checkpoint(folder) / name) for folder in (one, two))
        assert a.keys() == b.keys()
        assert [key for key in a if not torch.equal(a[key], b[key])] == []
    for name in ("config.json", "training.json"):
        a, b = (json.loads((latest_checkpoint(folder) / name).read_text()) for folder in (one, two))
        assert a == b


@pytest.mark.parametrize(
    "train",
    [
        vqvae,
        vqvae_with_care,
        label_map_codec,
        vqgan,
        vqgan_whose_critic_comes_later,
        vqgan_with_dropout,
        feature_net,
        prior,
    ],
)
def test_ten_steps_equal_five_and_five_bit_for_bit(train, tmp_path, monkeypatch):
    whole = train(folder=tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_after(5, patch)
        first = train(folder=tmp_path / "halves")
    assert first.steps_done == 5
    assert latest_checkpoint(tmp_path / "halves").name == "step_00000005"
    torch.manual_seed(12345)  # a new process would start elsewhere
    second = train(folder=tmp_path / "halves", resume=True)
    assert second.steps_done == 10
    assert_same_end(tmp_path / "whole", tmp_path / "halves")
    assert without_seconds(second.history) == without_seconds(whole.history)
    saved = load_model(latest_checkpoint(tmp_path / "halves")).state_dict()
    for name, tensor in second.model.state_dict().items():
        assert torch.equal(tensor, saved[name]), name


def test_a_checkpoint_holds_all_that_a_vqgan_needs(tmp_path):
    vqgan(folder=tmp_path, steps=4, restart_until=1.0)
    tensors = load_file(latest_checkpoint(tmp_path) / "training.safetensors")
    parts = {key.split(".")[0] for key in tensors}
    expected = {"critic", "optimizer", "critic_optimizer", "care", "model", "average", "rng"}
    assert parts == expected
    assert tensors["critic_optimizer.0.step"] == 1  # the critic came in at step 3, from 0
    assert tensors["optimizer.0.step"] == 4
    assert tensors["care.restarts.counts"].sum() == 8 * 16  # tokens since the restart before step 3
    assert tensors["average.n_averaged"] == 4


def test_workers_change_nothing_even_if_they_had_drawn_ahead(tmp_path, monkeypatch):
    whole = vqvae(folder=tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_after(5, patch)
        vqvae(folder=tmp_path / "halves", workers=2)
    second = vqvae(folder=tmp_path / "halves", resume=True, workers=1)
    assert without_seconds(second.history) == without_seconds(whole.history)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name]), name


def test_a_second_interrupt_stops_at_once(tmp_path, monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    interrupt_after(2, monkeypatch, times=2)
    with pytest.raises(KeyboardInterrupt):
        vqvae(folder=tmp_path)
    assert signal.getsignal(signal.SIGINT) is before


def crash_after(step: int, monkeypatch) -> None:
    from vqlib.train import loop

    log = loop.Run.log

    def log_and_crash(self, now, logs):
        log(self, now, logs)
        if now + 1 == step:
            raise RuntimeError("power cut")

    monkeypatch.setattr(loop.Run, "log", log_and_crash)


def test_the_log_has_each_step_once_after_a_crash(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        crash_after(6, patch)
        with pytest.raises(RuntimeError, match="power cut"):
            vqvae(folder=tmp_path)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 7, "loss"')  # a line that was being written
    vqvae(folder=tmp_path, resume=True)
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, 11))


def test_a_run_is_never_overwritten_unasked(tmp_path):
    vqvae(folder=tmp_path, steps=2, tensorboard=True)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(FileExistsError, match="already holds a run .step_00000002."):
        vqvae(folder=tmp_path, steps=2, tensorboard=True)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_another_recipe_cannot_resume(tmp_path):
    vqvae(folder=tmp_path, steps=2)
    with pytest.raises(ValueError, match="learning_rate: 0.001 then, 0.01 now"):
        vqvae(folder=tmp_path, resume=True, steps=2, learning_rate=0.01)
    with pytest.raises(ValueError, match="disc_start: None then, 3 now"):
        vqgan(folder=tmp_path, resume=True, steps=2)


@pytest.mark.parametrize("codes", [EMACodes(decay=0.5), GradientCodes()])
def test_another_model_cannot_resume(codes, tmp_path):
    vqvae(folder=tmp_path, codes=EMACodes(), steps=2)
    with pytest.raises(ValueError, match=r"step_00000002 was trained with another model .codes: "):
        vqvae(folder=tmp_path, resume=True, codes=codes, steps=2)


def test_what_changes_no_weights_may_change_on_resuming(tmp_path):
    vqvae(folder=tmp_path, steps=2)
    free = {"log_every": 7, "save_every": 5, "sample_every": 9, "workers": 1, "tensorboard": True}
    assert vqvae(folder=tmp_path, resume=True, steps=2, **free).steps_done == 2


def test_resuming_a_finished_run_returns_its_model(tmp_path):
    done = vqvae_with_care(folder=tmp_path, steps=4)
    again = vqvae_with_care(folder=tmp_path, resume=True, steps=4)
    assert again.steps_done == 4
    assert again.history == done.history
    for name, tensor in done.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name])


def test_the_last_two_checkpoints_are_kept_and_leftovers_go(tmp_path):
    (tmp_path / ".writing-step_00000004-dead").mkdir(parents=True)
    vqvae(folder=tmp_path)  # saved after steps 4, 8 and 10
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["log.jsonl", "step_00000008", "step_00000010"]


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_finished_run_can_be_prolonged(schedule, tmp_path):
    options = {"schedule": schedule, "warmup_steps": 2}
    whole = vqvae(folder=tmp_path / "whole", **options)
    vqvae(folder=tmp_path / "parts", **options, steps=6)
    longer = vqvae(folder=tmp_path / "parts", **options, resume=True)
    assert longer.steps_done == 10
    same = without_seconds(longer.history) == without_seconds(whole.history)
    assert same == (schedule == "constant")  # a cosine of 6 steps is not the first part of another
    with pytest.raises(ValueError, match="steps is 9, but .*step_00000010 has 10 already"):
        vqvae(folder=tmp_path / "parts", **options, resume=True, steps=9)


def test_a_prolonged_run_keeps_the_start_of_its_critic(tmp_path):
    vqgan(folder=tmp_path, steps=6, disc_start=None)  # a third of the steps: 2
    history = vqgan(folder=tmp_path, steps=10, disc_start=None, resume=True).history
    assert [entry["step"] for entry in history if "critic" in entry] == list(range(3, 11))


def test_the_seconds_of_a_resumed_run_go_on(tmp_path):
    vqvae(folder=tmp_path, steps=5, schedule="constant")
    history = vqvae(folder=tmp_path, schedule="constant", resume=True).history
    seconds = [entry["seconds"] for entry in history]
    assert seconds == sorted(seconds)


def test_a_run_is_resumed_with_the_same_pictures_and_networks(tmp_path):
    vqgan(folder=tmp_path, steps=2)
    recipe = VQGANRecipe(**TEN | CARE | CRITIC | {"disc_start": 3, "steps": 2})
    options = {"folder": tmp_path, "resume": True, **QUIET}
    fewer, other = TensorImages(digits().images[:40]), FeatureDistance(FeatureNet(3, widths=(4, 8)))
    with pytest.raises(
        ValueError, match="trained with other pictures .50 of TensorImages, now 40 of"
    ):
        train_vqgan(fewer, vqvae_digits(), recipe, perceptual=distance(), **options)
    with pytest.raises(ValueError, match="trained with other perceptual "):
        train_vqgan(images(), vqvae_digits(), recipe, perceptual=other, **options)


def test_a_damaged_checkpoint_says_which_one_to_go_on_from(tmp_path):
    vqvae(folder=tmp_path)
    damaged = latest_checkpoint(tmp_path)
    (damaged / "training.safetensors").write_bytes(b"cut")
    with pytest.raises(ValueError, match=f"remove {damaged} to go on from step_00000008"):
        vqvae(folder=tmp_path, resume=True)
    shutil.rmtree(damaged)
    assert vqvae(folder=tmp_path, resume=True).steps_done == 10
