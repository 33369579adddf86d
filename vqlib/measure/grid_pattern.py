"""Is there a grid in the pictures? The energy at the frequencies of a codec's stride.

Source: Odena, Dumoulin & Olah 2016, *Deconvolution and Checkerboard Artifacts*, for the cause: a
transposed convolution does not treat all pixels alike, and its pattern repeats with the stride.
"""

import torch
from jaxtyping import Float
from torch import Tensor

NEIGHBOURS = 3  # frequencies on either side that a peak is compared with


def grid_energy(images: Float[Tensor, "B C H W"], period: int) -> float:
    """How far the spectrum's energy at the frequencies of a grid stands above its neighbours'.

    Along rows and along columns the mean power at the multiples of 1/period, up to half a cycle per
    pixel, is divided by the mean power at the `NEIGHBOURS` frequencies on either side; the result
    is the mean of these ratios. About 1 where nothing repeats with this period, far more where a
    grid does.

    Args:
        images: any range; at least one, with H and W multiples of the period and at least
            8·period, so that neighbours are no peaks themselves.
        period: in pixels, at least 2; of a codec its downsampling factor f.

    Raises:
        ValueError: the period is below 2, or a side does not fit it.
    """
    _, _, H, W = images.shape
    if period < 2:
        raise ValueError(f"period is {period}; a grid repeats every 2 pixels or more")
    if H % period or W % period or min(H, W) < 8 * period:
        raise ValueError(
            f"images are {H}×{W}; sides must be multiples of the period {period}, and at least "
            f"{8 * period}"
        )
    x = images.float()
    ratios = [peaks(x, period), peaks(x.transpose(2, 3), period)]
    return torch.cat(ratios).mean().item()


def peaks(x: Float[Tensor, "B C H W"], period: int) -> Float[Tensor, " P"]:
    """Power at each frequency of the grid along the rows, in units of its neighbours'."""
    W = x.shape[-1]
    window = torch.hann_window(W, device=x.device)  # borders are no edges
    power = torch.fft.rfft((x - x.mean(dim=3, keepdim=True)) * window).abs().square()
    power = power.mean(dim=(0, 1, 2))
    found = []
    for k in range(W // period, W // 2 + 1, W // period):
        around = [*range(k - NEIGHBOURS - 1, k - 1), *range(k + 2, k + NEIGHBOURS + 2)]
        around = [i for i in around if i < len(power)]  # the window widens a peak by one each way
        found.append(power[k] / power[around].mean())
    return torch.stack(found)
