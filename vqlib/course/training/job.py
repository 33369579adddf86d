"""A job makes one pretrained model: train, save at half precision, measure what was saved, record.

A job that was interrupted goes on from its last checkpoint, and one whose result is there already
is not done again: what it was made of is part of the record, as a digest.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from vqlib.course.training.record import record_of
from vqlib.saved import load_model, save_model
from vqlib.saved.model import Model
from vqlib.train.recipe import Recipe, Trained

SAVE_EVERY = 100  # steps; a killed job loses at most these


class Train(Protocol):
    """What trains the model of a job."""

    def __call__(self, *, folder: Path, resume: bool, device: str | None) -> Trained:
        """Go on with the run of the folder, or begin it."""
        ...


@dataclass(frozen=True)
class Job:
    """How one pretrained model is made."""

    data: str
    """What it is trained on, in words."""
    recipe: Recipe
    """How it is trained."""
    train: Callable[..., Trained]
    """Called as `Train` says, after the models that it needs are there."""
    measure: Callable[[Model], dict[str, Any]]
    """Measures the saved model on held-out data; plain values."""
    needs: tuple[str, ...] = ()
    """Pretrained models that it is trained or measured with."""
    after: Callable[[Path], None] | None = None
    """What else is written into the model's folder, such as where its codecs are."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Else that decides what is trained, as plain values."""


def inputs_of(job: Job, root: Path) -> str:
    """Digest of all that the job is made of: data, recipe and the weights that it needs.

    Args:
        job: whose needs are there.
        root: folder of the model folders.
    """
    about = [job.data, sorted(asdict(job.recipe).items()), sorted(job.extra.items())]
    digest = hashlib.sha256(json.dumps(about, default=str).encode())
    for name in job.needs:
        digest.update((root / name / "model.safetensors").read_bytes())
    return digest.hexdigest()[:12]


def is_done(name: str, job: Job, root: Path) -> bool:
    """Whether the model is there, made of what the job is made of now."""
    if not all((root / need / "model.safetensors").is_file() for need in job.needs):
        return False
    try:
        record = json.loads((root / name / "record.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    return record.get("inputs") == inputs_of(job, root)


def do(name: str, job: Job, root: Path, runs: Path, device: str | None) -> None:
    """Do a job, or go on with it; the model folder is replaced only when all of it is there.

    Args:
        name: of the model.
        job: how it is made.
        root: folder of the model folders.
        runs: folder of the run folders.
        device: such as "cuda:0"; by default the best there is.

    Raises:
        SystemExit: the training was interrupted; it can be resumed.
    """
    inputs = inputs_of(job, root)
    folder = runs / f"{name}-{inputs}"
    trained = job.train(folder=folder, resume=True, device=device)
    if trained.steps_done < job.recipe.steps:
        raise SystemExit(f"{name}: interrupted after {trained.steps_done} steps; goes on from here")
    save_model(trained.model.cpu(), folder / "half", half=True)
    model = load_model(folder / "half")
    record = record_of(name, job.data, trained, job.recipe, job.measure(model))
    save_model(model, root / name, record=record | {"inputs": inputs}, half=True)
    if job.after is not None:
        job.after(root / name)
