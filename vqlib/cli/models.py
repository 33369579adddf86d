"""Models that the commands are given by folder or by name."""

from pathlib import Path

from vqlib.compress.palette import ColorPalette
from vqlib.compress.vqvae import VQVAE
from vqlib.course.pretrained import WEIGHTS
from vqlib.train.checkpoint import Model, load_model
from vqlib.train.pipeline import FILE, Pipeline, load_pipeline, model_folder

# What turns pictures into tokens and back. A codec of label maps takes no pictures.
PICTURE_CODECS = (VQVAE, ColorPalette)


def load_kind(folder: Path, *kinds: type[Model], device: object = "cpu") -> Model:
    """A model of one of the wanted kinds, from a model folder or the best of a run folder."""
    model = load_model(model_folder(folder), device=device)
    if type(model) not in kinds:  # not a subclass either
        wanted = " or ".join(f"a {kind.__name__}" for kind in kinds)
        raise ValueError(f"{folder} holds a {type(model).__name__}, {wanted} is needed")
    return model


def open_pipeline(name: str, *, device: object = "cpu") -> Pipeline:
    """A prior with its codecs, by the name of a pretrained one or by folder; ./name is a folder."""
    known = pretrained_pipelines()
    for pretrained in (name, f"{name}_gpt"):
        if pretrained in known:
            return load_pipeline(WEIGHTS / pretrained, device=device)
    if not Path(name).is_dir():
        raise FileNotFoundError(
            f"prior is {name!r}: no such folder, and no such pretrained prior; there are "
            f"{', '.join(known) or 'none'}"
        )
    return load_pipeline(Path(name), device=device)


def pretrained_pipelines() -> list[str]:
    """Names of the pretrained priors."""
    return sorted(path.parent.name for path in WEIGHTS.glob(f"*/{FILE}"))
