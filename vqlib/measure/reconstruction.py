"""How close is a reconstruction to its image?"""

import torch
from jaxtyping import Float
from torch import Tensor


def psnr(x_hat: Float[Tensor, "B C H W"], x: Float[Tensor, "B C H W"]) -> Float[Tensor, " B"]:
    """Peak signal-to-noise ratio of each image in dB, for images in [-1, 1] (peak-to-peak 2).

    10·log₁₀(2² / MSE); infinite where the two are equal.
    """
    mse = (x_hat.float() - x.float()).square().mean(dim=(1, 2, 3))
    return 10 * torch.log10(4 / mse)
