"""The offline network, which plays VGG's part where nothing can be downloaded."""

from pathlib import Path

from vqlib.course.training.record import record_of
from vqlib.train import save_model
from vqlib.train.features import FeatureRecipe, feature_accuracy, train_feature_net

RECIPE = FeatureRecipe(steps=2000, batch_size=64, seed=0, log_every=50)
DATA = "pieces of 48×48 pixels of the training parts of photos, textures and digits, 22 classes"


def make(root: Path, device: str | None) -> None:
    """Train `offline_features` and save it with its record."""
    trained = train_feature_net(RECIPE, device=device)
    held_out = {"accuracy": round(feature_accuracy(trained.model.cpu()), 3), "pieces": 1000}
    record = record_of("features", DATA, trained, RECIPE, held_out)
    save_model(trained.model, root / "offline_features", record=record, half=True)
