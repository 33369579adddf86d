"""Does a painted scene show what its map asks for? Ask models of real scenes' pixels."""

from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.data.scenes import LABELS, Scenes

# Scenes that these models are fitted on, and pixels drawn from each.
NUM_SCENES, PIXELS_PER_SCENE = 300, 200


def estimated_labels(
    images: Float[Tensor, "N 3 H W"], *, by_height: bool = True, step: int = 1
) -> Int[Tensor, "N h w"]:
    """The label that a classifier fitted on real training scenes gives each pixel.

    It sees a pixel's colour, the mean and the spread of the colours around it, and its height in
    the picture, as a share, so that pictures of any size can be asked about. The classifier is
    scikit-learn's HistGradientBoostingClassifier as it comes.

    Args:
        images: in [-1, 1].
        by_height: False leaves the height out, to find things where they do not belong.
        step: asks about every so many rows and columns only, which takes less time.

    Returns:
        int64, index into `vqlib.data.scenes.LABELS`.
    """
    features = _features(images, by_height)[:, ::step, ::step]
    predicted = _classifier(by_height).predict(features.flatten(0, 2).numpy())
    return torch.from_numpy(predicted).long().view(features.shape[:3])


def estimated_depth(images: Float[Tensor, "N 3 H W"], *, step: int = 1) -> Float[Tensor, "N h w"]:
    """The depth that a regression fitted on real training scenes gives each pixel, −1 to 1.

    It sees what `estimated_labels` sees; it is scikit-learn's HistGradientBoostingRegressor as it
    comes.

    Args:
        images: in [-1, 1].
        step: asks about every so many rows and columns only.
    """
    features = _features(images, by_height=True)[:, ::step, ::step]
    predicted = _regression().predict(features.flatten(0, 2).numpy())
    return torch.from_numpy(predicted).float().view(features.shape[:3])


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

    features, labels, _ = _pixels()
    features = features if by_height else features[:, :-1]
    return HistGradientBoostingClassifier(random_state=0).fit(features, labels)


@cache
def _regression():
    from sklearn.ensemble import HistGradientBoostingRegressor

    features, _, depth = _pixels()
    return HistGradientBoostingRegressor(random_state=0).fit(features, depth)


@cache
def _pixels() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of pixels of real scenes, the height last; their labels and their depth."""
    scenes, rng = Scenes("train", count=NUM_SCENES), np.random.default_rng(0)
    features, labels, depth = [], [], []
    for index in range(NUM_SCENES):
        scene = scenes.scene(index)
        chosen = rng.choice(scene.labels.numel(), PIXELS_PER_SCENE, replace=False)
        features.append(_features(scene.image[None], by_height=True).flatten(0, 2)[chosen])
        labels.append(scene.labels.flatten()[chosen])
        depth.append(scene.depth.flatten()[chosen])
    return tuple(torch.cat(part).numpy() for part in (features, labels, depth))
