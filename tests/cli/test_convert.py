"""`vqlib convert`: a released checkpoint becomes a model that the other commands take."""

import json

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.cli.commands import refusal, run, write_pictures
from tests.cli.pipelines import write_label_map
from tests.official.functional_vqmodel import encode
from tests.official.released_layout import averages, save_lightning, small, state_dict
from tests.official.test_net2net import Case, Sizes
from vqlib.cli import convert as cli_convert
from vqlib.compress import PatchDiscriminator
from vqlib.compress.discriminator import PatchDiscriminatorConfig
from vqlib.generate import ClassCondition, MapCondition, NoCondition, Order
from vqlib.official import load_discriminator, load_vqmodel
from vqlib.official.net2net import load_net2net
from vqlib.saved.model import load_model, save_model
from vqlib.saved.pipeline import load_pipeline

MODEL_FILES = ["config.json", "model.safetensors", "record.json"]


def first_stage(**changes):
    """A small released first stage, with what else is in such a file."""
    return state_dict(small(lpips=True, **changes))


def test_a_released_file_becomes_a_model_for_the_other_commands(tmp_path, capsys):
    save_lightning(tmp_path / "last.ckpt", first_stage())
    model, results = tmp_path / "models" / "released", tmp_path / "results"
    assert run("convert", tmp_path / "last.ckpt", model, "--image-size", 64) == 0
    words = capsys.readouterr().out
    loaded = sum(len(load_model(it).state_dict()) for it in (model, model / "critic"))
    assert loaded == len(first_stage()) - 33
    assert words.splitlines() == [
        f"{model}: {loaded} tensors loaded, 33 of training left out",
        "f = 2, 20 codes",
        f"{model / 'critic'}: the discriminator, which judges 70×70 pixels",
        "left out: LPIPS, part of the training loss: 33",
    ]
    assert [it.name for it in model.parent.iterdir()] == ["released"]
    assert json.loads((model / "record.json").read_text()) == {"converted_from": "last.ckpt"}
    expected, converted = load_vqmodel(first_stage(), image_size=64), load_model(model)
    assert converted.config == expected.config
    x = torch.rand(1, 3, 16, 20) * 2 - 1
    assert torch.equal(converted.encode(x), expected.encode(x))

    folder = write_pictures(tmp_path / "mine", 1, height=19, width=11)
    assert run("reconstruct", folder, "--model", model, "--out", results) == 0
    assert "00.png: 10×6 tokens" in capsys.readouterr().out
    with Image.open(results / "00.png") as picture:
        assert picture.size == (2 * 11 + 6, 19 + 4)


def test_a_first_stage_inside_a_transformers_file(tmp_path, capsys):
    inner = first_stage(gumbel=True)
    state = {f"first_stage_model.{name}": value for name, value in inner.items()}
    save_lightning(tmp_path / "a.ckpt", {**state, "transformer.head.weight": torch.zeros(2, 2)})
    call = ["convert", tmp_path / "a.ckpt", tmp_path / "model"]
    assert run(*call, "--prefix", "first_stage_model.") == 0
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    expected = load_vqmodel(inner).encode(x)
    assert torch.equal(load_model(tmp_path / "model").encode(x), expected)
    assert run("convert", *call[1:2], tmp_path / "same", "--prefix", "first_stage_model") == 0
    other = ["convert", tmp_path / "a.ckpt", tmp_path / "other", "--prefix", "second"]
    message = refusal(capsys, *other)
    assert "no tensor's name begins with 'second.'; they begin with first_stage_model" in message


def test_the_critic_becomes_a_model_of_its_own(tmp_path, capsys):
    state = first_stage(disc_layers=2)
    save_lightning(tmp_path / "last.ckpt", state)
    out = tmp_path / "model"
    assert run("convert", tmp_path / "last.ckpt", out) == 0
    expected, critic = load_discriminator(state), load_model(out / "critic")
    assert isinstance(critic, PatchDiscriminator)
    assert critic.config == PatchDiscriminatorConfig(3, 4, 2)
    x = torch.rand(1, 3, 40, 40) * 2 - 1
    assert torch.equal(critic(x), expected(x))
    message = refusal(capsys, "reconstruct", tmp_path, "--model", out / "critic")
    assert "holds a PatchDiscriminator, a VQVAE or a ColorPalette is needed" in message


def test_without_a_critic_that_is_known_the_codec_is_converted_alone(tmp_path, capsys):
    call = ["convert", tmp_path / "a.ckpt", tmp_path / "model"]
    save_lightning(tmp_path / "a.ckpt", first_stage(actnorm=True))
    assert run(*call) == 0
    assert "left out: discriminator with ActNorm, a network of another" in capsys.readouterr().out
    assert sorted(it.name for it in (tmp_path / "model").iterdir()) == MODEL_FILES
    assert run(*call[:2], tmp_path / "again", "--ignore", "loss.*") == 0
    assert capsys.readouterr().out.endswith("left out as --ignore says: 52\n")
    broken = first_stage()
    del broken["loss.discriminator.main.6.bias"]
    save_lightning(tmp_path / "a.ckpt", broken)
    message = refusal(capsys, *call[:2], tmp_path / "third")
    assert (
        "main.*: missing: 6.bias; to do without it: --ignore '*loss.discriminator.main" in message
    )
    assert not (tmp_path / "third").exists()
    assert run(*call[:2], tmp_path / "third", "--ignore", "*loss.discriminator.main.*") == 0


@pytest.mark.parametrize(
    "prefix", ["module.", "model.", "first_stage_model.", "module._orig_mod.vqgan."]
)
def test_what_stands_before_all_names_is_taken_off(prefix, tmp_path, capsys):
    state = first_stage()
    torch.save({"model": {prefix + name: it for name, it in state.items()}}, tmp_path / "a.pt")
    assert run("convert", tmp_path / "a.pt", tmp_path / "model") == 0
    words = capsys.readouterr().out
    assert f"the model's names begin with {prefix}, which was taken off" in words
    expected = load_vqmodel(state).state_dict()
    for name, it in load_model(tmp_path / "model").state_dict().items():
        assert torch.equal(it, expected[name])
    assert (tmp_path / "model" / "critic").is_dir()


def test_what_else_is_beside_a_first_stage_is_not_dropped_in_silence(tmp_path, capsys):
    state = {f"vae.{name}": it for name, it in first_stage().items()}
    more = {"unet.conv.weight": torch.zeros(1), "loss.logvar": torch.zeros(1)}
    torch.save(state | more, tmp_path / "a.pt")
    call = ["convert", tmp_path / "a.pt", tmp_path / "model"]
    message = refusal(capsys, *call)
    assert "beside vae. there are unet; to take vae. alone give --prefix vae." in message
    torch.save(state | {"two.encoder.conv_in.weight": torch.zeros(1)}, tmp_path / "a.pt")
    assert "there are several models; give one as --prefix: two., vae." in refusal(capsys, *call)
    del more["unet.conv.weight"]
    torch.save(state | more, tmp_path / "a.pt")
    assert run(*call) == 0
    assert "left out: part of the training loss: 1\n" in capsys.readouterr().out


@pytest.mark.parametrize("prefix", ["", "module.", "model."])
def test_averages_are_taken_when_asked_for(prefix, tmp_path, capsys):
    state = first_stage()
    kept = averages(state)
    # A wrapper keeps averages of the model inside it, under the names from there.
    at = prefix if prefix == "module." else ""
    file = {prefix + name: it for name, it in state.items()}
    torch.save(file | {at + name: it for name, it in kept.items()}, tmp_path / "a.pt")
    call = ["convert", tmp_path / "a.pt", tmp_path / "model"]
    assert run(*call, "--ema") == 0
    assert f"moving averages taken for weights: {len(kept) - 2}" in capsys.readouterr().out
    record = json.loads((tmp_path / "model" / "record.json").read_text())
    assert record == {"converted_from": "a.pt", "ema": True}
    expected = load_vqmodel(state).state_dict()
    for name, it in load_model(tmp_path / "model").state_dict().items():
        assert torch.equal(it, expected[name] / 2)
    assert torch.equal(
        load_model(tmp_path / "model" / "critic").layers[0].weight,
        state["loss.discriminator.main.0.weight"] / 2,
    )
    assert run(*call[:2], tmp_path / "raw") == 0
    words = capsys.readouterr().out
    assert f"left out: moving averages of the weights (--ema takes them): {len(kept)}\n" in words
    raw = load_model(tmp_path / "raw").decoder.last_layer
    assert torch.equal(raw, state["decoder.conv_out.weight"])


def test_averages_that_are_not_there_cannot_be_taken(tmp_path, capsys):
    save_lightning(tmp_path / "a.ckpt", first_stage())
    message = refusal(capsys, "convert", tmp_path / "a.ckpt", tmp_path / "model", "--ema")
    assert "a.ckpt: there are no averages of the weights: no name begins with model_ema." in message


def test_tensors_that_are_not_known_can_be_left_out(tmp_path, capsys):
    extra = {"quantize.used": torch.arange(3), "quantize.usage.count": torch.zeros(1)}
    save_lightning(tmp_path / "a.ckpt", first_stage() | extra)
    call = ["convert", tmp_path / "a.ckpt", tmp_path / "model"]
    message = refusal(capsys, *call)
    assert "a.ckpt: not known: quantize.usage.count, quantize.used; the file is of" in message
    assert message.endswith("or these are leftovers to be left out by --ignore\n")
    message = refusal(capsys, *call, "--ignore", "quantize.us*", "quantise.*")
    assert "a.ckpt: no tensor's name fits 'quantise.*'; the whole name must" in message
    assert not (tmp_path / "model").exists()
    assert run(*call, "--ignore", "quantize.us*") == 0
    assert "left out as --ignore says: 2\n" in capsys.readouterr().out
    record = json.loads((tmp_path / "model" / "record.json").read_text())
    assert record == {"converted_from": "a.ckpt", "ignored": ["quantize.us*"]}
    needed = refusal(capsys, *call[:2], tmp_path / "b", "--ignore", "quant_conv.*", "quantize.us*")
    assert "missing: quant_conv.weight, quant_conv.bias" in needed


def test_attention_anywhere_goes_through_the_folder(tmp_path):
    state = first_stage(ch_mult=(1, 2, 2), attention=(1,))
    save_file(dict(state), tmp_path / "model.safetensors")
    assert run("convert", tmp_path / "model.safetensors", tmp_path / "model") == 0
    model = load_model(tmp_path / "model")
    assert model.config.autoencoder.attention_levels == (1,)
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(model.latents(x), encode(state, x), rtol=1e-3, atol=1e-4)


def test_a_codec_of_label_maps_is_converted_but_takes_no_pictures(tmp_path, capsys):
    layout = {"channels": 5, "colorize": True, "disc_layers": None}
    save_lightning(tmp_path / "maps.ckpt", first_stage(**layout))
    assert run("convert", tmp_path / "maps.ckpt", tmp_path / "maps") == 0
    folder = write_pictures(tmp_path / "mine", 1)
    message = refusal(capsys, "reconstruct", folder, "--model", tmp_path / "maps")
    assert "holds a LabelMapVQVAE, a VQVAE or a ColorPalette is needed" in message


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_nothing_is_overwritten(kind, tmp_path, capsys):
    save_lightning(tmp_path / "last.ckpt", first_stage())
    taken = tmp_path / "model"
    taken.mkdir() if kind == "folder" else taken.write_text("a file")
    message = refusal(capsys, "convert", tmp_path / "last.ckpt", taken)
    assert f"{taken} exists already; choose another folder" in message
    assert list(taken.iterdir()) == [] if kind == "folder" else taken.read_text() == "a file"


def missing(path):
    return path.with_name("nowhere.ckpt")


def a_folder(path):
    path.mkdir()
    return path


def words(path):
    path.write_text("these are words")
    return path


def cut_short(path):
    save_lightning(path, first_stage())
    path.write_bytes(path.read_bytes()[:-5000])
    return path


def empty(path):
    path.write_bytes(b"")
    return path


def a_model_folder(path):
    save_lightning(path.with_name("b.ckpt"), first_stage())
    run("convert", path.with_name("b.ckpt"), path)
    return path


def the_file_in_a_model_folder(path):
    return a_model_folder(path) / "model.safetensors"


def of_another_library(path):
    names = ("encoder.conv_in.weight", "encoder.down_blocks.0.resnets.0.conv1.weight")
    torch.save({f"vae.{name}": torch.zeros(1) for name in names}, path)
    return path


def not_finite(path):
    state = first_stage()
    state["decoder.conv_out.bias"][1] = torch.nan
    save_lightning(path, state)
    return path


def no_tensors(path):
    torch.save({"epoch": 3}, path)
    return path


def another_model(path):
    torch.save({"state_dict": {"weight": torch.zeros(2, 2)}}, path)
    return path


def a_tensor_short(path):
    state = first_stage()
    del state["decoder.mid.block_1.norm1.weight"]
    save_lightning(path, state)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (missing, "nowhere.ckpt: no such file"),
        (a_folder, "a.ckpt: a folder; the checkpoint file in it is needed"),
        (empty, "a.ckpt: not a readable checkpoint (an empty file)"),
        (a_model_folder, "a.ckpt is a model folder already; give it as --model or --prior"),
        (the_file_in_a_model_folder, "its tensors have this library's names already; give the"),
        (of_another_library, "its tensors have the names of the diffusers library"),
        (not_finite, "a.ckpt: decoder.conv_out.bias has numbers that are not finite"),
        (words, "a.ckpt: not a readable checkpoint"),
        (cut_short, "a.ckpt: not a readable checkpoint"),
        (no_tensors, "there are no named tensors in this checkpoint"),
        (another_model, "quantize.embedding.weight"),
        (a_tensor_short, "decoder.mid.block_1.norm1.weight"),
    ],
)
def test_what_is_no_first_stage_gets_one_line(make, message, tmp_path, capsys):
    out = tmp_path / "model"
    assert message in refusal(capsys, "convert", make(tmp_path / "a.ckpt"), out)
    assert not out.exists()


def test_a_side_that_the_model_cannot_have(tmp_path, capsys):
    save_lightning(tmp_path / "last.ckpt", first_stage())
    call = ["convert", tmp_path / "last.ckpt", tmp_path / "model", "--image-size"]
    assert "last.ckpt: --image-size is 33; it must be a multiple of f = 2" in refusal(
        capsys, *call, 33
    )
    assert not (tmp_path / "model").exists()


# A released transformer in small: 20 codes of pictures and 24 of label maps, 3×3 tokens, f = 2.
SMALL_TRANSFORMER = {
    "segmentation": Case(Sizes(24, 18, 2, 48), MapCondition(24, (3, 3)), {}),
    "class": Case(Sizes(20, 9, 1, 48), ClassCondition(7), {}, unmasked=1),
    "none": Case(Sizes(20, 9, 1, 48), NoCondition(), {}),
}
THREE_HEADS = ["--image-size", 6, "--num-heads", 3]


@pytest.fixture(params=SMALL_TRANSFORMER)
def transformer(request, tmp_path):
    """What a released file is drawn from, and the file."""
    path = tmp_path / "net2net.ckpt"
    save_lightning(path, SMALL_TRANSFORMER[request.param].state())
    return request.param, path


def classes(kind):
    return ["--num-classes", {"class": 7, "none": "None", "segmentation": 1000}[kind]]


def test_a_released_transformer_becomes_a_pipeline(transformer, tmp_path, capsys):
    kind, path = transformer
    out = tmp_path / "models" / "released"
    assert run("convert", path, out, *THREE_HEADS, *classes(kind)) == 0
    layers = SMALL_TRANSFORMER[kind].sizes.layers
    draws = "nothing" if kind == "none" else kind
    words = capsys.readouterr().out
    assert f"{out}: {layers} layers of width 48, 3 heads, which draw from {draws}\n" in words
    assert "f = 2, 20 codes, 3×3 tokens" in words
    assert json.loads((out / "record.json").read_text()) == {"converted_from": "net2net.ckpt"}
    assert [it.name for it in out.parent.iterdir()] == ["released"]

    loaded = load_pipeline(out)
    expected = load_net2net(
        SMALL_TRANSFORMER[kind].state(),
        num_heads=3,
        grid=(3, 3),
        num_classes=None if kind == "none" else 7,
    )
    assert loaded.condition == kind
    critic = load_model(out / "codec" / "critic")
    assert critic.config == PatchDiscriminatorConfig(3, 4, 1)
    assert f"{out / 'codec' / 'critic'}: the discriminator, which judges 16×16 pixels\n" in words
    assert f"left out: attention knows which position sees which: {layers}\n" in words
    parts = (loaded.prior, loaded.codec, loaded.condition_codec)
    for mine, theirs in zip(parts, expected, strict=True):
        assert (mine is None) == (theirs is None)
        assert mine is None or mine.config == theirs.config
        for name, value in {} if mine is None else mine.state_dict().items():
            assert torch.equal(value, theirs.state_dict()[name])

    labels = write_label_map(tmp_path / "map.png", 12, 10)
    told = {"segmentation": ["--map", labels], "class": ["--label", 6], "none": []}[kind]
    call = ["sample", "--prior", out, *told, "--count", 2, "--out", tmp_path / "a.png"]
    assert run(*call) == 0
    if kind == "segmentation":
        assert run("paint", labels, "--prior", out, "--out", tmp_path / "b.png") == 0
        with Image.open(tmp_path / "b.png") as picture:
            assert picture.size == (10, 12)


def test_a_transformer_in_a_wrapper_with_averages_and_an_order(tmp_path, capsys):
    case, order = SMALL_TRANSFORMER["class"], Order("spiral_out")
    state = case.state()
    file = state | averages(state)
    file["permuter.forward_shuffle_idx"] = order.permutation(3, 3)
    torch.save({"module." + name: it for name, it in file.items()}, tmp_path / "a.pt")
    out = tmp_path / "model"
    assert run("convert", tmp_path / "a.pt", out, *THREE_HEADS, *classes("class"), "--ema") == 0
    words = capsys.readouterr().out
    assert (
        "the model's names begin with module., which was taken off\nmoving averages taken" in words
    )
    loaded = load_pipeline(out)
    assert loaded.prior.config.order == order
    expected = state["transformer.head.weight"] / 2, state["first_stage_model.quant_conv.bias"] / 2
    assert torch.equal(loaded.prior.head.weight, expected[0])
    assert torch.equal(loaded.codec.to_codes.bias, expected[1])


def test_what_a_file_does_not_tell_of_a_transformer(tmp_path, capsys):
    path, out = tmp_path / "a.ckpt", tmp_path / "model"
    save_lightning(path, SMALL_TRANSFORMER["segmentation"].state())
    call = ["convert", path, out]
    for flags, message in [
        ([], "a.ckpt: transformer.*: pos_emb has 18 positions"),
        ([], "need 32767: give the right --image-size"),
        (["--image-size", 7], "a.ckpt: --image-size is 7; it must be a multiple of f = 2"),
        (["--image-size", 6, "--num-heads", 5], "width 48 is not a multiple of --num-heads 5"),
        (["--image-size", 6, "--prefix-attention", "full"], "is not --prefix-attention 'full'"),
    ]:
        assert message in refusal(capsys, *call, *flags)
        assert sorted(it.name for it in tmp_path.iterdir()) == ["a.ckpt"]
    # Its codec alone.
    assert run(*call, "--prefix", "first_stage_model.", "--image-size", 6) == 0
    assert type(load_model(out)).__name__ == "VQVAE"


def test_ctrl_c_leaves_no_codec_without_its_critic(tmp_path, monkeypatch):
    def interrupted(model, *args, **options):
        if isinstance(model, PatchDiscriminator):
            raise KeyboardInterrupt
        save_model(model, *args, **options)

    save_lightning(tmp_path / "a.ckpt", first_stage())
    monkeypatch.setattr(cli_convert, "save_model", interrupted)
    assert run("convert", tmp_path / "a.ckpt", tmp_path / "model") == 130
    assert list(tmp_path.iterdir()) == [tmp_path / "a.ckpt"]


def test_ctrl_c_leaves_no_part_of_a_pipeline(transformer, tmp_path, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    kind, path = transformer
    monkeypatch.setattr(cli_convert, "write_pipeline", interrupted)
    call = ["convert", path, tmp_path / "model", *THREE_HEADS, *classes(kind)]
    assert run(*call) == 130
    assert list(tmp_path.iterdir()) == [path]
