"""Models, read and written: a folder with `config.json` and `model.safetensors`."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vqlib.compress.autoencoder import AutoencoderConfig
from vqlib.compress.discriminator import PatchDiscriminator, PatchDiscriminatorConfig
from vqlib.compress.ema import EMACodes
from vqlib.compress.gumbel import GumbelCodes
from vqlib.compress.normalized import NormalizedCodes
from vqlib.compress.palette import ColorPalette, ColorPaletteConfig
from vqlib.compress.perceptual import FeatureNet, FeatureNetConfig
from vqlib.compress.quantize import GradientCodes
from vqlib.compress.vqgan_autoencoder import VQGANAutoencoderConfig
from vqlib.compress.vqvae import VQVAE, LabelMapConfig, LabelMapVQVAE, VQVAEConfig
from vqlib.generate.condition import ClassCondition, CoordinateCondition, MapCondition, NoCondition
from vqlib.generate.gpt import GPT, GPTConfig
from vqlib.generate.order import Order
from vqlib.generate.pixelcnn import (
    GatedPixelCNN,
    GatedPixelCNNConfig,
    PixelCNN,
    PixelCNNConfig,
)
from vqlib.generate.pixelsnail import PixelSNAIL, PixelSNAILConfig
from vqlib.generate.prior import Prior
from vqlib.generate.text import TextCondition
from vqlib.saved.files import read_json, read_tensors, write_folder

Model = ColorPalette | FeatureNet | PatchDiscriminator | Prior | VQVAE
# What a checkpoint holds besides the model.
Part = nn.Module | torch.optim.Optimizer

# Which class the kind in a config.json means; no other name is ever looked up.
MODELS = {
    "VQVAE": (VQVAE, VQVAEConfig),
    "LabelMapVQVAE": (LabelMapVQVAE, LabelMapConfig),
    "FeatureNet": (lambda c: FeatureNet(c.num_classes, widths=c.widths), FeatureNetConfig),
    "PatchDiscriminator": (
        lambda c: PatchDiscriminator(
            c.image_channels, base_channels=c.base_channels, num_layers=c.num_layers, norm=c.norm
        ),
        PatchDiscriminatorConfig,
    ),
    "ColorPalette": (ColorPalette, ColorPaletteConfig),
    "GPT": (GPT, GPTConfig),
    "PixelCNN": (PixelCNN, PixelCNNConfig),
    "GatedPixelCNN": (GatedPixelCNN, GatedPixelCNNConfig),
    "PixelSNAIL": (PixelSNAIL, PixelSNAILConfig),
}
PARTS = {
    kind.__name__: kind
    for kind in (
        AutoencoderConfig,
        VQGANAutoencoderConfig,
        GradientCodes,
        EMACodes,
        NormalizedCodes,
        GumbelCodes,
        ClassCondition,
        CoordinateCondition,
        MapCondition,
        NoCondition,
        TextCondition,
        Order,
    )
}


def save_model(
    model: Model,
    folder: str | Path,
    *,
    record: Mapping[str, Any] | None = None,
    half: bool = False,
) -> None:
    """Write a model folder, replacing an older one only once the new one is complete.

    Args:
        model: of one of the kinds in `MODELS`.
        folder: where to.
        record: how the model was made (command, seed, seconds, metrics …), kept as record.json.
        half: round the weights to 16 bits (float16): half the size, for small packages.
    """
    files: dict[str, Any] = {"config.json": describe(model)}
    if record is not None:
        files["record.json"] = dict(record)
    state = model.state_dict()
    if half:
        state = {k: v.half() if v.dtype == torch.float32 else v for k, v in state.items()}
    write_folder(Path(folder), files, {"model.safetensors": state})


def load_model(folder: str | Path, *, device: str | torch.device = "cpu") -> Model:
    """Read a model folder (a checkpoint folder is one too). The model comes in eval mode.

    Raises:
        FileNotFoundError: the folder or one of its files is missing.
        ValueError: a file is damaged or does not fit the configuration.
    """
    folder = Path(folder)
    model = build(read_json(folder / "config.json"), source=folder)
    tensors = read_tensors(folder / "model.safetensors")
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{folder}: weights and config.json do not fit: {error}") from error
    return model.to(device).eval()


def describe(model: Model) -> dict[str, Any]:
    """The model's kind and configuration as plain JSON values."""
    return {"model": type(model).__name__, **_to_json(model.config)}


def build(config: Mapping[str, Any], *, source: str | Path = "config") -> Model:
    """An untrained model from what `describe` gave; raises `ValueError` on an unknown one."""
    values = dict(config)
    kind = values.pop("model", None)
    if not isinstance(kind, str) or kind not in MODELS:
        known = ", ".join(map(repr, MODELS))
        raise ValueError(f"{source}: model kind is {kind!r}; this version knows {known}")
    make, config_kind = MODELS[kind]
    try:
        return make(_from_json(values, config_kind))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{source}: not a complete {kind} configuration: {error}") from error


def _to_json(config: Any) -> dict[str, Any]:
    """A config's fields; a field that is a config itself says of which kind it is."""
    values = {}
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value):
            value = {"kind": type(value).__name__, **_to_json(value)}
        values[field.name] = value
    return values


def _from_json(values: Mapping[str, Any], kind: type) -> Any:
    """The config of a kind; a JSON list becomes a tuple again."""
    arguments = {}
    for name, value in values.items():
        if isinstance(value, dict):
            value = dict(value)
            value = _from_json(value, PARTS[value.pop("kind")])
        arguments[name] = tuple(value) if isinstance(value, list) else value
    return kind(**arguments)
