"""The offline networks, which play VGG's and Inception's parts where nothing can be downloaded.

Four of one recipe that differ in their seed. Three are looked through together by the perceptual
loss: what deceives one of such small networks seldom deceives all. The fourth measures Fréchet
distances and is never trained with, as Inception measures what VGG has trained.
"""

from dataclasses import replace
from pathlib import Path

from vqlib.course.pretrained import PERCEPTUAL
from vqlib.course.training.record import record_of
from vqlib.train import save_model
from vqlib.train.features import FeatureRecipe, feature_accuracy, train_feature_net

NAMES = ("offline_features", *PERCEPTUAL)  # by seed
RECIPE = FeatureRecipe(steps=2000, batch_size=64, seed=0, log_every=50)
DATA = "pieces of 48×48 pixels of the training parts of photos, textures and digits, 22 classes"


def make(root: Path, device: str | None) -> None:
    """Train the four networks and save them with their records."""
    for seed, name in enumerate(NAMES):
        recipe = replace(RECIPE, seed=seed)
        trained = train_feature_net(recipe, device=device)
        held_out = {"accuracy": round(feature_accuracy(trained.model.cpu()), 3), "pieces": 1000}
        record = record_of("features", DATA, trained, recipe, held_out)
        save_model(trained.model, root / name, record=record, half=True)
