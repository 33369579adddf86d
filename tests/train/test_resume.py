"""Ten steps equal five, save, load and five; Ctrl-C and kill lose nothing."""

import json
import os
import signal
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from vqlib.compress import vqvae_digits
from vqlib.data import digits
from vqlib.generate import GPTConfig
from vqlib.train import PriorRecipe, VQVAERecipe, train_prior, train_vqvae
from vqlib.train.checkpoint import latest_checkpoint

QUIET = {"device": "cpu", "progress": False}
GPT_CONFIG = GPTConfig(
    num_codes=64, num_conditions=10, num_tokens=16, num_layers=2, num_heads=2, width=16, dropout=0.2
)


def vqvae(folder=None, resume=False, **changes):
    recipe = replace(VQVAERecipe(steps=10, batch_size=8, save_every=4, log_every=1), **changes)
    images = digits().images[:50]
    return train_vqvae(images, vqvae_digits(), recipe, folder=folder, resume=resume, **QUIET)


def prior(folder=None, resume=False, **changes):
    recipe = replace(PriorRecipe(steps=10, batch_size=8, save_every=4, log_every=1), **changes)
    tokens = torch.randint(64, (50, 16), generator=torch.Generator().manual_seed(0))
    options = {"folder": folder, "resume": resume, **QUIET}
    return train_prior(tokens, digits().labels[:50], GPT_CONFIG, recipe, **options)


def interrupt_after(step: int, monkeypatch, times: int = 1) -> None:
    """Send this process the signal of Ctrl-C while the given step is being logged."""
    from vqlib.train import loop

    log = loop.Run.log

    def log_and_interrupt(self, now, logs):
        log(self, now, logs)
        if now + 1 == step:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(loop.Run, "log", log_and_interrupt)


@pytest.mark.parametrize("train", [vqvae, prior])
def test_ten_steps_equal_five_and_five_bit_for_bit(train, tmp_path, monkeypatch):
    whole = train()
    with monkeypatch.context() as patch:
        interrupt_after(5, patch)
        first = train(folder=tmp_path)
    assert first.steps_done == 5
    assert latest_checkpoint(tmp_path).name == "step_00000005"
    torch.manual_seed(12345)  # a new process would start elsewhere
    second = train(folder=tmp_path, resume=True)
    assert second.steps_done == 10
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name]), name
    losses = [entry["loss"] for entry in second.history]
    assert losses == [entry["loss"] for entry in whole.history]


def test_the_optimisers_state_is_restored_bit_for_bit(tmp_path, monkeypatch):
    vqvae(folder=tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_after(5, patch)
        vqvae(folder=tmp_path / "resumed")
    vqvae(folder=tmp_path / "resumed", resume=True)
    whole, resumed = (
        load_file(tmp_path / name / "step_00000010" / "training.safetensors")
        for name in ("whole", "resumed")
    )
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_a_second_interrupt_stops_at_once(tmp_path, monkeypatch):
    interrupt_after(2, monkeypatch, times=2)
    with pytest.raises(KeyboardInterrupt):
        vqvae(folder=tmp_path)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_log_has_each_step_once_after_a_crash(tmp_path, monkeypatch):
    from vqlib.train import loop

    log = loop.Run.log

    def crash(self, step, logs):
        log(self, step, logs)
        if step + 1 == 6:
            raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(loop.Run, "log", crash)
        with pytest.raises(RuntimeError, match="power cut"):
            vqvae(folder=tmp_path)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 7, "loss"')  # a line that was being written
    vqvae(folder=tmp_path, resume=True)
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, 11))


def test_a_run_is_never_overwritten_unasked(tmp_path):
    vqvae(folder=tmp_path)
    with pytest.raises(FileExistsError, match="already holds a run .step_00000010."):
        vqvae(folder=tmp_path)


def test_another_recipe_cannot_resume(tmp_path):
    vqvae(folder=tmp_path, steps=4)
    with pytest.raises(ValueError, match="learning_rate: 0.001 then, 0.01 now"):
        vqvae(folder=tmp_path, resume=True, steps=4, learning_rate=0.01)


def test_resuming_a_finished_run_returns_its_model(tmp_path):
    done = vqvae(folder=tmp_path, steps=4)
    again = vqvae(folder=tmp_path, resume=True, steps=4)
    assert again.steps_done == 4
    for name, tensor in done.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name])


def test_only_the_latest_checkpoint_is_kept_and_leftovers_go(tmp_path):
    (tmp_path / ".writing-step_00000004-dead").mkdir(parents=True)
    vqvae(folder=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.jsonl", "step_00000010"]


def test_wrong_recipes_are_named():
    with pytest.raises(ValueError, match="steps is 0"):
        VQVAERecipe(steps=0)
    with pytest.raises(ValueError, match=r"learning_rate is -1\.0"):
        PriorRecipe(learning_rate=-1.0)


def test_the_learning_rate_warms_up_and_decays():
    recipe = VQVAERecipe(steps=100, warmup_steps=10, learning_rate=1.0)
    rates = [recipe.learning_rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[10] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.5)
    assert rates[99] < 0.001
