"""The VQVAE paper's small convolutional encoder and decoder (section 4.1)."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from vqlib.compress.layers import ResBlock


@dataclass(frozen=True)
class AutoencoderConfig:
    """Shape of the small autoencoder."""

    image_channels: int = 3
    """1 for grey images, 3 for colour."""
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

    def __post_init__(self):
        if self.image_channels not in (1, 3):
            raise ValueError(f"image_channels is {self.image_channels}; use 1 (grey) or 3 (colour)")
        sizes = ("hidden_channels", "res_channels", "num_res_blocks", "num_downsamplings")
        for name in (*sizes, "code_dim"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")

    @property
    def downsampling_factor(self) -> int:
        """f: an image of H×W pixels becomes (H/f)×(W/f) tokens."""
        return 2**self.num_downsamplings


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
        _, C, H, W = x.shape
        f = self.config.downsampling_factor
        if self.config.image_channels != C:
            raise ValueError(
                f"images have {C} channels, this model takes {self.config.image_channels}"
            )
        if H % f or W % f or H == 0 or W == 0:
            raise ValueError(
                f"images are {H}×{W}; height and width must be multiples of f = {f}: crop or resize"
            )
        return self.layers(x)


class Decoder(nn.Module):
    """Latents to images: the encoder's mirror, with transposed 4×4 convolutions."""

    def __init__(self, config: AutoencoderConfig):
        super().__init__()
        width = config.hidden_channels
        layers: list[nn.Module] = [nn.Conv2d(config.code_dim, width, kernel_size=3, padding=1)]
        layers += [ResBlock(width, config.res_channels) for _ in range(config.num_res_blocks)]
        for i in range(config.num_downsamplings):
            last = i == config.num_downsamplings - 1
            channels = config.image_channels if last else width
            up = nn.ConvTranspose2d(width, channels, kernel_size=4, stride=2, padding=1)
            layers += [nn.ReLU(), up]
        self.layers = nn.Sequential(*layers)

    def forward(self, z_q: Float[Tensor, "B D h w"]) -> Float[Tensor, "B C H W"]:
        """Decode latents. Training pulls the output to [-1, 1]; nothing clips it here."""
        return self.layers(z_q)
