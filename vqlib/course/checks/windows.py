"""Windows that slide well and badly: logs of four programs, and what less context costs.

`python -m vqlib.course.checks.windows` draws again what windows.json keeps, in about two minutes.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vqlib.course.pretrained import load_pretrained
from vqlib.data.photos import TEXTURES, whole_pictures
from vqlib.generate import Prior, Sampling, Sequential
from vqlib.generate.sliding_window import Canvas, window_start

N = 16
"""Rows and columns of a window of `textures_gpt`."""
SIZE, COUNT = (24, 37), 8
"""Of the pictures in the logs, in tokens, and how many they are."""
Corner = Callable[[int, int], tuple[int, int]]


def draw(prior: Prior, size: tuple[int, int], corner: Corner, *, count: int, seed: int) -> Tensor:
    """Draw token by token with windows that begin where `corner(i, j)` says.

    Returns:
        Tokens (count, h, w).
    """
    canvas = Canvas(prior, size, None, Sampling(), count=count, seed=seed, known=None)
    canvas.corner = lambda i, j, *, stride=1: corner(i, j)  # type: ignore[method-assign]
    with torch.inference_mode():
        for _ in Sequential().run(canvas):
            pass
    return canvas.tokens


def _top(i: int) -> int:
    return window_start(i, SIZE[0], N)


def _left(j: int) -> int:
    return window_start(j, SIZE[1], N, stride=8)


PROGRAMS: dict[str, Corner] = {
    "A": lambda i, j: (_top(i), min(max(0, j - 8) // 8 * 8, SIZE[1] - N + 1)),
    "B": lambda i, j: (i // N * N, _left(j)),  # below the picture there is nothing to read
    "C": lambda i, j: (_top(i), _left(j)),
    "D": lambda i, j: (_top(i), min(j // N * N, SIZE[1] - N)),
}
TRUTH = {"A": "sticks_out", "B": "no_overlap_down", "C": "healthy", "D": "no_overlap_across"}


@torch.inference_mode()
def surprise(prior: Prior, tokens: Int[Tensor, "B h w"]) -> tuple[list[float], list[float]]:
    """Mean −log p of the tokens of each column and of each row, each in its right window.

    For the columns the windows stand in the uppermost and the lowest rows, for the rows at the
    left, in the middle and at the right.
    """
    _, h, w = tokens.shape
    columns = [
        torch.cat([_nll(prior, tokens, top, _at(j, w))[:, :, j - _at(j, w)] for top in (0, h - N)])
        for j in range(w)
    ]
    lefts = (0, (w - N) // 2, w - N)
    rows = [
        torch.cat([_nll(prior, tokens, _at(i, h), left)[:, i - _at(i, h)] for left in lefts])
        for i in range(h)
    ]
    return ([c.mean().item() for c in columns], [r.mean().item() for r in rows])


def _at(position: int, size: int) -> int:
    return window_start(position, size, N)


def _nll(prior: Prior, tokens: Int[Tensor, "B h w"], top: int, left: int) -> Tensor:
    window = tokens[:, top : top + N, left : left + N]
    return -prior.log_prob(window.flatten(1)).view(window.shape)


def logs() -> dict[str, dict[str, list[float]]]:
    """What `record` gave: for each program the surprise by column, "j", and by row, "i"."""
    return json.loads((Path(__file__).parent / "windows.json").read_text(encoding="utf-8"))


def record() -> dict[str, dict[str, list[float]]]:
    """The logs: each program draws the same number of pictures from the same seeds."""
    prior, logs = load_pretrained("textures_gpt"), {}
    for name, corner in PROGRAMS.items():
        columns, rows = surprise(prior, draw(prior, SIZE, corner, count=COUNT, seed=100))
        logs[name] = {key: [round(x, 2) for x in v] for key, v in (("j", columns), ("i", rows))}
    return logs


@cache
@torch.inference_mode()
def price_by_column(name: str = "textures_gpt") -> Float[Tensor, "16 2"]:
    """What a token costs at each local column c, in nats more than at c = 8, and its error.

    Held-out textures, local row 8. Each token is predicted in windows that have it at c and at 8,
    so its own difficulty cancels. The error is the standard error over rows of the pictures.
    """
    with torch.random.fork_rng(devices=[]):  # a new model draws its weights before it reads them
        prior, codec = load_pretrained(name), load_pretrained("photos_vqgan")
    prefix = prior.config.condition.ids(None, 17)
    each = []
    for picture in whole_pictures(TEXTURES, "held_out"):
        grid = codec.encode(picture[None])[0]  # (128, 32)
        for i in range(8, 120, 9):
            rows = grid[i - 8 : i + 8]
            windows = torch.stack([rows[:, left : left + N].flatten() for left in range(17)])
            log_p = prior(windows[:, : 9 * N - 1], prefix)[:, 8 * N :].log_softmax(-1)
            targets = windows[:, 8 * N : 9 * N]
            nll = -log_p.gather(-1, targets[..., None]).squeeze(-1)  # (left, c)
            each.append(torch.stack([_difference(nll, c) for c in range(N)]))
    found = torch.stack(each)
    return torch.stack([found.mean(0), found.std(0) / len(found) ** 0.5], dim=1)


def _difference(nll: Float[Tensor, "17 16"], c: int) -> Tensor:
    """At c minus at 8, over the tokens that are seen at both."""
    lefts = torch.tensor([left for left in range(17) if 8 <= left + c <= 24])
    return (nll[lefts, c] - nll[lefts + c - 8, 8]).mean()


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(record(), separators=(",", ":")))
