"""Do sampled digits look like the class they were asked for? Ask a classifier of real ones."""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.data.digits import digits


def recognised_digits(images: Float[Tensor, "N 1 H W"]) -> Int[Tensor, " N"]:
    """The class, 0–9, that a support vector machine fitted on the real training digits sees.

    Images in [-1, 1] of any size are averaged down to the 8×8 pixels of the originals first.
    The classifier is scikit-learn's SVC as it comes.
    """
    small = F.adaptive_avg_pool2d(images, 8).flatten(1)
    return torch.from_numpy(_classifier().predict(small.numpy())).long()


def classifier_accuracy() -> float:
    """Share of the real held-out digits that the classifier gets right: the ceiling here."""
    held_out = digits("held_out", image_size=8)
    return (recognised_digits(held_out.images) == held_out.labels).float().mean().item()


@cache
def _classifier():
    from sklearn.svm import SVC

    train = digits("train", image_size=8)
    return SVC().fit(train.images.flatten(1).numpy(), train.labels.numpy())
