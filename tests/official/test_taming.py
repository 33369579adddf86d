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
        "loss.perceptual_loss.lin5.model.1.weight",
        "loss.logvar",
        "model_ema.decay",
    ]
    for name in unknown:
        with pytest.raises(ValueError, match=r"not known: .*|missing: encoder\.down\.[02]"):
            load_vqmodel({**state, name: torch.zeros(1)})
    for name in unknown[-4:]:
        with pytest.raises(ValueError, match=f"not known: {re.escape(name)}"):
            account({**state, name: torch.zeros(1)})
    name = "loss.discriminator.main.3.loc"
    with pytest.raises(ValueError, match=r"main\.\*: not known: 3\.loc"):
        load_discriminator({**state, name: torch.zeros(1)})
    with pytest.raises(ValueError, match=re.escape(f"not known: {name}")):
        load_vqmodel({**state, name: torch.zeros(1)})


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


def test_attention_elsewhere_is_refused(tmp_path):
    state = state_dict(small())
    moved = {name.replace("down.1.attn", "down.0.attn"): it for name, it in state.items()}
    torch.save(moved, tmp_path / "high.ckpt")
    message = r"high\.ckpt: encoder\.down\.0 has attention, .* which is encoder\.down\.1"
    with pytest.raises(ValueError, match=message):
        load_vqmodel(tmp_path / "high.ckpt")


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
