"""Model folders and checkpoints: round trip, half precision, safety, clear errors."""

import json
import sys
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from tests.train.small import vqgan_digits
from vqlib.compress import (
    EMACodes,
    FeatureNet,
    NormalizedCodes,
    PatchDiscriminator,
    VQVAEConfig,
    label_maps,
    vqvae_digits,
)
from vqlib.compress.gumbel import GumbelCodes
from vqlib.compress.palette import ColorPalette, ColorPaletteConfig
from vqlib.generate import (
    GPT,
    ClassCondition,
    CoordinateCondition,
    GPTConfig,
    MapCondition,
    NoCondition,
    Order,
    Prior,
    TextCondition,
)
from vqlib.generate.pixelcnn import GatedPixelCNNConfig, PixelCNNConfig
from vqlib.generate.pixelsnail import PixelSNAILConfig
from vqlib.saved import files
from vqlib.saved.model import MODELS as KINDS_OF_MODELS
from vqlib.saved.model import PARTS, Part, build, load_model, save_model
from vqlib.saved.run_folder import load_checkpoint, save_checkpoint, training_of

CODES = {
    "ema": EMACodes(decay=0.9),
    "normalized": NormalizedCodes(low_dim=4),
    "gumbel": GumbelCodes(),
}
CONDITIONS = {
    "nothing": (NoCondition(), None),
    "class": (ClassCondition(3), torch.tensor([0, 2])),
    "map": (MapCondition(5, (2, 3)), torch.arange(12).view(2, 2, 3) % 5),
    "coordinates": (
        CoordinateCondition((2, 2), bins=8),
        torch.tensor([[0, 0, 4, 4], [2, 2, 4, 4]]),
    ),
    "text": (TextCondition(("sun", "太阳", ","), 3), ["sun, 太阳", ""]),
}


def gpt(**changes) -> GPT:
    return GPT(GPTConfig(5, (2, 2), num_layers=1, num_heads=1, width=4, **changes))


def palette() -> ColorPalette:
    codec = ColorPalette(ColorPaletteConfig(5, image_size=8, image_channels=1))
    codec.colors.copy_(torch.rand(5, 1))
    return codec


def vqgan_with_attention(levels: tuple[int, ...], **changes) -> VQVAEConfig:
    config = vqgan_digits()
    autoencoder = replace(config.autoencoder, attention_levels=levels, **changes)
    return replace(config, autoencoder=autoencoder)


MODELS = {
    "vqvae": lambda: vqvae_digits().build(),
    "vqgan": lambda: vqgan_digits().build(),
    "vqgan_with_attention_elsewhere": lambda: vqgan_with_attention((0, 2)).build(),
    "vqgan_without_attention": lambda: vqgan_with_attention((), middle_attention=False).build(),
    **{
        name: lambda codes=codes: replace(vqvae_digits(), codes=codes).build()
        for name, codes in CODES.items()
    },
    "label_maps": lambda: label_maps(vqvae_digits(), 5).build(),
    "vqgan_label_maps": lambda: label_maps(vqgan_digits(), 5).build(),
    "feature_net": lambda: FeatureNet(3, widths=(4, 8)),
    "critic": lambda: PatchDiscriminator(1, base_channels=4, num_layers=2),
    "palette": palette,
    "gpt": gpt,
    "gpt_in_another_order": lambda: gpt(
        order=Order("random", seed=3), condition=MapCondition(5, (2, 3)), prefix_attention="full"
    ),
    "pixelcnn": lambda: PixelCNNConfig(5, (2, 2), num_layers=1, hidden_channels=4).build(),
    "gated_pixelcnn": lambda: GatedPixelCNNConfig(
        5, (2, 2), ClassCondition(3), num_layers=1, hidden_channels=4
    ).build(),
    "pixelsnail": lambda: PixelSNAILConfig(
        5, (2, 2), TextCondition(("sun", "太阳", ","), 3), num_blocks=1, hidden_channels=4
    ).build(),
    "gpt_with_guidance": lambda: gpt(condition=ClassCondition(3), guidance=True),
    **{
        f"gpt_{name}": lambda condition=condition: gpt(condition=condition)
        for name, (condition, _) in CONDITIONS.items()
    },
}


def result(model: nn.Module) -> Tensor:
    """What the model gives for some fixed input, in eval mode."""
    model.eval()
    generator = torch.Generator().manual_seed(0)
    if isinstance(model, Prior):
        values = {type(condition): value for condition, value in CONDITIONS.values()}
        tokens = torch.randint(5, (2, 4), generator=generator)
        return model.log_prob(tokens, values[type(model.config.condition)])
    if isinstance(model, ColorPalette):
        return model.decode(model.encode(torch.rand(2, 1, 8, 8, generator=generator)))
    if hasattr(model, "one_hot"):
        return model(torch.randint(5, (2, 32, 32), generator=generator))[0]
    if isinstance(model, FeatureNet):
        return model(torch.rand(2, 3, 16, 16, generator=generator))
    return model(torch.rand(2, 1, 32, 32, generator=generator))[0]


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_comes_back_as_it_was(tmp_path, kind):
    model = MODELS[kind]()
    save_model(model, tmp_path / "m", record={"seed": 3})
    again = load_model(tmp_path / "m")
    assert type(again) is type(model)
    assert again.config == model.config
    assert not again.training
    state = again.state_dict()
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(result(model), result(again))
    names = sorted(path.name for path in (tmp_path / "m").iterdir())
    assert names == ["config.json", "model.safetensors", "record.json"]
    assert json.loads((tmp_path / "m" / "record.json").read_text()) == {"seed": 3}


def test_a_config_without_attention_levels_means_the_lowest(tmp_path):
    model = vqgan_digits().build()
    save_model(model, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for name in ("attention_levels", "middle_attention"):  # as older versions wrote it
        del config["autoencoder"][name]
    (tmp_path / "config.json").write_text(json.dumps(config))
    again = load_model(tmp_path)
    assert again.config == model.config
    assert torch.equal(result(again), result(model))


def test_who_may_read_the_folder_may_read_all_of_it(tmp_path):
    save_model(FeatureNet(3, widths=(4,)), tmp_path / "m", record={})
    assert len({path.stat().st_mode for path in (tmp_path / "m").iterdir()}) == 1


def test_every_kind_that_can_be_loaded_was_tried():
    built = [make() for make in MODELS.values()]
    assert {type(model).__name__ for model in built} == KINDS_OF_MODELS.keys()
    parts = {
        type(part).__name__
        for model in built
        for part in vars(model.config).values()
        if type(part).__module__.startswith("vqlib")
    }
    assert parts == PARTS.keys()


@pytest.mark.parametrize("kind", ["ema", "gpt"])
def test_half_precision_halves_the_file_and_only_rounds(tmp_path, kind):
    model = MODELS[kind]()
    save_model(model, tmp_path / "full")
    save_model(model, tmp_path / "half", half=True)
    full, half = ((tmp_path / name / "model.safetensors").stat() for name in ("full", "half"))
    numbers = sum(tensor.numel() for tensor in model.state_dict().values())
    assert full.st_size - half.st_size == pytest.approx(2 * numbers, abs=100)  # names, padding
    again = load_model(tmp_path / "half").state_dict()
    for name, tensor in model.state_dict().items():
        assert again[name].dtype == torch.float32
        assert torch.equal(again[name], tensor.half().float()), name


def test_a_failure_while_writing_leaves_the_old_model(tmp_path, monkeypatch):
    save_model(MODELS["gpt"](), tmp_path / "m")
    before = (tmp_path / "m" / "model.safetensors").read_bytes()

    def full_disk(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(files, "save_file", full_disk)
    with pytest.raises(OSError, match="no space"):
        save_model(MODELS["gpt"](), tmp_path / "m")
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.safetensors", "garbage", "model.safetensors is not a readable safetensors file"),
        ("config.json", '{"model": "GPT", "wid', "config.json is not valid JSON"),
        ("config.json", "[1]", r"config.json holds \[1\]"),
        ("config.json", '{"model": "CNN"}', "model kind is 'CNN'"),
        ("config.json", '{"model": ["GPT"]}', "model kind is "),
        ("config.json", '{"model": "GPT", "colour": 1}', "not a complete GPT configuration"),
        ("config.json", '{"model": "GPT", "width": 0}', "not a complete GPT.*width 0"),
        ("config.json", '{"model": "GPT", "width": 8}', "weights and config.json do not fit"),
        ("config.json", '{"model": "GPT", "grid": 4}', "not a complete GPT configuration"),
        ("config.json", '{"model": "GPT", "condition": null}', "not a complete GPT configuration"),
        (
            "config.json",
            '{"model": "GPT", "condition": {"kind": "ClassCondition", "num_classes": 0}}',
            "not a complete GPT.*num_classes is 0",
        ),
        (
            "config.json",
            '{"model": "GPT", "condition": {"kind": "Order"}}',
            "not a complete GPT configuration",
        ),
    ],
)
def test_damaged_folders_are_named(tmp_path, name, content, message):
    save_model(MODELS["gpt"](), tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=f"{tmp_path}.*{message}"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("model", "field"),
    [("VQVAE", "autoencoder"), ("VQVAE", "codes"), ("GPT", "condition"), ("GPT", "order")],
)
@pytest.mark.parametrize("kind", ["harmful", "harmful.Config", "vqlib.compress.EMACodes", "VQVAE"])
def test_kinds_are_looked_up_in_a_list_and_never_imported(
    tmp_path, monkeypatch, model, field, kind
):
    (tmp_path / "harmful.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    config = {"model": model, field: {"kind": kind}}
    with pytest.raises(ValueError, match=f"not a complete {model} configuration: '{kind}'"):
        build(config)
    with pytest.raises(ValueError, match=f"model kind is '{kind}x'"):
        build({"model": f"{kind}x"})
    assert "harmful" not in sys.modules


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_missing_files_are_named(tmp_path, name):
    save_model(MODELS["gpt"](), tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} not found"):
        load_model(tmp_path)


def test_configs_are_plain_json(tmp_path):
    save_model(MODELS["vqvae"](), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["model"] == "VQVAE"
    assert config["autoencoder"]["code_dim"] == 16


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (
            "gpt_text",
            {
                "condition": {
                    "kind": "TextCondition",
                    "words": ["sun", "太阳", ","],
                    "max_words": 3,
                }
            },
        ),
        ("gpt_map", {"condition": {"kind": "MapCondition", "num_codes": 5, "grid": [2, 3]}}),
        ("gpt_in_another_order", {"order": {"kind": "Order", "name": "random", "seed": 3}}),
        ("palette", {"num_codes": 5, "image_size": 8, "image_channels": 1}),
    ],
)
def test_conditions_and_orders_can_be_read_by_people(tmp_path, kind, field):
    save_model(MODELS[kind](), tmp_path)
    text = (tmp_path / "config.json").read_text(encoding="utf-8")
    assert json.loads(text).items() >= field.items()
    assert "\\u" not in text


def trained_a_little() -> tuple[GPT, dict[str, Part]]:
    model = MODELS["gpt"]()
    optimizer = torch.optim.Adam(model.parameters())
    result(model).sum().backward()
    optimizer.step()
    return model, {"optimizer": optimizer, "norm": nn.BatchNorm2d(2)}


def test_parts_come_back_as_they_were(tmp_path):
    model, parts = trained_a_little()
    torch.nn.init.normal_(parts["norm"].running_mean)
    saved = save_checkpoint(tmp_path, model, parts, step=3, recipe={"seed": 1})
    drawn = torch.rand(3)
    other, other_parts = trained_a_little()
    assert load_checkpoint(saved, other, other_parts) == 3
    assert torch.equal(torch.rand(3), drawn)  # the random state came back too
    assert torch.equal(other_parts["norm"].running_mean, parts["norm"].running_mean)
    one, two = (p["optimizer"].state_dict() for p in (parts, other_parts))
    assert json.dumps(one["param_groups"]) == json.dumps(two["param_groups"])  # a tuple, a list
    for index, values in one["state"].items():
        assert all(torch.equal(value, two["state"][index][key]) for key, value in values.items())
    assert training_of(saved)["recipe"] == {"seed": 1}


@pytest.mark.parametrize("name", ["training.safetensors", "training.json", "model.safetensors"])
def test_damaged_checkpoints_are_named(tmp_path, name):
    model, parts = trained_a_little()
    saved = save_checkpoint(tmp_path, model, parts, step=3, recipe={})
    whole = (saved / name).read_bytes()
    (saved / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=f"step_00000003/{name} is not"):
        load_checkpoint(saved, model, parts)
    (saved / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} not found"):
        load_checkpoint(saved, model, parts)


def test_another_set_of_parts_is_named(tmp_path):
    model, parts = trained_a_little()
    saved = save_checkpoint(tmp_path, model, parts, step=3, recipe={})
    fewer = torch.optim.Adam(list(model.parameters())[:2])
    for wrong, message in (
        ({"optimizer": parts["optimizer"]}, "holds norm.*, which this training does not have"),
        ({**parts, "critic": nn.Linear(2, 2)}, "another critic: .*Missing key"),
        ({**parts, "second": fewer}, "another second: "),
        ({**parts, "optimizer": fewer}, "another optimizer: "),
    ):
        with pytest.raises(ValueError, match=f"(?s)step_00000003.*{message}"):
            load_checkpoint(saved, model, wrong)


def test_another_model_is_named(tmp_path):
    model, parts = trained_a_little()
    saved = save_checkpoint(tmp_path, model, parts, step=3, recipe={})
    wider = GPT(replace(model.config, width=8))
    with pytest.raises(ValueError, match="another model .width: 4 then, 8 now."):
        load_checkpoint(saved, wider, parts)
