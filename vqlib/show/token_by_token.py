"""A picture while it is drawn: its tokens one by one, and what the decoder makes of them so far."""

import matplotlib.pyplot as plt
import torch
from ipywidgets import VBox
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from vqlib.compress.vqvae import VQVAE
from vqlib.show.plots import draw_image
from vqlib.show.style import ORANGE
from vqlib.show.widgets import frames_widget


def token_by_token_widget(codec: VQVAE, tokens: Int[Tensor, "h w"]) -> VBox:
    """A slider for the number t of tokens that are drawn: left the grid, right its decoding.

    Args:
        codec: the stage 1 of the tokens. Its model must be on the CPU.
        tokens: a finished grid, in raster order.
    """
    T = tokens.numel()
    images = unfinished(codec, tokens)
    frames = [_frame(tokens, t, images[t]) for t in range(T + 1)]
    drawn = tokens.flatten().tolist()
    alts = ["t = 0"] + [f"t = {t}, s = {drawn[t - 1]}" for t in range(1, T + 1)]
    title = ("Drag: one token more, and what it changes", "拖动：多一个词元，图像变了哪里？")
    return frames_widget(frames, label="t", alts=alts, title=title, start=T // 2)


@torch.no_grad()
def unfinished(codec: VQVAE, tokens: Int[Tensor, "h w"]) -> Float[Tensor, "N C H W"]:
    """The decodings of the first 0, 1, … T tokens; places without a token get the zero vector."""
    T = tokens.numel()
    known = torch.ones(T + 1, T).tril(-1).view(T + 1, 1, *tokens.shape)
    z_q = codec.quantizer.lookup(tokens[None]) * known  # (T + 1, D, h, w)
    return codec.decoder(codec.from_codes(z_q)).clamp(-1, 1)


def _frame(tokens: Int[Tensor, "h w"], t: int, image: Float[Tensor, "C H W"]) -> Figure:
    figure, (left, right) = plt.subplots(1, 2, figsize=(4.6, 2.3))
    _draw_tokens(left, tokens, t)
    draw_image(right, image)
    right.set(xticks=[], yticks=[])
    figure.tight_layout(pad=0.3)
    plt.close(figure)
    return figure


def _draw_tokens(axis: Axes, tokens: Int[Tensor, "h w"], t: int) -> None:
    """The first t tokens as numbers on coloured cells; a frame where the next will be."""
    h, w = tokens.shape
    for i, token in enumerate(tokens.flatten().tolist()):
        row, column = divmod(i, w)
        if i < t:
            colour = hsv_to_rgb((token * 47 % 360 / 360, 0.3, 0.95))
            axis.add_patch(Rectangle((column, row), 1, 1, color=colour, linewidth=0))
            axis.text(column + 0.5, row + 0.5, str(token), ha="center", va="center", fontsize=10)
        elif i == t:
            frame = {"fill": False, "edgecolor": ORANGE, "linewidth": 2.5}
            axis.add_patch(Rectangle((column + 0.04, row + 0.04), 0.92, 0.92, **frame))
    axis.set(xlim=(0, w), ylim=(h, 0), aspect="equal", xticks=[], yticks=[])
