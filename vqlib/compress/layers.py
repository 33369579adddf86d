"""The building block of the small autoencoder."""

from jaxtyping import Float
from torch import Tensor, nn


class ResBlock(nn.Module):
    """ReLU, 3×3 conv, ReLU, 1×1 conv, added to the input (VQVAE, section 4.1).

    Args:
        channels: channels in and out.
        hidden_channels: channels between the two convolutions.
    """

    def __init__(self, channels: int, hidden_channels: int):
        super().__init__()
        self.branch = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, hidden_channels, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(hidden_channels, channels, kernel_size=1),
        )

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
        """Same shape in and out."""
        return x + self.branch(x)
