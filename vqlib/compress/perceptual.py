"""Perceptual distance: images are close when a network's features of them are.

Source: Zhang et al. 2018, *The Unreasonable Effectiveness of Deep Features as a Perceptual
Metric* (LPIPS), section 3; used as VQGAN's reconstruction loss (Taming Transformers, section 3.1).
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

# Inside the square root: where all features are zero, the gradient of √x would be infinite.
EPSILON = 1e-10


def unit_normalized(features: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
    """Each position's feature vector divided by its length, also where that is zero."""
    return features * (features.square().sum(1, keepdim=True) + EPSILON).rsqrt()


def weights_digest(model: nn.Module) -> str:
    """SHA-256 of all weights, in hexadecimal: which model this is."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


class Frozen(nn.Module):
    """A network that is only looked through: no gradient for its weights, no dropout.

    `train()` of a module that contains it changes nothing in it. The gradient passes through it to
    the images.
    """

    def freeze(self) -> None:
        """To be called at the end of `__init__`."""
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "Frozen":
        """Stays in eval mode whatever the mode asked for."""
        return super().train(False)

    @property
    def digest(self) -> str:
        """SHA-256 of all weights: which network this is."""
        return weights_digest(self)


class LPIPS(Frozen):
    """LPIPS 0.1 with VGG16, the loss that VQGAN is trained with, from the package `lpips`.

    On first use torchvision downloads the weights of VGG16 (528 MB). One thing differs from what
    the package computes: its √ has no ε inside, so where features almost vanish the gradient
    becomes infinite.

    Args:
        pretrained: False takes random features, for tests without a network.
    """

    name = "LPIPS (VGG16, v0.1)"

    def __init__(self, *, pretrained: bool = True):
        super().__init__()
        self.net = _lpips_package(pretrained)
        self.freeze()

    def forward(
        self, x_hat: Float[Tensor, "B C H W"], x: Float[Tensor, "B C H W"]
    ) -> Float[Tensor, " B"]:
        """Distance of each pair of images in [-1, 1], in float32; grey images count as colour."""
        with torch.autocast(x.device.type, enabled=False):
            total = torch.zeros(len(x), device=x.device)
            layers = zip(self._features(x_hat), self._features(x), self.net.lins, strict=True)
            for f_hat, f, weigh in layers:
                difference = (unit_normalized(f_hat) - unit_normalized(f)).square()
                total = total + weigh(difference).mean(dim=(1, 2, 3))
        return total

    def embed(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B F"]:
        """Points whose squared Euclidean distance is the distance of their images, in float32.

        With them all pairs of many images cost no more than each image alone. F is large, such as
        8 million for 256×256 pixels.
        """
        with torch.autocast(x.device.type, enabled=False):
            layers = zip(self._features(x), self.net.lins, strict=True)
            # The package's weights of the channels are not negative.
            weighed = [unit_normalized(f) * weigh.model[-1].weight.sqrt() for f, weigh in layers]
        return as_points(weighed)

    def _features(self, x: Float[Tensor, "B C H W"]) -> Sequence[Tensor]:
        return self.net.net(self.net.scaling_layer(in_colour(x).float()))


@dataclass(frozen=True)
class FeatureNetConfig:
    """Shape of the offline network."""

    num_classes: int
    """What the last layer tells apart in training."""
    widths: tuple[int, ...] = (16, 32, 64, 64)
    """Channels of the stages."""


class FeatureNet(nn.Module):
    """The offline network: four small stages of convolutions, each half the size of the one before.

    Our own recipe (`vqlib.train.features`) trains it to tell pictures apart by a small piece of
    them. It plays the part of VGG16 where nothing can be downloaded.

    Args:
        num_classes: what the last layer tells apart in training.
        widths: channels of the stages.
    """

    def __init__(self, num_classes: int, *, widths: Sequence[int] = (16, 32, 64, 64)):
        super().__init__()
        self.config = FeatureNetConfig(num_classes, tuple(widths))
        channels = [3, *widths]
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(a, b, kernel_size=3, padding=1),
                nn.ReLU(),
                nn.Conv2d(b, b, kernel_size=3, padding=1),
                nn.ReLU(),
            )
            for a, b in pairwise(channels)
        )
        self.head = nn.Linear(channels[-1], num_classes)

    def features(self, x: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """The output of each stage for images in [-1, 1]."""
        outputs = []
        for i, stage in enumerate(self.stages):
            x = stage(x if i == 0 else F.avg_pool2d(x, 2))
            outputs.append(x)
        return outputs

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B L"]:
        """Logits of the classes, from the mean of the last stage's features."""
        return self.head(self.features(x)[-1].mean(dim=(2, 3)))


class FeatureDistance(Frozen):
    """LPIPS's formula over offline networks, all channels weighted alike. Not LPIPS.

    Its numbers cannot be compared with LPIPS's. Of several networks it is the mean: a picture that
    is optimised against one small network soon deceives it, against several far less. Kettunen et
    al. 2019, *E-LPIPS*, average over random changes of the input to the same end.

    Args:
        nets: one or several trained `FeatureNet`s; they are frozen.

    Raises:
        ValueError: without a network.
    """

    name = "feature distance (offline networks)"

    def __init__(self, *nets: FeatureNet):
        super().__init__()
        if not nets:
            raise ValueError("a feature distance needs at least one FeatureNet; none was given")
        self.nets = nn.ModuleList(nets)
        self.freeze()

    def forward(
        self, x_hat: Float[Tensor, "B C H W"], x: Float[Tensor, "B C H W"]
    ) -> Float[Tensor, " B"]:
        """Distance of each pair of images in [-1, 1], in float32; grey images count as colour."""
        with torch.autocast(x.device.type, enabled=False):
            x_hat, x = in_colour(x_hat).float(), in_colour(x).float()
            total = torch.zeros(len(x), device=x.device)
            for f_hat, f in zip(self._features(x_hat), self._features(x), strict=True):
                difference = (unit_normalized(f_hat) - unit_normalized(f)).square()
                total = total + difference.sum(1).mean(dim=(1, 2))  # per position, then the mean
        return total / len(self.nets)

    def embed(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B F"]:
        """Points whose squared Euclidean distance is the distance of their images, in float32."""
        with torch.autocast(x.device.type, enabled=False):
            points = as_points([unit_normalized(f) for f in self._features(in_colour(x).float())])
        return points / math.sqrt(len(self.nets))

    def _features(self, x: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        return [f for net in self.nets for f in net.features(x)]


def as_points(layers: Sequence[Float[Tensor, "B _ _ _"]]) -> Float[Tensor, "B F"]:
    """Features of all layers in a row, each layer divided by √(h·w): sums become means."""
    return torch.cat([f.flatten(1) / math.sqrt(f.shape[2] * f.shape[3]) for f in layers], dim=1)


def in_colour(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 3 H W"]:
    """Grey images as three equal channels; raises `ValueError` on other numbers of channels."""
    if x.shape[1] not in (1, 3):
        raise ValueError(f"images have {x.shape[1]} channels; grey (1) or colour (3) is expected")
    return x.expand(-1, 3, -1, -1)


def _lpips_package(pretrained: bool) -> nn.Module:
    import warnings

    import lpips

    with warnings.catch_warnings():
        # The package calls torchvision by an argument that torchvision has renamed since.
        warnings.filterwarnings(
            "ignore", message="The parameter 'pretrained'", category=UserWarning
        )
        warnings.filterwarnings("ignore", message="Arguments other than", category=UserWarning)
        net = lpips.LPIPS(net="vgg", pnet_rand=True, verbose=False)
    if pretrained:
        _load_vgg16(net.net)
    return net


def _load_vgg16(slices: nn.Module) -> None:
    """ImageNet's weights, which the package itself would unpickle without any restriction."""
    from torchvision.models import VGG16_Weights

    url = VGG16_Weights.IMAGENET1K_V1.url
    state = torch.hub.load_state_dict_from_url(url, check_hash=True, weights_only=True)
    # The package calls layer 0 of VGG16's features slice1.0, and so on.
    names = {name: f"features.{name.split('.', 1)[1]}" for name in slices.state_dict()}
    slices.load_state_dict({ours: state[theirs] for ours, theirs in names.items()})
