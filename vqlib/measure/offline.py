"""Features for a Fréchet distance where nothing can be downloaded."""

import torch
from jaxtyping import Float
from torch import Tensor

from vqlib.compress.perceptual import FeatureNet, Frozen, in_colour


class OfflineFeatures(Frozen):
    """The mean over positions of the last stage of our own small network.

    A distance measured with it is "Fréchet distance (offline network)". It is not FID, and its
    numbers cannot be compared with FID's.

    Args:
        net: a trained `FeatureNet`; it is frozen.
    """

    name = "offline network"
    image_size = None
    resize = "none"

    def __init__(self, net: FeatureNet):
        super().__init__()
        self.net = net
        self.dim = net.head.in_features
        self.freeze()

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B F"]:
        """Features in float32 of images in [-1, 1] of any size; grey images count as colour."""
        with torch.autocast(images.device.type, enabled=False):
            return self.net.features(in_colour(images).float())[-1].mean(dim=(2, 3))
