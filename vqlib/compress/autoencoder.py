"""The VQVAE paper's small convolutional encoder and decoder (section 4.1)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vqlib.compress.layers import ResBlock, Upsample

UPSAMPLING = ("transposed", "nearest")


@dataclass(frozen=True)
class AutoencoderConfig:
    """Shape of the small autoencoder."""

    image_channels: int = 3
    """1 for grey images, 3 for colour, or the number of labels for one-hot label maps."""
    hidden_channels: int = 128
    """Width of the network."""
    res_channels: int = 64
    """Width inside a residual block."""
    num_res_blocks: int = 2
    """Residual blocks at the latent resolution, in the encoder and in the decoder."""
    num_downsamplings: int = 2
    """Each halves height and width: the downsampling factor is f = 2 ** num_downsamplings."""
    code_dim: int = 64
    """D, channels of the latents."""
    upsampling: str = "transposed"
    """How the decoder doubles height and width: "transposed" as in the VQVAE paper, or "nearest" as
    in VQGAN (Taming Transformers, appendix A): each pixel repeated, then a 3×3 convolution.
    Transposed convolutions leave a grid of their stride, above all early in training."""

    def __post_init__(self):
        if self.upsampling not in UPSAMPLING:
            known = ", ".join(map(repr, UPSAMPLING))
            raise ValueError(f"upsampling is {self.upsampling!r}; use one of {known}")
        sizes = ("hidden_channels", "res_channels", "num_res_blocks", "num_downsamplings")
        for name in ("image_channels", *sizes, "code_dim"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")

    @property
    def downsampling_factor(self) -> int:
        """f: an image of H×W pixels becomes (H/f)×(W/f) tokens."""
        return 2**self.num_downsamplings

    @property
    def latent_channels(self) -> int:
        """The encoder gives codes' dimensions directly."""
        return self.code_dim

    def build(self) -> tuple[nn.Module, nn.Module]:
        """A new encoder and decoder of this shape."""
        return Encoder(self), Decoder(self)


def check_images(x: Float[Tensor, "B C H W"], channels: int, factor: int) -> None:
    """Raise `ValueError` unless images have these channels and sides that are multiples of f."""
    _, C, H, W = x.shape
    if channels != C:
        raise ValueError(f"images have {C} channels, this model takes {channels}")
    if H % factor or W % factor or H == 0 or W == 0:
        raise ValueError(
            f"images are {H}×{W}; height and width must be multiples of f = {factor}: "
            "crop or resize"
        )


def apart(layer: nn.Module, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C2 h2 w2"]:
    """The layer's output, outside of the compiled graph where there is one.

    VQGAN's adaptive weight asks for the gradient of the decoder's last layer alone. Inside a
    compiled graph that would cost the backward pass of everything.
    """
    if torch.compiler.is_dynamo_compiling():
        torch._dynamo.graph_break()
    return layer(x)


class Encoder(nn.Module):
    """Images to latents: strided 4×4 convolutions, then residual blocks."""

    def __init__(self, config: AutoencoderConfig):
        super().__init__()
        self.config = config
        width = config.hidden_channels
        layers: list[nn.Module] = []
        channels = config.image_channels
        for _ in range(config.num_downsamplings):
            layers += [nn.Conv2d(channels, width, kernel_size=4, stride=2, padding=1), nn.ReLU()]
            channels = width
        layers += [nn.Conv2d(width, width, kernel_size=3, padding=1)]
        layers += [ResBlock(width, config.res_channels) for _ in range(config.num_res_blocks)]
        layers += [nn.ReLU(), nn.Conv2d(width, config.code_dim, kernel_size=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """Encode images in [-1, 1]; h = H/f, w = W/f. Raises `ValueError` on a wrong shape."""
        check_images(x, self.config.image_channels, self.config.downsampling_factor)
        return self.layers(x)


class Decoder(nn.Module):
    """Latents to images: the encoder's mirror, with transposed 4×4 convolutions, or with repeated
    pixels and 3×3 convolutions, half as wide at full resolution, where they would cost most."""

    def __init__(self, config: AutoencoderConfig):
        super().__init__()
        width = config.hidden_channels
        layers: list[nn.Module] = [nn.Conv2d(config.code_dim, width, kernel_size=3, padding=1)]
        layers += [ResBlock(width, config.res_channels) for _ in range(config.num_res_blocks)]
        layers += _transposed(config) if config.upsampling == "transposed" else _nearest(config)
        self.layers = nn.Sequential(*layers)

    @property
    def last_layer(self) -> nn.Parameter:
        """Weight of the last convolution: where VQGAN's adaptive weight λ compares gradients."""
        return self.layers[-1].weight

    def forward(self, z_q: Float[Tensor, "B D h w"]) -> Float[Tensor, "B C H W"]:
        """Decode latents. Training pulls the output to [-1, 1]; nothing clips it here."""
        return apart(self.layers[-1], self.layers[:-1](z_q))


def _transposed(config: AutoencoderConfig) -> list[nn.Module]:
    width, layers = config.hidden_channels, []
    for i in range(config.num_downsamplings):
        last = i == config.num_downsamplings - 1
        channels = config.image_channels if last else width
        up = nn.ConvTranspose2d(width, channels, kernel_size=4, stride=2, padding=1)
        layers += [nn.ReLU(), up]
    return layers


def _nearest(config: AutoencoderConfig) -> list[nn.Module]:
    width, layers = config.hidden_channels, []
    for i in range(config.num_downsamplings):
        last = i == config.num_downsamplings - 1
        channels = width // 2 if last else width
        layers += [nn.ReLU(), Upsample(width, channels)]
    return [
        *layers,
        nn.ReLU(),
        nn.Conv2d(channels, config.image_channels, kernel_size=3, padding=1),
    ]
