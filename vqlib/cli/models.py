"""Models that the commands are given by folder."""

from pathlib import Path

from vqlib.train.checkpoint import Model, latest_checkpoint, load_model


def load_kind(folder: Path, kind: type[Model], *, device: object = "cpu") -> Model:
    """A model of the wanted kind from a model folder or a run folder's latest checkpoint."""
    model = load_model(latest_checkpoint(folder) or folder, device=device)
    if type(model) is not kind:  # a codec of label maps takes no pictures
        raise ValueError(f"{folder} holds a {type(model).__name__}, a {kind.__name__} is needed")
    return model
