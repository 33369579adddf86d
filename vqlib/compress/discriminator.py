"""The critic of VQGAN: a small convolutional network that judges patches (PatchGAN).

Source: Isola et al. 2017, *Image-to-Image Translation with Conditional Adversarial Networks*,
section 3.2.2 and appendix 6.1.2; Esser et al., *Taming Transformers*, section 3.1.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vqlib.compress.processes import differentiable_sum, num_processes


@dataclass(frozen=True)
class PatchDiscriminatorConfig:
    """Shape of the critic."""

    image_channels: int = 3
    """Channels of the images."""
    base_channels: int = 64
    """Width of the first layer; each further one has twice as many, up to 8 times."""
    num_layers: int = 3
    """Convolutions of stride 2."""
    norm: str = "batch"
    """What follows the inner convolutions: "batch" normalisation as in the papers, "group", in
    groups of four channels, or "none"."""

    def __post_init__(self):
        for name in ("image_channels", "base_channels", "num_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.norm not in NORMS:
            raise ValueError(f"norm is {self.norm!r}; use one of {', '.join(map(repr, NORMS))}")


class PatchDiscriminator(nn.Module):
    """Convolutions whose every output looks at one patch and says: real (high) or made (low).

    With `num_layers` = 3 the strides are 2, 2, 2, 1, 1 and the patch has 70×70 pixels. The first
    and the last convolution have a bias and no normalisation.

    Args:
        image_channels: channels of the images.
        base_channels: width of the first layer; each further one has twice as many, up to 8 times.
        num_layers: convolutions of stride 2.
        norm: "batch" as in the papers, "group" or "none".
    """

    def __init__(
        self,
        image_channels: int = 3,
        *,
        base_channels: int = 64,
        num_layers: int = 3,
        norm: str = "batch",
    ):
        super().__init__()
        self.config = PatchDiscriminatorConfig(image_channels, base_channels, num_layers, norm)
        widths = [base_channels * min(2**i, 8) for i in range(num_layers + 1)]
        layers: list[nn.Module] = [nn.Conv2d(image_channels, widths[0], 4, stride=2, padding=1)]
        layers += [nn.LeakyReLU(0.2)]
        for i in range(1, num_layers + 1):
            stride = 2 if i < num_layers else 1
            bias = norm == "none"  # a norm has its own
            conv = nn.Conv2d(widths[i - 1], widths[i], 4, stride=stride, padding=1, bias=bias)
            layers += [conv, *NORMS[norm](widths[i]), nn.LeakyReLU(0.2)]
        layers += [nn.Conv2d(widths[-1], 1, 4, stride=1, padding=1)]
        self.layers = nn.Sequential(*layers)
        self.apply(_start_small)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1 h w"]:
        """A logit for each patch of images in [-1, 1].

        Raises:
            ValueError: the images are too small for a single verdict.
        """
        self.check_size(*x.shape[2:])
        return self.layers(x)

    def check_size(self, height: int, width: int) -> None:
        """Raise `ValueError` if images of this size are too small for a single verdict."""
        side = self.smallest_image
        if min(height, width) < side:
            raise ValueError(
                f"images are {height}×{width}; with these strides the discriminator needs at "
                f"least {side}×{side}: use fewer num_layers (disc_layers) or larger images"
            )

    @property
    def convolutions(self) -> list[nn.Conv2d]:
        """From the image to the verdicts."""
        return [layer for layer in self.layers if isinstance(layer, nn.Conv2d)]

    @property
    def receptive_field(self) -> int:
        """Side of the patch that one verdict sees, in pixels."""
        side = 1
        for conv in reversed(self.convolutions):
            side = side * conv.stride[0] + conv.kernel_size[0] - conv.stride[0]
        return side

    @property
    def smallest_image(self) -> int:
        """Side of the smallest image that gets a verdict."""
        side = 1
        for conv in reversed(self.convolutions):
            side = (side - 1) * conv.stride[0] + conv.kernel_size[0] - 2 * conv.padding[0]
        return side


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation over the batches of all processes.

    PyTorch's SyncBatchNorm exists only for GPUs; this one also trains two CPU processes exactly as
    one. Alone it is `nn.BatchNorm2d`.
    """

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Same shape in and out."""
        if not self.training or num_processes() == 1:
            return super().forward(x)
        x32 = x.float()
        sums = torch.stack([x32.sum(dim=(0, 2, 3)), x32.square().sum(dim=(0, 2, 3))])
        count = x[:, 0].numel() * num_processes()  # processes share a batch in equal parts
        mean, mean_square = differentiable_sum(sums) / count
        variance = (mean_square - mean.square()).clamp(min=0)
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        return (x32 * scale[:, None, None] + shift[:, None, None]).to(x.dtype)


def four_a_group(channels: int) -> nn.GroupNorm:
    """GroupNorm of four channels a group; of all in one where four do not divide them."""
    return nn.GroupNorm(max(1, channels // 4) if channels % 4 == 0 else 1, channels)


# What follows an inner convolution of so many channels.
NORMS = {
    "batch": lambda channels: [BatchNorm(channels)],
    "group": lambda channels: [four_a_group(channels)],
    "none": lambda channels: [],
}


def _start_small(module: nn.Module) -> None:
    # The initialisation of DCGAN and pix2pix: N(0, 0.02) for weights, N(1, 0.02) for norms.
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
        nn.init.normal_(module.weight, 1.0, 0.02)
