"""Models by name or by folder: pretrained ones, models and runs of one's own."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from vqlib.compress.palette import ColorPalette
from vqlib.compress.vqvae import VQVAE
from vqlib.saved.model import Model, load_model
from vqlib.saved.pipeline import FILE, Pipeline, load_pipeline
from vqlib.saved.run_folder import model_folder

# The small models that come with the package.
WEIGHTS = Path(__file__).parents[1] / "course" / "weights"
# What turns pictures into tokens and back. A codec of label maps takes no pictures.
PICTURE_CODECS = (VQVAE, ColorPalette)
# What a short name of a pretrained model leaves out.
CODEC_ENDINGS, PRIOR_ENDINGS = ("_vqgan", "_vqvae"), ("_gpt",)


def load_kind(
    name: str | Path, *kinds: type[Model], device: object = "cpu", flag: str = "--model"
) -> Model:
    """A model of one of the wanted kinds, by name or folder as in `find_model`."""
    folder = find_model(name, flag)
    model = load_model(model_folder(folder), device=device)
    if type(model) not in kinds:  # not a subclass either
        wanted = " or ".join(f"a {kind.__name__}" for kind in kinds)
        raise ValueError(f"{folder} holds a {type(model).__name__}, {wanted} is needed")
    return model


def find_model(name: str | Path, flag: str = "--model") -> Path:
    """The folder of a codec: a pretrained one by its name, or a model or run folder of one's own.

    A name leaves out _vqgan or _vqvae where only one is meant: faces is faces_vqgan. A pretrained
    name counts before a folder; ./name is always the folder.

    Args:
        name: as it is typed. A `Path` has lost a leading ./ already.
        flag: that asks for it.

    Raises:
        FileNotFoundError: neither a pretrained model nor a folder.
        ValueError: a short name of several.
    """
    return _find(str(name), flag, pretrained_codecs(), CODEC_ENDINGS)


def open_pipeline(name: str, *, device: object = "cpu") -> Pipeline:
    """A prior with its codecs, by name or folder; as `find_model`, and textures is textures_gpt."""
    folder = _find(name, "--prior", pretrained_pipelines(), PRIOR_ENDINGS)
    return load_pipeline(folder, device=device)


def pretrained_pipelines() -> list[str]:
    """Names of the pretrained priors."""
    return sorted(path.parent.name for path in WEIGHTS.glob(f"*/{FILE}"))


def pretrained_codecs() -> list[str]:
    """Names of the pretrained codecs, of pictures and of label maps."""
    configs = {path.parent.name: path for path in WEIGHTS.glob("*/config.json")}
    kinds = {
        n: json.loads(path.read_text(encoding="utf-8"))["model"] for n, path in configs.items()
    }
    return sorted(n for n, kind in kinds.items() if kind.endswith(("VQVAE", "ColorPalette")))


def pretrained_folder(name: str) -> Path:
    """The model folder of that name; raises `ValueError` naming those there are."""
    known = sorted(path.parent.name for path in WEIGHTS.glob("*/config.json"))
    if name not in known:
        raise ValueError(f"no pretrained model {name!r}; there are {', '.join(known)}")
    return WEIGHTS / name


def _find(name: str, flag: str, known: Sequence[str], endings: Sequence[str]) -> Path:
    full = [name] if name in known else [name + end for end in endings if name + end in known]
    if len(full) > 1:
        raise ValueError(f"{flag} is {name!r}: which one, {' or '.join(full)}?")
    if full:
        if Path(name).is_dir():
            hint = f"{flag} {name} is the pretrained {full[0]}; write ./{name} for the folder here"
            print("vqlib:", hint, file=sys.stderr)
        return WEIGHTS / full[0]
    if Path(name).is_file():
        raise FileNotFoundError(
            f"{flag} is {name!r}, a file; a model's folder is needed (see convert for released "
            "checkpoints)"
        )
    if not Path(name).is_dir():
        raise FileNotFoundError(
            f"{flag} is {name!r}: no such folder, and no such pretrained model; there are "
            f"{', '.join(known) or 'none'}"
        )
    return Path(name)
