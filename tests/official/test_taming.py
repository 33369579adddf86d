"""The released layout in our modules: nothing is lost, and the numbers are the same."""

import re

import pytest
import torch
from torch.nn import functional as F

from tests.official import functional_vqmodel as twin
from tests.official.released_layout import (
    F16_1024,
    F16_16384,
    GUMBEL_F8,
    SEGMENTATION,
    first_stage,
    save_lightning,
    small,
    state_dict,
)
from vqlib.compress import VQVAE, LabelMapVQVAE, vqgan, vqgan_f16
from vqlib.compress.gumbel import GumbelCodes
from vqlib.official import account, load_discriminator, load_vqmodel, read_checkpoint
from vqlib.official.taming import infer_config

SMALL = {
    "two levels": small(),
    "three levels": small(ch_mult=(1, 2, 2), num_res_blocks=2, channels=1),
    "one level": small(ch_mult=(1,)),
    "Gumbel": small(gumbel=True),
    "attention higher": small(ch_mult=(1, 2, 2), attention=(1,)),
    "attention at two levels": small(attention=(0, 1)),
    "attention at the bottom only": small(attention=()),
    "no attention": small(attention=(), middle_attention=False),
}


# From these the shape of the model is read: if one is wrong, its neighbours no longer fit.
TELLING = {
    "encoder.conv_in.weight": "encoder.conv_in",
    "encoder.down.0.block.0.conv1.weight": "encoder.down.0|encoder.conv_in",
    "encoder.down.1.block.0.conv1.weight": "channels: no multiples",
    "encoder.conv_out.weight": "encoder.conv_out.bias is .* quant_conv",
    "quantize.embedding.weight": None,  # one code more is a larger codebook
    "loss.discriminator.main.0.weight": r"0\.bias",
}
CONV = "loss.discriminator.main.0.weight"


def double(state):
    return {name: tensor.double() for name, tensor in state.items()}


def count(model):
    return sum(p.numel() for p in model.parameters())


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A file of the full size of f16 1024, and the state dict in it."""
    state = state_dict(F16_1024)
    path = tmp_path_factory.mktemp("released") / "last.ckpt"
    save_lightning(path, state)
    yield path, state
    path.unlink()


@pytest.fixture(scope="module")
def loaded(released):
    return load_vqmodel(released[0])


def test_every_tensor_of_the_full_file_lands(released, loaded):
    path, state = released
    ours, fates = loaded.state_dict(), account(state)
    assert set(fates) == set(state)
    landed = {name: fate for name, fate in fates.items() if not fate.startswith("not loaded: ")}
    assert sorted(landed.values()) == sorted(ours)
    for theirs, name in landed.items():
        assert torch.equal(ours[name], state[theirs]), theirs
    rest = set(state) - set(landed)
    assert len([name for name in rest if name.startswith("loss.perceptual_loss.")]) == 33
    discriminator = load_discriminator(path).state_dict()
    theirs = {name: name.replace("layers.", "loss.discriminator.main.") for name in discriminator}
    assert rest == set(theirs.values()) | {name for name in rest if "perceptual" in name}
    for name, tensor in discriminator.items():
        assert torch.equal(tensor, state[theirs[name]]), name


def test_the_full_model_is_the_papers(loaded):
    assert loaded.config == vqgan_f16(1024)
    assert len(loaded.encoder.state_dict()) == 144
    assert len(loaded.decoder.state_dict()) == 194
    assert count(loaded.encoder) / 1e6 == pytest.approx(29.298, abs=1e-3)
    assert count(loaded.decoder) / 1e6 == pytest.approx(42.450, abs=1e-3)
    assert not loaded.training
    assert all(p.dtype == torch.float32 and p.requires_grad for p in loaded.parameters())


def test_the_full_model_computes_the_same(released, loaded):
    state, x = double(released[1]), torch.rand(1, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        z = loaded.latents(x)
        torch.testing.assert_close(z.double(), twin.encode(state, x.double()), rtol=1e-4, atol=1e-4)
        tokens = loaded.encode(x)
        assert torch.equal(tokens, twin.tokens(state, twin.encode(state, x.double())))
        x_hat = loaded.decoder(loaded.from_codes(loaded.quantizer.lookup(tokens)))
        expected = twin.decode(state, tokens)
        torch.testing.assert_close(x_hat.double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layout", SMALL.values(), ids=SMALL)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_small_models_compute_the_same(layout, dtype):
    state, exact = state_dict(layout), dtype == torch.float64
    tolerances = {"rtol": 1e-9, "atol": 1e-9} if exact else {"rtol": 1e-3, "atol": 1e-4}
    model = load_vqmodel(state).to(dtype)
    x = torch.rand(3, layout.channels, 24, 16, dtype=dtype) * 2 - 1
    with torch.no_grad():
        z = twin.encode(double(state), x.double())
        torch.testing.assert_close(model.latents(x).double(), z, **tolerances)
        tokens = model.encode(x)
        assert torch.equal(tokens, twin.tokens(double(state), z))
        assert len(tokens.unique()) > 3  # the comparison says something
        x_hat = model.decoder(model.from_codes(model.quantizer.lookup(tokens)))
        torch.testing.assert_close(x_hat.double(), twin.decode(double(state), tokens), **tolerances)
        torch.testing.assert_close(model.decode(tokens), x_hat.clamp(-1, 1))


def test_a_segmentation_first_stage_takes_label_maps():
    layout = small(channels=9, disc_layers=None, colorize=True)
    state = state_dict(layout)
    model = load_vqmodel(state).double()
    assert isinstance(model, LabelMapVQVAE)
    assert model.num_labels == 9
    labels = torch.randint(9, (2, 16, 16))
    one_hot = F.one_hot(labels, 9).movedim(-1, 1).double()
    z = twin.encode(double(state), one_hot)
    torch.testing.assert_close(model.latents(one_hot), z)
    tokens = twin.tokens(double(state), z)
    assert torch.equal(model.quantizer.tokens(z), tokens)
    assert torch.equal(model.decode(tokens), twin.decode(double(state), tokens).argmax(1))
    assert load_vqmodel(state).encode(labels).shape == (2, 8, 8)
    assert account(state)["colorize"].startswith("not loaded: ")


@pytest.mark.parametrize(
    ("layout", "config"),
    [
        (F16_16384, vqgan_f16(16384)),
        (GUMBEL_F8, None),
        (SEGMENTATION, vqgan(16, 1024, image_channels=182)),
    ],
    ids=["f16 16384", "Gumbel f8", "segmentation"],
)
def test_the_other_released_shapes_are_recognised(layout, config):
    # Only shapes count here: on the meta device nothing is allocated, and nothing can be copied.
    state = {name: torch.empty(shape, device="meta") for name, shape in first_stage(layout).items()}
    fates = account({name: it.long() if "tracked" in name else it for name, it in state.items()})
    assert set(fates) == set(state)
    found = infer_config(state)
    assert found.image_size == 256
    if config is not None:
        assert found == config
    else:
        assert found.codes == GumbelCodes()
        assert (found.num_codes, found.code_dim, found.grid_size) == (8192, 256, 32)


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_discriminators_of_any_depth_compute_the_same(layers):
    state = state_dict(small(disc_layers=layers))
    model = load_discriminator(state).double()
    assert not model.training
    x = torch.rand(2, 3, 64, 48, dtype=torch.float64) * 2 - 1
    main = {name: it for name, it in double(state).items() if "discriminator" in name}
    torch.testing.assert_close(model(x), twin.judge(main, x))
    assert load_vqmodel(state).config == load_vqmodel(state_dict(small())).config


def test_parts_of_a_transformers_file_are_loaded_by_prefix(tmp_path):
    first = state_dict(small(), seed=1)
    second = state_dict(small(channels=9, disc_layers=None, colorize=True), seed=2)
    state = {f"first_stage_model.{name}": it for name, it in first.items()}
    state |= {f"cond_stage_model.{name}": it for name, it in second.items()}
    state["transformer.pos_emb"] = torch.zeros(1, 8, 4)
    save_lightning(tmp_path / "net2net.ckpt", state)
    for prefix, part in (("first_stage_model.", first), ("cond_stage_model.", second)):
        model = load_vqmodel(tmp_path / "net2net.ckpt", prefix=prefix, image_size=64)
        expected = load_vqmodel(part).state_dict()
        assert model.config.image_size == 64
        assert all(torch.equal(it, expected[name]) for name, it in model.state_dict().items())
        fates = account(read_checkpoint(tmp_path / "net2net.ckpt"), prefix=prefix)
        assert list(fates) == [prefix + name for name in part]
    load_discriminator(tmp_path / "net2net.ckpt", prefix="first_stage_model.")
    message = (
        r"net2net\.ckpt: no tensor's name begins with 'first\.'; they begin with cond_stage_mo"
    )
    with pytest.raises(ValueError, match=message):
        load_vqmodel(tmp_path / "net2net.ckpt", prefix="first.")
    with pytest.raises(
        ValueError, match=r"net2net\.ckpt: transformer\.\*: missing: quantize\.embed"
    ):
        load_vqmodel(tmp_path / "net2net.ckpt", prefix="transformer.")


def test_a_missing_tensor_is_named():
    state = state_dict(small(disc_layers=2))
    for name in [*list(state)[::3], *TELLING]:  # weights and biases by turns
        rest = {other: it for other, it in state.items() if other != name}
        in_discriminator = name.startswith("loss.")
        load = load_discriminator if in_discriminator else load_vqmodel
        expected = name.removeprefix("loss.discriminator.main.")
        if expected == "quantize.embedding.weight":
            expected = "quantize.emb"
        if in_discriminator and state[name].ndim == 4 and expected != "0.weight":
            expected = "loss.discriminator"  # its number of layers is no longer to be told
        with pytest.raises(ValueError, match=re.escape(expected)):
            load(rest)


def test_an_unknown_tensor_is_named():
    state = state_dict(small())
    unknown = [
        "encoder.extra.weight",
        "encoder.down.0.block.1.norm1.weight",
        "encoder.down.2.block.0.norm1.weight",
        "decoder.up.1.attn.2.norm.weight",
        "quantize.used",
        "quantize.initted",
    ]
    for name in unknown:
        with pytest.raises(ValueError, match=r"not known: .*|missing: encoder\.down\.[02]"):
            load_vqmodel({**state, name: torch.zeros(1)})
    for name in unknown[-2:]:
        with pytest.raises(ValueError, match=f"not known: {re.escape(name)}"):
            account({**state, name: torch.zeros(1)})
    with pytest.raises(ValueError, match=r"main\.\*: not known: 3\.gain"):
        load_discriminator({**state, "loss.discriminator.main.3.gain": torch.zeros(1)})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("loss.logvar", "part of the training loss"),
        ("loss.perceptual_loss.lin5.model.1.weight", "LPIPS, part of the training loss"),
        ("loss.discriminator.convs.0.weight", "part of the training loss"),
        ("loss.discriminator.main.3.gain", "discriminator, see load_discriminator"),
        ("model_ema.encoderconv_inweight", "moving averages of the weights"),
        ("quantize.embedding.cluster_size", "statistics by which codes are learned"),
        ("quantize.embed_avg", "statistics by which codes are learned"),
    ],
)
def test_what_training_leaves_behind_is_left_out_with_a_reason(name, reason):
    state = state_dict(small())
    assert account({**state, name: torch.zeros(1)})[name] == f"not loaded: {reason}"
    loaded, expected = load_vqmodel({**state, name: torch.zeros(1)}), load_vqmodel(state)
    assert all(
        torch.equal(it, loaded.state_dict()[key]) for key, it in expected.state_dict().items()
    )


def test_a_discriminator_with_actnorm_is_of_another_kind():
    state = state_dict(small(actnorm=True))
    fates = account(state)
    reasons = {fates[name] for name in state if "discriminator" in name}
    assert reasons == {
        "not loaded: discriminator with ActNorm, a network of another kind than ours"
    }
    load_vqmodel(state)
    with pytest.raises(ValueError, match=r"main\.\*: this is a discriminator with ActNorm"):
        load_discriminator(state)


def test_a_misshapen_tensor_is_named():
    state = state_dict(small(disc_layers=2))
    for name in [*list(state)[::3], *TELLING]:
        tensor = state[name]
        if TELLING.get(name, "") is None or tensor.ndim == 0:
            continue
        load = load_discriminator if name.startswith("loss.") else load_vqmodel
        wrong = torch.zeros(tensor.shape[0] + 1, *tensor.shape[1:])
        expected = re.escape(name.removeprefix("loss.discriminator.main.")) + " is "
        with pytest.raises(ValueError, match=TELLING.get(name, expected)):
            load({**state, name: wrong})
    with pytest.raises(ValueError, match=r"encoder\.conv_in\.weight is \(32,\) instead of 4"):
        load_vqmodel({**state, "encoder.conv_in.weight": torch.zeros(32)})
    with pytest.raises(ValueError, match=r"norm_out\.bias is torch\.int64 instead of torch\.float"):
        load_vqmodel({**state, "encoder.norm_out.bias": torch.zeros(64, dtype=torch.int64)})


def test_attention_is_found_where_it_stands():
    found = {name: load_vqmodel(state_dict(it)).config.autoencoder for name, it in SMALL.items()}
    levels = {name: (it.attention_levels, it.middle_attention) for name, it in found.items()}
    assert levels == {
        "two levels": (None, True),
        "three levels": (None, True),
        "one level": (None, True),
        "Gumbel": (None, True),
        "attention higher": ((1,), True),
        "attention at two levels": ((0, 1), True),
        "attention at the bottom only": ((), True),
        "no attention": ((), False),
    }


def test_encoder_and_decoder_attend_at_the_same_levels(tmp_path):
    state = state_dict(small())
    moved = {name.replace("down.1.attn", "down.0.attn"): it for name, it in state.items()}
    torch.save(moved, tmp_path / "high.ckpt")
    message = r"high\.ckpt: encoder has attention at levels \[0\] and mid, decoder at \[1\] and mid"
    with pytest.raises(ValueError, match=message):
        load_vqmodel(tmp_path / "high.ckpt")
    half = {name: it for name, it in state.items() if not name.startswith("decoder.mid.attn")}
    with pytest.raises(ValueError, match=r"at levels \[1\] and mid, decoder at \[1\]; both must"):
        load_vqmodel(half)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_numbers_that_are_not_finite_are_named(value):
    state = state_dict(small(disc_layers=1))
    for name, load in (("decoder.norm_out.bias", load_vqmodel), (CONV, load_discriminator)):
        wrong = {**state, name: state[name].clone()}
        wrong[name].view(-1)[2] = value
        ending = re.escape(name.removeprefix("loss.discriminator.main."))
        with pytest.raises(ValueError, match=f"{ending} has numbers that are not finite"):
            load(wrong)
    huge = {**state, "quant_conv.bias": torch.full((8,), 1e300, dtype=torch.float64)}
    with pytest.raises(ValueError, match="quant_conv.bias has numbers that are not finite"):
        load_vqmodel(huge)
    load_vqmodel({**state, "quant_conv.bias": torch.full((8,), 3e38)})  # but their sum is not


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_becomes_float32(dtype, tmp_path):
    state = state_dict(small())
    rounded = {name: it.to(dtype) if it.is_floating_point() else it for name, it in state.items()}
    save_lightning(tmp_path / "half.ckpt", rounded)
    for load in (load_vqmodel, load_discriminator):
        model = load(tmp_path / "half.ckpt")
        assert all(p.dtype == torch.float32 for p in model.parameters())
    expected = rounded["decoder.conv_in.weight"].float()
    assert torch.equal(load_vqmodel(tmp_path / "half.ckpt").decoder.conv_in.weight, expected)


def test_loading_copies_and_leaves_the_random_state_alone():
    state = state_dict(small())
    before = torch.get_rng_state()
    model = load_vqmodel({name: it.double() for name, it in state.items()})
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(model, VQVAE)
    assert all(p.dtype == torch.float32 for p in model.parameters())
    state["quant_conv.bias"].fill_(9)
    assert (load_vqmodel(state).to_codes.bias == 9).all()
    assert not (model.to_codes.bias == 9).any()


def test_a_file_without_a_discriminator_says_so():
    with pytest.raises(ValueError, match=r"no tensor's name begins with 'loss\.discriminator"):
        load_discriminator(state_dict(small(disc_layers=None)))


def test_layout_counts_are_those_of_the_released_file():
    shapes = first_stage(F16_1024)
    assert sum(name.startswith("encoder.") for name in shapes) == 144
    assert sum(name.startswith("decoder.") for name in shapes) == 194
