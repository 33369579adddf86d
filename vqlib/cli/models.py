"""Models that the commands are given by folder, and the device they work on."""

from pathlib import Path
from typing import Any

import torch

from vqlib.train.checkpoint import Model, latest_checkpoint, load_model


def load_kind(folder: Path, kind: type[Model], *, device: object = "cpu") -> Model:
    """A model of the wanted kind from a model folder or a run folder's latest checkpoint."""
    model = load_model(latest_checkpoint(folder) or folder, device=device)
    if type(model) is not kind:  # a codec of label maps takes no pictures
        raise ValueError(f"{folder} holds a {type(model).__name__}, a {kind.__name__} is needed")
    return model


def check_device(name: str | None) -> str | None:
    """The name itself, None for the best there is; raises `ValueError` if it cannot be used."""
    try:
        torch.zeros(1, device=name or "cpu").item()
    except Exception as error:  # PyTorch lets out nearly every kind, some of many lines
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"device is {name!r}, which cannot be used here ({reason}); use cpu, or leave it out"
        ) from error
    return name


def check_resumable(folder: Path, config: Any) -> None:
    """Raise `ValueError` if the run in a folder, where there is one, is that of another model."""
    latest = latest_checkpoint(folder)
    if latest is None:
        return
    then, now = vars(load_model(latest).config), vars(config)
    different = [
        f"{name}: {then.get(name)} then, {now.get(name)} now"
        for name in then | now
        if then.get(name) != now.get(name)
    ]
    if different:
        raise ValueError(f"{folder} was trained with another model ({', '.join(different)})")
