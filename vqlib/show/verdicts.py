"""A critic's verdicts beside the picture that they judge, and the patch behind each of them."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import torch
from ipywidgets import VBox
from jaxtyping import Float
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from vqlib.compress import PatchDiscriminator
from vqlib.show.plots import draw_image
from vqlib.show.style import BLUE, ORANGE
from vqlib.show.widgets import frames_widget

VERDICTS: Colormap = LinearSegmentedColormap.from_list("verdicts", [ORANGE, "#ffffff", BLUE])
"""From orange, made, over white, undecided, to blue, real."""
LIMIT = 3.0
"""Logits from here on have the full colour."""
GAP = 8


def patch_behind(critic: PatchDiscriminator, row: int, column: int) -> tuple[int, int, int]:
    """Where the patch behind verdict (row, column) begins, and its side, in pixels.

    At the border of an image it begins above 0 or left of it: there the critic sees its padding.
    """
    top, left = row, column
    for conv in reversed(critic.convolutions):
        top = top * conv.stride[0] - conv.padding[0]
        left = left * conv.stride[1] - conv.padding[1]
    return top, left, critic.receptive_field


def show_verdicts(
    images: Float[Tensor, "N C H W"], critic: PatchDiscriminator, *, cell: float = 2.8
) -> Figure:
    """Each image in a row of its own, and beside it the map of its verdicts at the same scale.

    Args:
        images: in [-1, 1].
        critic: in eval mode.
        cell: width of one image in inches.
    """
    N, _, H, W = images.shape
    maps = _verdicts(critic, images)
    size = (2 * cell + 0.9, N * cell * H / W)
    figure, axes = plt.subplots(N, 2, figsize=size, squeeze=False, layout="constrained")
    for (left, right), image, verdicts in zip(axes, images, maps, strict=True):
        draw_image(left, image)
        drawn = right.imshow(
            verdicts.numpy(),
            cmap=VERDICTS,
            vmin=-LIMIT,
            vmax=LIMIT,
            extent=_extent(critic, verdicts),
        )
        right.set(xlim=(-0.5, W - 0.5), ylim=(H - 0.5, -0.5))
        for axis in (left, right):
            axis.set(xticks=[], yticks=[])
            axis.set_frame_on(False)
    figure.colorbar(drawn, ax=axes, label="$D$", shrink=0.6)
    plt.close(figure)
    return figure


def patches_widget(
    image: Float[Tensor, "C H W"],
    critic: PatchDiscriminator,
    places: Sequence[tuple[int, int]],
) -> VBox:
    """Step through verdicts: the patch in the image, its verdict in the map, and the patch itself.

    Args:
        image: in [-1, 1].
        critic: in eval mode.
        places: rows and columns of the map, all different.
    """
    verdicts = _verdicts(critic, image[None])[0]
    frames = [_frame(image, critic, verdicts, *place) for place in places]
    values = [f"({i}, {j}): D = {verdicts[i, j]:+.2f}".replace("-", "−") for i, j in places]
    title = ("Judge the patch yourself, then read D", "先自己判断这一块，再看 D")
    options = {"values": values, "alts": values, "interval": 900, "title": title}
    return frames_widget(frames, label="(i, j)", **options)


def _verdicts(critic: PatchDiscriminator, images: Float[Tensor, "N C H W"]) -> Tensor:
    with torch.no_grad():
        return critic(images)[:, 0].cpu()  # (N, h, w)


def _extent(critic: PatchDiscriminator, verdicts: Tensor) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of the map in pixels: each verdict over the patch's middle."""
    h, w = verdicts.shape
    (top, left, side), (below, beside, _) = patch_behind(critic, 0, 0), patch_behind(critic, 1, 1)
    height, width = below - top, beside - left  # between two verdicts
    x, y = left + (side - 1 - width) / 2, top + (side - 1 - height) / 2
    return x, x + w * width, y + h * height, y


def _frame(image: Tensor, critic, verdicts: Tensor, row: int, column: int) -> Tensor:
    """Above the image with the patch framed, below the map, on the right the patch enlarged."""
    _, H, W = image.shape
    image = image.detach().cpu().expand(3, H, W)
    top, left, side = patch_behind(critic, row, column)
    around = F.pad(image, [side] * 4)  # zeros, as the critic pads
    patch = around[:, top + side : top + 2 * side, left + side : left + 2 * side]
    framed = _framed(image, top, left, side)
    lower = _framed(_coloured(critic, verdicts, H, W), top, left, side)
    gap = torch.ones(3, GAP, W)
    stack = torch.cat([framed, gap, lower], dim=1)  # (3, 2·H + GAP, W)
    height = stack.shape[1]
    large = F.interpolate(patch[None], (height, height), mode="nearest")[0]
    return torch.cat([stack, torch.ones(3, height, GAP), large], dim=2)


def _coloured(critic: PatchDiscriminator, verdicts: Tensor, H: int, W: int) -> Tensor:
    """The map in colours, each pixel that of the verdict whose patch has its middle nearest."""
    left, right, bottom, top = _extent(critic, verdicts)
    h, w = verdicts.shape
    rows = ((torch.arange(H) - top) * h / (bottom - top)).long().clamp(0, h - 1)
    columns = ((torch.arange(W) - left) * w / (right - left)).long().clamp(0, w - 1)
    shown = (verdicts / LIMIT + 1) / 2  # 0 to 1
    colours = torch.tensor(VERDICTS(shown.clamp(0, 1).numpy())[..., :3]).float()  # (h, w, 3)
    return colours[rows][:, columns].permute(2, 0, 1) * 2 - 1


def _framed(image: Tensor, top: int, left: int, side: int) -> Tensor:
    """A copy with the outline of a square, dark within white, two pixels wide."""
    image = image.clone()
    _, H, W = image.shape
    for inset, value in ((0, 1.0), (1, -1.0)):
        first, last = inset, side - 1 - inset
        rows = [min(max(top + k, 0), H - 1) for k in (first, last)]
        columns = [min(max(left + k, 0), W - 1) for k in (first, last)]
        image[:, rows, columns[0] : columns[1] + 1] = value
        image[:, rows[0] : rows[1] + 1, columns] = value
    return image
