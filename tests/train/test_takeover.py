"""A new run takes over critic and optimisers of an earlier one, or of a converted model."""

import torch

from tests.train.small import CRITIC, QUIET, SHORT, distance, images
from vqlib.compress import vqvae_digits
from vqlib.compress.discriminator import PatchDiscriminator
from vqlib.saved import load_model
from vqlib.saved.model import save_model
from vqlib.saved.run_folder import latest_checkpoint, training_tensors
from vqlib.train import VQGANRecipe, train_vqgan
from vqlib.train.takeover import take_over


def train(folder, model=None, start_from=None, **changes):
    recipe = VQGANRecipe(**SHORT | CRITIC | {"steps": 3, "disc_start": 0} | changes)
    options = {"perceptual": distance(), "start_from": start_from, "folder": folder, **QUIET}
    return train_vqgan(images(), model or vqvae_digits(), recipe, **options)


def parts(*, disc_channels=8, norm="batch"):
    codec = vqvae_digits().build()
    critic = PatchDiscriminator(1, base_channels=disc_channels, num_layers=2, norm=norm)
    optimizers = [torch.optim.Adam(module.parameters()) for module in (codec, critic)]
    return {"critic": critic, "optimizer": optimizers[0], "critic_optimizer": optimizers[1]}


def test_critic_and_moments_come_along(tmp_path, capsys):
    train(tmp_path / "first")
    mine = parts()
    assert take_over(tmp_path / "first", mine) == list(mine)
    saved = latest_checkpoint(tmp_path / "first")
    said = capsys.readouterr().err
    assert said == f"critic, optimizer, critic_optimizer: taken over from {saved}\n"
    tensors = training_tensors(saved)
    for name, value in mine["critic"].state_dict().items():
        assert torch.equal(value, tensors["critic"][name]), name
    for name in ("optimizer", "critic_optimizer"):
        state = mine[name].state_dict()
        assert torch.equal(state["state"][0]["exp_avg"], tensors[name]["0.exp_avg"])
        assert state["param_groups"][0]["lr"] == 1e-3, "the new run has its own rate"


def test_what_does_not_fit_begins_anew(tmp_path, capsys):
    train(tmp_path / "first")
    capsys.readouterr()
    mine = parts(disc_channels=4)
    assert take_over(tmp_path / "first", mine) == []
    assert capsys.readouterr().err == (
        f"critic, optimizer, critic_optimizer: begins anew ({latest_checkpoint(tmp_path / 'first')}"
        " has no critic of the same disc_norm, disc_layers, disc_channels and image channels)\n"
    )
    assert take_over(tmp_path / "first", mine, quiet=True) == []
    assert take_over(None, mine) == []
    assert capsys.readouterr().err == ""


def test_a_critic_of_another_norm_begins_anew_and_says_why(tmp_path, capsys):
    train(tmp_path / "first")
    capsys.readouterr()
    assert take_over(tmp_path / "first", parts(norm="group")) == []
    assert "has no critic of the same disc_norm" in capsys.readouterr().err


def test_a_run_that_starts_from_another_goes_on_with_its_critic(tmp_path):
    train(tmp_path / "first")

    def model():
        return load_model(latest_checkpoint(tmp_path / "first"))

    anew = train(tmp_path / "anew", model()).history
    more = train(tmp_path / "more", model(), tmp_path / "first").history
    assert more[0]["reconstruction"] == anew[0]["reconstruction"]
    assert more[0]["critic"] != anew[0]["critic"]
    # Resumed, it has its own: what it started from may be gone.
    again = train_again(tmp_path / "more", model(), tmp_path / "gone")
    assert again.history == more


def train_again(folder, model, start_from):
    recipe = VQGANRecipe(**SHORT | CRITIC | {"steps": 3, "disc_start": 0})
    options = {"perceptual": distance(), "start_from": start_from, "folder": folder, **QUIET}
    return train_vqgan(images(), model, recipe, resume=True, **options)


def test_a_converted_model_brings_its_critic(tmp_path, capsys):
    torch.manual_seed(1)
    critic = PatchDiscriminator(1, base_channels=8, num_layers=2)
    save_model(critic, tmp_path / "critic")
    mine = parts()
    assert take_over(tmp_path, mine) == ["critic"]
    for name, value in critic.state_dict().items():
        assert torch.equal(mine["critic"].state_dict()[name], value), name
    said = f"critic: taken over from {tmp_path}\noptimizer, critic_optimizer: begins anew\n"
    assert capsys.readouterr().err == said
