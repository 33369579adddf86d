"""What the codecs of pictures have in common: the offline networks, measuring, saving."""

from pathlib import Path
from typing import Any

from vqlib.compress import VQVAE
from vqlib.course.pretrained import load_perceptual, load_pretrained
from vqlib.course.training.record import record_of, rounded
from vqlib.data.images import Images
from vqlib.measure import OfflineFeatures, measure_codec
from vqlib.train import load_model, save_model
from vqlib.train.recipe import Recipe, Trained

# What the recipes of all picture codecs share.
CPU_SIZED = {
    "batch_size": 16,
    "learning_rate": 1e-3,
    "kmeans_init": True,
    "restart_every": 50,
    "log_every": 25,
}


def measured(codec: VQVAE, held_out: Images, name: str, *, progress: bool = True) -> dict[str, Any]:
    """Quality on held-out images, measured with the offline networks.

    Without a Fréchet distance where there are fewer images than features: it would say little.

    Args:
        codec: on the CPU.
        held_out: images that it was not trained on.
        name: what the Fréchet result calls them.
        progress: show a bar.
    """
    extractor = OfflineFeatures(load_pretrained("offline_features"))
    values = measure_codec(
        codec,
        held_out,
        perceptual=load_perceptual(),
        extractor=extractor if len(held_out) > extractor.dim else None,
        reference_name=name,
        progress=progress,
    )
    return rounded(values)


def save_codec(
    folder: Path, job: str, data: str, trained: Trained, recipe: Recipe, held_out: Images
) -> None:
    """Save a codec at half precision, then measure what was saved and write it into the record."""
    save_model(trained.model.cpu(), folder, half=True)
    codec = load_model(folder)
    values = measured(codec, held_out, f"{data}, held out")
    record = record_of(job, data, trained, recipe, values)
    save_model(codec, folder, record=record, half=True)
