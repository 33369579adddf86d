"""What each option of a recipe does, and that it does nothing else."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.train.small import (
    CRITIC,
    QUIET,
    SHORT,
    assert_close_weights,
    distance,
    images,
    vqgan_digits,
)
from vqlib.compress import VQVAE, EMACodes, GradientCodes, vqvae_digits
from vqlib.data import digits
from vqlib.generate import ClassCondition, GPTConfig
from vqlib.saved import load_model
from vqlib.saved.run_folder import latest_checkpoint
from vqlib.tokens import TokenGrids
from vqlib.train import (
    PriorRecipe,
    Trained,
    VQGANRecipe,
    VQVAERecipe,
    train_prior,
    train_vqgan,
    train_vqvae,
)
from vqlib.train.features import FeatureRecipe, train_feature_net


def vqvae(model=None, folder=None, **changes) -> Trained:
    recipe = VQVAERecipe(**SHORT | {"steps": 3} | changes)
    return train_vqvae(images(), model or vqvae_digits(), recipe, folder=folder, **QUIET)


def vqgan(**changes) -> Trained:
    recipe = VQGANRecipe(**SHORT | CRITIC | {"steps": 3, "disc_start": 1} | changes)
    config = replace(vqgan_digits(), autoencoder=replace(vqgan_digits().autoencoder, dropout=0.0))
    return train_vqgan(images(), config, recipe, perceptual=distance(), **QUIET)


def feature_net(**changes) -> Trained:
    return train_feature_net(FeatureRecipe(**SHORT | {"steps": 3} | changes), **QUIET)


def prior(**changes) -> Trained:
    recipe = PriorRecipe(**SHORT | {"steps": 3} | changes)
    tokens = torch.randint(64, (50, 16), generator=torch.Generator().manual_seed(0))
    config = GPTConfig(64, (4, 4), ClassCondition(10), num_layers=2, num_heads=2, width=16)
    data = TokenGrids(tokens.view(-1, 4, 4), digits().labels[:50])
    return train_prior(data, config, recipe, **QUIET)


@pytest.mark.parametrize("train", [vqvae, vqgan, feature_net, prior])
def test_bf16_stays_close_to_fp32_and_keeps_float32_weights(train):
    full, half = train(), train(precision="bf16")
    losses = [[entry["loss"] for entry in trained.history] for trained in (full, half)]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert {p.dtype for p in half.model.parameters()} == {torch.float32}


@pytest.mark.parametrize("train", [vqvae, feature_net, prior])
def test_a_batch_in_two_parts_is_the_same_batch(train):
    whole, parts = train(), train(accumulate=2)
    for one, two in zip(whole.history, parts.history, strict=True):
        assert two["loss"] == pytest.approx(one["loss"], rel=1e-5)
    assert_close_weights(whole.model, parts.model, 1e-5)


@pytest.mark.parametrize("train", [vqvae, vqgan])
def test_channels_last_changes_the_layout_only(train):
    usual, last = train(), train(channels_last=True)
    assert_close_weights(usual.model, last.model, 1e-4)
    convolutions = [m.weight for m in last.model.modules() if isinstance(m, nn.Conv2d)]
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in convolutions)


@pytest.mark.parametrize(
    ("options", "shapes"),
    [
        ({}, [(8, False)]),
        ({"accumulate": 4}, [(2, False)] * 4),
        ({"channels_last": True}, [(8, True)]),
    ],
)
def test_what_the_model_is_given(options, shapes):
    seen = []

    def look(_, inputs):
        (x,) = inputs
        seen.append((len(x), x.is_contiguous(memory_format=torch.channels_last)))

    in_colour = replace(vqvae_digits().autoencoder, image_channels=3)  # grey has one layout
    codec = replace(vqvae_digits(), autoencoder=in_colour).build()
    codec.register_forward_pre_hook(look)
    x = digits().images[:8].repeat(1, 3, 1, 1)
    train_vqvae(x, codec, VQVAERecipe(**SHORT, steps=1, **options), **QUIET)
    assert seen == shapes


def test_the_averaged_model_is_saved_and_the_raw_one_kept(tmp_path):
    options = {"schedule": "constant", "warmup_steps": 0}
    raw = [vqvae(steps=steps, **options).model.state_dict() for steps in (1, 2, 3)]
    trained = vqvae(folder=tmp_path, ema_decay=0.7, **options)
    saved = load_model(latest_checkpoint(tmp_path)).state_dict()
    kept = load_file(latest_checkpoint(tmp_path) / "training.safetensors")
    for name, average in trained.model.state_dict().items():
        first, second, third = (state[name] for state in raw)
        by_hand = 0.7 * (0.7 * first + 0.3 * second) + 0.3 * third
        torch.testing.assert_close(average, by_hand, rtol=1e-5, atol=1e-7)
        assert torch.equal(average, saved[name])
        assert torch.equal(kept[f"model.{name}"], third)
        assert not torch.equal(average, third)


def test_kmeans_puts_more_codes_to_use_from_the_first_step():
    without, with_kmeans = (vqvae(steps=1, kmeans_init=kmeans) for kmeans in (False, True))
    assert with_kmeans.history[0]["usage"] > 3 * without.history[0]["usage"]


def test_a_restart_brings_unused_codes_into_use_and_none_follows_the_last_step():
    usages = [
        [entry["usage"] for entry in vqvae(steps=4, restart_every=every, **options).history]
        for every, options in ((None, {}), (3, {"restart_until": 1.0}), (3, {}))
    ]
    never, once, too_late = usages
    assert once[:3] == never[:3]
    assert once[3] > 3 * never[3]
    assert too_late == never  # step 3 of 4 lies in the last fifth


def test_a_plain_autoencoder_first_then_codes_where_its_latents_are():
    options = {"steps": 6, "schedule": "constant", "kmeans_init": True}
    trained = vqvae(autoencoder_steps=4, **options)
    present = [{"usage", "perplexity"} & entry.keys() for entry in trained.history]
    assert present == [set()] * 4 + [{"usage", "perplexity"}] * 2
    assert [entry["codebook"] for entry in trained.history[:4]] == [0.0] * 4
    assert [entry["commitment"] for entry in trained.history[:4]] == [0.0] * 4
    assert trained.history[4]["usage"] > 0.3
    plain = vqvae(**options | {"kmeans_init": False})
    assert trained.history[0]["reconstruction"] != plain.history[0]["reconstruction"]


@pytest.mark.parametrize("codes", [GradientCodes(), EMACodes()], ids=str)
def test_no_code_moves_as_long_as_there_is_no_quantizer(codes):
    model = replace(vqvae_digits(), codes=codes).build()
    before = model.quantizer.codebook.detach().clone()
    recipe = VQVAERecipe(**SHORT, steps=3, autoencoder_steps=3)
    trained = train_vqvae(digits().images[:8], model, recipe, **QUIET)
    assert torch.equal(trained.model.quantizer.codebook, before)


def test_a_given_model_is_trained_further_in_place():
    codec = VQVAE(vqvae_digits())
    before = {name: tensor.clone() for name, tensor in codec.state_dict().items()}
    trained = vqvae(codec)
    assert trained.model is codec
    assert not codec.training
    assert all(not torch.equal(before[name], value) for name, value in codec.named_parameters())


def test_a_device_that_there_is_not_is_named():
    for device in ("gpu", "cuda:99"):
        with pytest.raises(ValueError, match=f"device is '{device}'.*use cpu"):
            train_vqvae(images(), vqvae_digits(), VQVAERecipe(), device=device, progress=False)
