"""Where a GPT looks: the weights of its attention, laid on the grid of tokens."""

from collections.abc import Sequence

import torch
from ipywidgets import VBox
from jaxtyping import Float, Int
from torch import Tensor

from vqlib.generate.gpt import GPT
from vqlib.generate.prior import evaluating
from vqlib.show.style import BLUE, GREY, INK, ORANGE
from vqlib.show.widgets import grid_widget

CELL = 56
"""Side of a token's cell in pixels."""
LEFT = 76
"""Room for the prefix, left of the grid."""


@torch.no_grad()
def attention_weights(
    prior: GPT, tokens: Int[Tensor, "B t"], prefix: Int[Tensor, "B P"]
) -> Float[Tensor, "B L nh S S"]:
    """How much each position takes from each, in every head of every layer.

    The model itself never writes these matrices down; here they are computed from its queries and
    keys. Rows sum to 1, and what a row may not see is 0.

    Args:
        prior: the model, in any mode.
        tokens: as in `Prior.forward`, in the model's own order.
        prefix: as there.

    Raises:
        ValueError: too many tokens, or another number of ids.
    """
    seen: list[tuple[Tensor, Tensor | None]] = []
    attentions = [block.attention for block in prior.blocks]
    hooks = [a.register_forward_pre_hook(lambda _, given: seen.append(given)) for a in attentions]
    try:
        with evaluating(prior):
            prior(tokens, prefix)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack([_weights(a, *given) for a, given in zip(attentions, seen, strict=True)], 1)


def _weights(
    attention, x: Float[Tensor, "B S C"], mask: Tensor | None
) -> Float[Tensor, "B nh S S"]:
    B, S, C = x.shape
    hs = C // attention.num_heads
    q, k, _ = attention.query_key_value(x).view(B, S, 3, -1, hs).permute(2, 0, 3, 1, 4)
    if mask is None:
        mask = torch.ones(S, S, dtype=torch.bool, device=x.device).tril()
    scores = q @ k.transpose(-2, -1) / hs**0.5  # (B, nh, S, S)
    return scores.masked_fill(~mask, -torch.inf).softmax(-1)


def attention_widget(
    weights: Float[Tensor, "R S S"], grid: tuple[int, int], *, rows: tuple[str, Sequence[str]]
) -> VBox:
    """Pick a token that is to be predicted, and see what its position takes from where.

    The token has a question mark. Each earlier one carries its weight, the prefix is on the left;
    tokens that come later are empty.

    Args:
        weights: one matrix, such as the mean over the heads of a layer, for each place of the
            second slider.
        grid: rows and columns of tokens; the sequence has all of them but the last, in raster
            order, behind a prefix.
        rows: symbol and values of the second slider.

    Raises:
        ValueError: the matrices are smaller than the grid, or not one value for each.
    """
    T, (R, S, _) = grid[0] * grid[1], weights.shape
    P = S - T + 1
    if P < 1 or len(rows[1]) != R:
        raise ValueError(
            f"{R} matrices of {S} positions given, for {len(rows[1])} values and {T} tokens; "
            f"one matrix per value is expected, of {T} positions or more"
        )
    frames, alts = [], []
    for matrix, value in zip(weights.cpu(), rows[1], strict=True):
        lines = [matrix[P - 1 + t, : P + t].tolist() for t in range(T)]
        frames.append([_drawn(sum(line[:P]), line[P:], grid) for line in lines])
        alts.append([f"{rows[0]} = {value}, t = {t}, {_told(x, P)}" for t, x in enumerate(lines)])
    return grid_widget(
        frames,
        labels=("t", rows[0]),
        values=([str(t) for t in range(T)], rows[1]),
        alts=alts,
        title=("Choose a token and a layer: where does it look?", "选一个词元和一层：它在看哪里？"),
    )


def _told(line: list[float], P: int) -> str:
    """The largest weight, for those who do not see the picture."""
    names = ["c"] * P + [f"s{i}" for i in range(len(line) - P)]
    weight, name = max(zip(line, names, strict=True))
    return f"{name}: {weight:.2f}"


def _drawn(prefix: float, tokens: list[float], grid: tuple[int, int]) -> bytes:
    h, w = grid
    width, height, t = LEFT + w * CELL + 12, h * CELL + 24, len(tokens)
    cells = [_cell(12, 12, prefix), _text(12 + CELL // 2, CELL + 32, "c", INK)]
    for i in range(h * w):
        x, y = LEFT + i % w * CELL, 12 + i // w * CELL
        cells.append(_cell(x, y, tokens[i] if i < t else None))
        if i == t:
            question = (x + CELL // 2, y + CELL // 2 + 6, "?", ORANGE)
            mark = f"<rect x='{x + 3}' y='{y + 3}' width='{CELL - 6}' height='{CELL - 6}' "
            cells += [mark + f"fill='none' stroke='{ORANGE}' stroke-width='3'/>", _text(*question)]
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
        f"viewBox='0 0 {width} {height}' font-family='sans-serif' font-size='15' "
        f"text-anchor='middle'><rect width='{width}' height='{height}' rx='8' fill='#fff'/>"
        + "".join(cells)
        + "</svg>"
    ).encode()


def _cell(x: int, y: int, weight: float | None) -> str:
    fill = "none" if weight is None else BLUE
    opacity = 1 if weight is None else round(min(1.0, 1.5 * weight), 2)
    box = (
        f"<rect x='{x}' y='{y}' width='{CELL}' height='{CELL}' fill='{fill}' "
        f"fill-opacity='{opacity}' stroke='{GREY}'/>"
    )
    if weight is None:
        return box
    ink = "#fff" if opacity > 0.6 else INK
    return box + _text(x + CELL // 2, y + CELL // 2 + 5, f"{weight:.2f}", ink)


def _text(x: int, y: int, words: str, fill: str) -> str:
    return f"<text x='{x}' y='{y}' fill='{fill}'>{words}</text>"
