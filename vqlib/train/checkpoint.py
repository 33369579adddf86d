"""Saved models and resumable checkpoints: safetensors and JSON, no pickle, never half-written.

A *model folder* holds `config.json` and `model.safetensors`. A *checkpoint folder* is a model
folder that also holds `optimizer.safetensors` and `training.json`, enough to go on exactly.
"""

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from vqlib.compress.autoencoder import AutoencoderConfig
from vqlib.compress.vqvae import VQVAE, VQVAEConfig
from vqlib.generate.gpt import GPT, GPTConfig

Model = VQVAE | GPT


def save_model(
    model: Model, folder: str | Path, *, record: Mapping[str, Any] | None = None
) -> None:
    """Write a model folder, replacing an older one only once the new one is complete.

    Args:
        model: a VQVAE or a GPT.
        folder: where to.
        record: how the model was made (command, seed, seconds, metrics …), kept as record.json.
    """
    files: dict[str, Any] = {"config.json": describe(model)}
    if record is not None:
        files["record.json"] = dict(record)
    _write_folder(Path(folder), files, {"model.safetensors": model.state_dict()})


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
    return {"model": type(model).__name__, **asdict(model.config)}


def build(config: Mapping[str, Any], *, source: str | Path = "config") -> Model:
    """An untrained model from what `describe` gave."""
    values = dict(config)
    kind = values.pop("model", None)
    try:
        if kind == "VQVAE":
            autoencoder = AutoencoderConfig(**values.pop("autoencoder"))
            return VQVAE(VQVAEConfig(autoencoder, **values))
        if kind == "GPT":
            return GPT(GPTConfig(**values))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{source}: not a complete {kind} configuration: {error}") from error
    raise ValueError(f"{source}: model kind is {kind!r}; this version knows 'VQVAE' and 'GPT'")


def save_checkpoint(
    folder: str | Path,
    model: Model,
    optimizer: torch.optim.Optimizer,
    *,
    step: int,
    recipe: Mapping[str, Any],
) -> Path:
    """Write `folder/step_XXXXXXXX`, from which `load_checkpoint` goes on bit for bit.

    The random state saved is torch's global one (dropout draws from it); the recipes draw their
    batches from the seed and the step alone, so the step is the data position.

    Returns:
        The checkpoint's folder. Older checkpoints beside it are removed afterwards.
    """
    state = optimizer.state_dict()
    moments = {
        f"{index}.{name}": value
        for index, values in state["state"].items()
        for name, value in values.items()
    }
    moments["rng.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        moments["rng.cuda"] = torch.cuda.get_rng_state()
    training = {"step": step, "recipe": dict(recipe), "param_groups": state["param_groups"]}
    target = Path(folder) / f"step_{step:08d}"
    _write_folder(
        target,
        {"config.json": describe(model), "training.json": training},
        {"model.safetensors": model.state_dict(), "optimizer.safetensors": moments},
    )
    leftovers = Path(folder).glob(".writing-step_*")  # of runs killed while writing
    for path in [*leftovers, *_checkpoints(folder)]:
        if path != target:
            shutil.rmtree(path)
    return target


def latest_checkpoint(folder: str | Path) -> Path | None:
    """The checkpoint with the highest step, or None where there is none."""
    found = _checkpoints(folder)
    return found[-1] if found else None


def load_checkpoint(
    checkpoint: str | Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, dict[str, Any]]:
    """Restore weights, optimiser and random state in place.

    Returns:
        The number of steps done and the recipe that did them.
    """
    checkpoint = Path(checkpoint)
    training = _read_json(checkpoint / "training.json")
    moments = _read_tensors(checkpoint / "optimizer.safetensors")
    model.load_state_dict(_read_tensors(checkpoint / "model.safetensors"))
    torch.set_rng_state(moments.pop("rng.cpu"))
    cuda_state = moments.pop("rng.cuda", None)
    if cuda_state is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(cuda_state)
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in moments.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": training["param_groups"]})
    return training["step"], training["recipe"]


def _checkpoints(folder: str | Path) -> list[Path]:
    return sorted(path for path in Path(folder).glob("step_*") if path.is_dir())


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
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON ({error}); was the file cut short?") from error


def _read_tensors(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} not found; a model folder holds config.json and model.safetensors"
        )
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is not a readable safetensors file: {error}") from error
