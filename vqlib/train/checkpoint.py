"""Saved models and resumable checkpoints: safetensors and JSON, no pickle, never half-written.

A *model folder* holds `config.json` and `model.safetensors`. A *checkpoint folder* is a model
folder that also holds `training.safetensors` and `training.json`, enough to go on exactly.
"""

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

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
from vqlib.generate.condition import (
    ClassCondition,
    CoordinateCondition,
    MapCondition,
    NoCondition,
    TextCondition,
)
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

# So many checkpoints of a run are kept: should the last be damaged, the one before is not.
KEPT = 2

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


class Damaged(ValueError):
    """A file of a model or checkpoint folder cannot be read, or only in part."""


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
    _write_folder(Path(folder), files, {"model.safetensors": state})


def load_model(folder: str | Path, *, device: str | torch.device = "cpu") -> Model:
    """Read a model folder (a checkpoint folder is one too). The model comes in eval mode.

    Raises:
        FileNotFoundError: the folder or one of its files is missing.
        ValueError: a file is damaged or does not fit the configuration.
    """
    folder = Path(folder)
    model = build(_read_json(folder / "config.json"), source=folder)
    tensors = _read_tensors(folder / "model.safetensors")
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


def save_checkpoint(
    folder: str | Path,
    model: Model,
    parts: Mapping[str, Part],
    *,
    step: int,
    recipe: Mapping[str, Any],
    material: Mapping[str, Any] | None = None,
) -> Path:
    """Write `folder/step_XXXXXXXX`, from which `load_checkpoint` goes on bit for bit.

    The random state saved is torch's global one (dropout draws from it); the recipes draw their
    batches from the seed and the step alone, so the step is the data position.

    Args:
        folder: of the run.
        model: the model to use, as `load_model` will read it.
        parts: modules and optimisers that training needs besides, by name.
        step: steps done.
        recipe: as plain values.
        material: what is learned from, as plain values.

    Returns:
        The checkpoint's folder. Afterwards all older ones but the last before it are removed.
    """
    tensors: dict[str, Tensor] = {"rng.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["rng.cuda"] = torch.cuda.get_rng_state()
    groups = {}
    for name, part in parts.items():
        if isinstance(part, nn.Module):
            tensors |= {f"{name}.{key}": value for key, value in part.state_dict().items()}
            continue
        state = part.state_dict()
        groups[name] = state["param_groups"]
        for index, values in state["state"].items():
            tensors |= {f"{name}.{index}.{key}": value for key, value in values.items()}
    training = {"step": step, "recipe": dict(recipe), "material": dict(material or {})}
    training["param_groups"] = groups
    target = Path(folder) / f"step_{step:08d}"
    _write_folder(
        target,
        {"config.json": describe(model), "training.json": training},
        {"model.safetensors": model.state_dict(), "training.safetensors": tensors},
    )
    leftovers = Path(folder).glob(".writing-*")  # of runs killed while writing
    for path in [*leftovers, *all_checkpoints(folder)[:-KEPT]]:
        shutil.rmtree(path)
    return target


def latest_checkpoint(folder: str | Path) -> Path | None:
    """The checkpoint with the highest step, or None where there is none."""
    found = all_checkpoints(folder)
    return found[-1] if found else None


def has_begun(folder: str | Path | None) -> bool:
    """Whether a run folder holds a checkpoint already; None, which keeps nothing, does not."""
    return folder is not None and latest_checkpoint(folder) is not None


def all_checkpoints(folder: str | Path) -> list[Path]:
    """The checkpoints of a run folder, that with the highest step last."""
    return sorted(path for path in Path(folder).glob("step_*") if path.is_dir())


def training_of(checkpoint: str | Path) -> dict[str, Any]:
    """What a checkpoint tells of its run: step, recipe, material."""
    return _read_json(Path(checkpoint) / "training.json")


def training_tensors(checkpoint: str | Path) -> dict[str, dict[str, Tensor]]:
    """What a checkpoint holds besides the model, by part; the random state is the part `rng`."""
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in _read_tensors(Path(checkpoint) / "training.safetensors").items():
        name, rest = key.split(".", 1)
        parts.setdefault(name, {})[rest] = value
    return parts


def optimizer_state(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """An optimiser's tensors of a checkpoint, as its `load_state_dict` wants them: by weight."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    return state


def load_checkpoint(checkpoint: str | Path, model: Model, parts: Mapping[str, Part]) -> int:
    """Restore model, parts and random state in place, all as `save_checkpoint` was given them.

    Returns:
        The number of steps done.

    Raises:
        ValueError: the checkpoint is damaged or was written with another model or other parts.
    """
    checkpoint = Path(checkpoint)
    _check_same_model(checkpoint, model)
    training = training_of(checkpoint)
    saved = training_tensors(checkpoint)
    try:
        model.load_state_dict(_read_tensors(checkpoint / "model.safetensors"))
    except RuntimeError as error:
        raise ValueError(f"{checkpoint} is of another model: {error}") from error
    random = saved.pop("rng")
    torch.set_rng_state(random["cpu"])
    if "cuda" in random and torch.cuda.is_available():
        torch.cuda.set_rng_state(random["cuda"])
    for name in saved.keys() - parts.keys():
        raise ValueError(f"{checkpoint}: holds {name}.*, which this training does not have")
    for name, part in parts.items():
        tensors = saved.get(name, {})
        try:
            if isinstance(part, nn.Module):
                part.load_state_dict(tensors)
            else:
                groups = training["param_groups"][name]
                part.load_state_dict({"state": optimizer_state(tensors), "param_groups": groups})
        except (KeyError, RuntimeError, ValueError) as error:
            raise ValueError(f"{checkpoint} was written with another {name}: {error}") from error
    return training["step"]


def _check_same_model(checkpoint: Path, model: Model) -> None:
    """Also where the weights would fit: a decay is part of the model too."""
    with torch.device("meta"):  # its shape without its weights
        saved = build(_read_json(checkpoint / "config.json"), source=checkpoint)
    then, now = ({"model": type(m).__name__, **vars(m.config)} for m in (saved, model))
    different = [
        f"{name}: {then.get(name)} then, {now.get(name)} now"
        for name in then | now
        if then.get(name) != now.get(name)
    ]
    if different:
        raise ValueError(f"{checkpoint} was trained with another model ({', '.join(different)})")


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


def _write_folder(
    target: Path, texts: Mapping[str, Any], tensors: Mapping[str, Mapping[str, Tensor]]
) -> None:
    """All files under a temporary name, then one rename: readers see the old folder or the new."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".writing-{target.name}-{uuid.uuid4().hex[:8]}"
    temporary.mkdir()
    try:
        for name, value in texts.items():
            text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
            (temporary / name).write_text(text, encoding="utf-8")
        for name, state in tensors.items():
            plain = {key: value.detach().cpu().contiguous() for key, value in state.items()}
            save_file(plain, temporary / name)
            # It lets only its owner read; others may, as they may read the rest of the folder.
            shutil.copymode(temporary / "config.json", temporary / name)
        for path in temporary.iterdir():
            _sync(path)
        _replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _replace(new: Path, target: Path) -> None:
    # A folder cannot be renamed onto a full one: the old one steps aside first.
    old = new.with_name(new.name + "-old")
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} not found; a model folder holds config.json and model.safetensors"
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Damaged(f"{path} is not valid JSON ({error}); was the file cut short?") from error
    if not isinstance(values, dict):
        raise Damaged(f"{path} holds {values!r}; an object with names and values is expected")
    return values


def _read_tensors(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} not found; a model folder holds config.json and model.safetensors"
        )
    try:
        return load_file(path)
    except SafetensorError as error:
        raise Damaged(f"{path} is not a readable safetensors file: {error}") from error
