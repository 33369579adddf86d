"""Does a painted scene show what its map asks for? Ask a classifier of real scenes' pixels."""

from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.data.scenes import LABELS, Scenes

# Scenes that the classifier is fitted on, and pixels drawn from each.
NUM_SCENES, PIXELS_PER_SCENE = 300, 200


def estimated_labels(
    images: Float[Tensor, "N 3 H W"], *, by_height: bool = True
) -> Int[Tensor, "N H W"]:
    """The label that a classifier fitted on real training scenes gives each pixel.

    It sees a pixel's colour, the mean and the spread of the colours around it, and its height in
    the picture, as a share, so that pictures of any size can be asked about. The classifier is
    scikit-learn's HistGradientBoostingClassifier as it comes.

    Args:
        images: in [-1, 1].
        by_height: False leaves the height out, to find things where they do not belong.

    Returns:
        int64, index into `vqlib.data.scenes.LABELS`.
    """
    N, _, H, W = images.shape
    features = _features(images, by_height).flatten(0, 2)
    predicted = _classifier(by_height).predict(features.numpy())
    return torch.from_numpy(predicted).long().view(N, H, W)


def label_agreement(one: Int[Tensor, "N H W"], two: Int[Tensor, "N H W"]) -> float:
    """Share of the pixels at which two label maps agree."""
    return (one == two).float().mean().item()


def sky_share(labels: Int[Tensor, "N H W"], *, top: float = 0.0, bottom: float = 1.0) -> float:
    """Share of sky (clouds and sun count) among the pixels of some rows.

    In the scenes every horizon lies between 0.38 and 0.58 of the height: above 0.2 there is sky
    and what stands out into it, below 0.7 there is none.

    Args:
        labels: as `estimated_labels` gives them.
        top: where the rows begin, as a share of the height.
        bottom: where they end.
    """
    H = labels.shape[1]
    sky = torch.tensor([LABELS.index(name) for name in ("sky", "cloud", "sun")])
    return torch.isin(labels[:, round(top * H) : round(bottom * H)], sky).float().mean().item()


def _features(images: Float[Tensor, "N 3 H W"], by_height: bool) -> Float[Tensor, "N H W F"]:
    N, _, H, W = images.shape
    padded = F.pad(images, [2] * 4, mode="replicate")
    mean = F.avg_pool2d(padded, 5, stride=1)
    spread = (F.avg_pool2d(padded.square(), 5, stride=1) - mean.square()).clamp_min(0).sqrt()
    known = [images, mean, spread]
    height = ((torch.arange(H) + 0.5) / H)[None, None, :, None].expand(N, 1, H, W)
    return torch.cat(known + [height] * by_height, dim=1).permute(0, 2, 3, 1)


@cache
def _classifier(by_height: bool):
    from sklearn.ensemble import HistGradientBoostingClassifier

    scenes, rng = Scenes("train", count=NUM_SCENES), np.random.default_rng(0)
    features, labels = [], []
    for index in range(NUM_SCENES):
        scene = scenes.scene(index)
        chosen = rng.choice(scene.labels.numel(), PIXELS_PER_SCENE, replace=False)
        features.append(_features(scene.image[None], by_height).flatten(0, 2)[chosen])
        labels.append(scene.labels.flatten()[chosen])
    classifier = HistGradientBoostingClassifier(random_state=0)
    return classifier.fit(torch.cat(features).numpy(), torch.cat(labels).numpy())
