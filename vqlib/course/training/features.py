"""The offline networks, which play VGG's and Inception's parts where nothing can be downloaded.

Four of one recipe that differ in their seed. Three are looked through together by the perceptual
loss: what deceives one of such small networks seldom deceives all. The fourth measures Fréchet
distances and is never trained with, as Inception measures what VGG has trained.
"""

from dataclasses import replace
from functools import partial
from typing import Any

from vqlib.compress.perceptual import FeatureNet
from vqlib.course.pretrained import PERCEPTUAL
from vqlib.course.training.job import SAVE_EVERY, Job
from vqlib.train.features import FeatureRecipe, feature_accuracy, train_feature_net

NAMES = ("offline_features", *PERCEPTUAL)  # by seed
RECIPE = FeatureRecipe(steps=2000, batch_size=64, seed=0, log_every=50, save_every=SAVE_EVERY)
DATA = "pieces of 48×48 pixels of the training parts of photos, textures and digits, 25 classes"


def measured(net: FeatureNet) -> dict[str, Any]:
    """Accuracy on pieces of the parts that do not train."""
    return {"accuracy": round(feature_accuracy(net), 3), "pieces": 1000}


def job(seed: int) -> Job:
    """The network of this seed."""
    recipe = replace(RECIPE, seed=seed)
    return Job(DATA, recipe, partial(train_feature_net, recipe), measured)


JOBS = {name: job(seed) for seed, name in enumerate(NAMES)}
