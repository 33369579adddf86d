"""Pictures larger than the context: a window of the model's size slides over the tokens.

Token (i, j) is predicted inside the window that has it as near to its middle as the picture allows.
Of that window only the tokens before (i, j) matter, because the model looks only backwards.

Source: Esser et al., *Taming Transformers*, section 3.2 ("Generating High-Resolution Images") and
figure 3.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from vqlib.generate.condition import MapCondition, Place
from vqlib.generate.prior import Prior, evaluating, stepping
from vqlib.generate.sampling import Sampling, noise
from vqlib.generate.steps import Known, Steps, fill


def window_start(position: int, size: int, window: int, *, stride: int = 1) -> int:
    """Where the window of a position begins, along one side of the picture.

    The position stands in the middle, at local index window // 2; near the borders, where the
    window may not leave the picture, it stands nearer to them.

    Args:
        position: of the token, in [0, size).
        size: of the picture, in tokens.
        window: of the window, in tokens.
        stride: the window moves by so many tokens at once; until then the position wanders towards
            the window's end.
    """
    middle = window // 2
    start = max(0, position - middle) // stride * stride
    return min(start, max(0, size - window))


class Schedule(ABC):
    """In which order the tokens of a large picture are computed."""

    @abstractmethod
    def run(self, canvas: "Canvas") -> Iterator[int]:
        """Fill the canvas; yields how many tokens of each picture are new."""


@dataclass(frozen=True)
class Sequential(Schedule):
    """Token by token, row by row: the algorithm of the paper.

    While the window stands still, near the borders, what it has read is reused.
    """

    def run(self, canvas: "Canvas") -> Iterator[int]:
        """As in `Schedule`."""
        yield from _row_by_row(canvas, stride=1)


@dataclass(frozen=True)
class Strided(Schedule):
    """The window moves every `stride` tokens. Much faster, at a price.

    Between two moves the position wanders from the middle of the window towards its right end: it
    sees as much to the left as in `Sequential` or more, but less of the rows above on the right.
    """

    stride: int = 8
    """At most half of the window's width."""

    def __post_init__(self):
        if self.stride < 1:
            raise ValueError(f"stride is {self.stride}; it must be at least 1")

    def run(self, canvas: "Canvas") -> Iterator[int]:
        """As in `Schedule`."""
        most = max(1, (canvas.window[1] + 1) // 2)
        if self.stride > most:
            raise ValueError(
                f"stride is {self.stride}, but a window of {canvas.window[1]} columns allows at "
                f"most {most}"
            )
        yield from _row_by_row(canvas, stride=self.stride)


@dataclass(frozen=True)
class Wavefront(Schedule):
    """Several rows at once: a row begins when the one above is a window's width ahead.

    The same tokens as `Sequential`, in (h − 1)·n + w steps instead of h·w; for a GPU.
    """

    def run(self, canvas: "Canvas") -> Iterator[int]:
        """As in `Schedule`."""
        (rows, columns), (_, n) = canvas.size, canvas.window
        for time in range((rows - 1) * n + columns):
            first = max(0, -(-(time - columns + 1) // n))
            wave = [(i, time - i * n) for i in range(first, min(rows - 1, time // n) + 1)]
            canvas.put_all([position for position in wave if not canvas.is_known(*position)])
            yield len(wave)


def sample_large(
    prior: Prior,
    size: tuple[int, int],
    condition: Any = None,
    sampling: Sampling = Sampling(),  # noqa: B008 (frozen)
    *,
    count: int | None = None,
    seed: int | Sequence[int] = 0,
    known: Known | None = None,
    schedule: Schedule = Sequential(),
    progress: bool = False,
) -> Int[Tensor, "B h w"]:
    """Draw pictures of any size with a sliding window.

    A picture narrower than the window is drawn as wide as that and then cut: the model knows no
    narrower ones. Of rows there may be any number.

    Args:
        prior: a model that writes row by row.
        size: h and w, rows and columns of tokens.
        condition: for the whole picture, see `vqlib.generate.condition`.
        sampling: temperature, top-k, top-p, guidance.
        count: number of pictures, where the condition does not tell it.
        seed: of the first picture, the others count on; or one for each.
        known: tokens (B, h, w) that are given and where; the rest is drawn around them.
        schedule: `Sequential()`, `Wavefront()` or `Strided(8)`.
        progress: show a bar.

    Returns:
        Tokens, int64 in [0, num_codes).

    Raises:
        ValueError: the model has another order, or size, condition or mask do not fit.
    """
    canvas = Canvas(prior, size, condition, sampling, count=count, seed=seed, known=known)
    with (
        evaluating(prior),
        torch.inference_mode(),
        tqdm(total=canvas.num_tokens, unit="token", disable=not progress) as bar,
    ):
        for new in schedule.run(canvas):
            bar.update(new)
    return canvas.tokens[:, :, : size[1]]


class Canvas:
    """A large picture in the making. The arguments are those of `sample_large`."""

    def __init__(
        self,
        prior: Prior,
        size: tuple[int, int],
        condition: Any,
        sampling: Sampling,
        *,
        count: int | None,
        seed: int | Sequence[int],
        known: Known | None,
    ):
        if prior.order.name != "raster":
            raise ValueError(
                f"the model writes in the order {prior.order.name!r}; a window can slide only over "
                "tokens that are written row by row ('raster')"
            )
        h, w = size
        if h < 1 or w < 1:
            raise ValueError(f"size is {h}×{w} tokens; it must be at least 1×1")
        self.count = _count(condition, count, known)
        self.prior, self.picture, self.window = prior, (h, w), prior.config.grid
        self.size = (h, max(w, self.window[1]))
        self.condition, self.sampling = condition, sampling
        self.steps: Steps = stepping(prior, sampling.guidance)
        shape = (self.count, *self.size)
        self.u = noise(seed, self.count, shape[1] * shape[2]).to(prior.device)
        self.tokens = torch.zeros(shape, dtype=torch.int64, device=prior.device)
        self.known = _widened(known, shape, w)
        self.prefix(0, 0)  # a condition that does not fit is named before anything is drawn
        _check_map(prior, condition, self.picture)

    @property
    def num_tokens(self) -> int:
        """Of one picture, with what will be cut off."""
        return self.size[0] * self.size[1]

    def is_known(self, i: int, j: int) -> bool:
        """Whether a token is given in every picture."""
        if self.known is None or not bool(self.known.keep[:, i, j].all()):
            return False
        self.tokens[:, i, j] = self.known.tokens[:, i, j]
        return True

    def prefix(self, top: int, left: int) -> Int[Tensor, "B P"]:
        """Ids of the condition of the window at this place."""
        place = Place(top, left, *self.picture)
        ids = self.prior.config.condition.ids(self.condition, self.count, place)
        return ids.to(self.prior.device)

    def before(self, i: int, j: int, top: int, left: int) -> Int[Tensor, "B t"]:
        """The tokens before (i, j) in the window at this place."""
        n = self.window[1]
        rows = self.tokens[:, top : i + 1, left : left + n].flatten(1)
        return rows[:, : (i - top) * n + j - left]

    def put(self, i: int, j: int, logits: Float[Tensor, "B K"]) -> Int[Tensor, " B"]:
        """Draw a token, or take the known one, and write it down."""
        number = i * self.size[1] + j
        token = fill(self.sampling.draw(logits, self.u[:, number]), self.known, number)
        self.tokens[:, i, j] = token
        return token

    def put_all(self, positions: list[tuple[int, int]]) -> None:
        """Draw the tokens at several positions in one pass of the model."""
        if not positions:
            return
        beginnings, prefixes = [], []
        for i, j in positions:
            top, left = self.corner(i, j)
            beginnings.append(self.before(i, j, top, left))
            prefixes.append(self.prefix(top, left))
        lengths = torch.tensor([b.shape[1] for b in beginnings], device=self.tokens.device)
        longest = int(lengths.max())
        filled = [torch.nn.functional.pad(b, (0, longest - b.shape[1])) for b in beginnings]
        each = lengths.repeat_interleave(self.count)
        logits = self.steps.next_logits(torch.cat(filled), each, torch.cat(prefixes))
        for (i, j), part in zip(positions, logits.split(self.count), strict=True):
            self.put(i, j, part)

    def corner(self, i: int, j: int, *, stride: int = 1) -> tuple[int, int]:
        """Top and left of the window of a position."""
        (rows, columns), (h, w) = self.size, self.window
        return window_start(i, rows, h), window_start(j, columns, w, stride=stride)


def _row_by_row(canvas: Canvas, *, stride: int) -> Iterator[int]:
    """Read the window anew where it has moved, else one more token."""
    steps, (rows, columns) = canvas.steps, canvas.size
    cache = steps.empty_cache(canvas.count)
    for i in range(rows):
        read = None  # window and column that the cache has read up to
        for j in range(columns):
            if not canvas.is_known(i, j):
                top, left = canvas.corner(i, j, stride=stride)
                if read == (left, j - 1):
                    logits = steps.step(canvas.tokens[:, i, j - 1], cache)
                else:
                    before = canvas.before(i, j, top, left)
                    logits = steps.start(before, canvas.prefix(top, left), cache)
                canvas.put(i, j, logits)
                read = (left, j)
            yield 1


def _check_map(prior: Prior, value: Any, picture: tuple[int, int]) -> None:
    """A map must be larger than a window's by the same factors as the picture, up to rounding."""
    condition = prior.config.condition
    if not isinstance(condition, MapCondition):
        return
    for size, side, of_map, of_tokens in zip(
        picture, value.shape[1:], condition.grid, prior.config.grid, strict=True
    ):
        if abs(side * of_tokens - size * of_map) >= of_tokens:
            raise ValueError(
                f"the map has {tuple(value.shape[1:])} tokens and the picture {picture}; windows "
                f"of {prior.config.grid} tokens have maps of {condition.grid}, so these two do not "
                "belong together"
            )


def _count(condition: Any, count: int | None, known: Known | None) -> int:
    """Number of pictures, from whatever tells it."""
    told = [len(x) for x in (condition, known and known.tokens) if x is not None]
    told += [] if count is None else [count]
    if not told:
        raise ValueError("how many pictures? Give count, or a condition for each")
    if len(set(told)) > 1:
        raise ValueError(f"condition, known tokens and count speak of {told} pictures")
    return told[0]


def _widened(known: Known | None, shape: tuple[int, int, int], width: int) -> Known | None:
    """Known tokens on the canvas; what will be cut off is not known."""
    if known is None:
        return None
    expected = (*shape[:2], width)
    if known.tokens.shape != expected:
        raise ValueError(
            f"the known tokens have the shape {tuple(known.tokens.shape)}; {expected} is expected"
        )
    beyond = (0, shape[2] - width)
    tokens = torch.nn.functional.pad(known.tokens, beyond)
    return Known(tokens, torch.nn.functional.pad(known.keep, beyond, value=False))
