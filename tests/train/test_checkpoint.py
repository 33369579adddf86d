"""Model folders: round trip, safety, clear errors."""

import json

import pytest
import torch

from vqlib.compress import VQVAE, vqvae_digits
from vqlib.generate import GPT, GPTConfig
from vqlib.train import checkpoint
from vqlib.train.checkpoint import load_model, save_model

MODELS = {
    "vqvae": lambda: VQVAE(vqvae_digits()),
    "gpt": lambda: GPT(GPTConfig(num_codes=5, num_tokens=4, num_layers=1, num_heads=1, width=4)),
}


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_comes_back_as_it_was(tmp_path, kind):
    model = MODELS[kind]()
    save_model(model, tmp_path / "m", record={"seed": 3})
    again = load_model(tmp_path / "m")
    assert type(again) is type(model)
    assert again.config == model.config
    assert not again.training
    state = again.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    names = sorted(path.name for path in (tmp_path / "m").iterdir())
    assert names == ["config.json", "model.safetensors", "record.json"]


def test_a_failure_while_writing_leaves_the_old_model(tmp_path, monkeypatch):
    save_model(MODELS["gpt"](), tmp_path / "m")
    before = (tmp_path / "m" / "model.safetensors").read_bytes()

    def full_disk(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full_disk)
    with pytest.raises(OSError, match="no space"):
        save_model(MODELS["gpt"](), tmp_path / "m")
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def damage(folder, name, content):
    (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.safetensors", b"garbage", "model.safetensors is not a readable safetensors file"),
        ("config.json", b'{"model": "GPT", "wid', "config.json is not valid JSON"),
        ("config.json", b'{"model": "CNN"}', "model kind is 'CNN'"),
        ("config.json", b'{"model": "GPT", "colour": 1}', "not a complete GPT configuration"),
        (
            "config.json",
            b'{"model": "VQVAE", "autoencoder": {"kind": "CNN"}}',
            "not a complete VQVAE configuration: 'CNN'",
        ),
        ("config.json", b'{"model": "GPT", "width": 8}', "weights and config.json do not fit"),
    ],
)
def test_damaged_folders_are_named(tmp_path, name, content, message):
    save_model(MODELS["gpt"](), tmp_path)
    damage(tmp_path, name, content)
    with pytest.raises(ValueError, match=message):
        load_model(tmp_path)


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
