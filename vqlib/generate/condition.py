"""What a picture is drawn from, as ids before its tokens: a class, another picture, a place, words.

Every kind turns its own values into a prefix of P ids out of V. These ids have an embedding table
of their own, so that none of them can be mistaken for a code of the picture.

Source: Esser et al., *Taming Transformers*, section 3.2 (p(s) = ∏ p(sᵢ | s₍<ᵢ₎, c), c prepended).
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Place(NamedTuple):
    """Where a window lies in a picture, in tokens."""

    top: int
    left: int
    height: int
    """Of the whole picture."""
    width: int
    """Of the whole picture."""


@runtime_checkable
class Condition(Protocol):
    """The contract of every kind of condition. The kinds are plain data and part of a model."""

    @property
    def num_ids(self) -> int:
        """V, how many different ids there are."""
        ...

    @property
    def length(self) -> int:
        """P, ids in a prefix."""
        ...

    def ids(self, value: Any, count: int, place: Place | None = None) -> Int[Tensor, "B P"]:
        """The prefixes of `count` pictures, int64 in [0, V).

        Args:
            value: what this kind takes; see there.
            count: B, number of pictures.
            place: the window to draw, if the picture is larger than one.

        Raises:
            ValueError: the value is of another kind, number or range.
        """
        ...

    def spread(
        self, embedded: Float[Tensor, "B P C"], height: int, width: int
    ) -> Float[Tensor, "B C h w"]:
        """Embedded ids laid on a grid of tokens, for models that know no prefix."""
        ...


@dataclass(frozen=True)
class NoCondition:
    """Nothing: the prefix is one start token. The value is None."""

    @property
    def num_ids(self) -> int:
        """1."""
        return 1

    @property
    def length(self) -> int:
        """1."""
        return 1

    def ids(self, value: None, count: int, place: Place | None = None) -> Int[Tensor, "B 1"]:
        """Zeros, the start token."""
        if value is not None:
            raise ValueError("this model knows no condition; give None")
        return torch.zeros(count, 1, dtype=torch.int64)

    def spread(
        self, embedded: Float[Tensor, "B P C"], height: int, width: int
    ) -> Float[Tensor, "B C h w"]:
        """The same everywhere."""
        return everywhere(embedded, height, width)


@dataclass(frozen=True)
class ClassCondition:
    """One class per picture. The value is an int64 tensor (B,)."""

    num_classes: int
    """Classes are 0 … num_classes − 1."""

    def __post_init__(self):
        check_positive(self, "num_classes")

    @property
    def num_ids(self) -> int:
        """The number of classes."""
        return self.num_classes

    @property
    def length(self) -> int:
        """1."""
        return 1

    def ids(
        self, value: Int[Tensor, " B"], count: int, place: Place | None = None
    ) -> Int[Tensor, "B 1"]:
        """The classes, in a column."""
        check_tensor(value, (count,), self.num_classes, what="classes")
        return value[:, None]

    def spread(
        self, embedded: Float[Tensor, "B P C"], height: int, width: int
    ) -> Float[Tensor, "B C h w"]:
        """The same everywhere."""
        return everywhere(embedded, height, width)


@dataclass(frozen=True)
class MapCondition:
    """The tokens of another picture: its segmentation, depth, edges, a small copy, its upper half.

    The value is an int64 tensor (B, h, w). For a picture larger than the window the map is larger
    by the same factors; each window sees the part that lies on it.

    Source: *Taming Transformers*, section 3.2 (a second VQGAN makes the tokens) and 4.2.
    """

    num_codes: int
    """Codes of the map's codec."""
    grid: tuple[int, int]
    """Rows and columns of the map's tokens on one window."""

    def __post_init__(self):
        check_positive(self, "num_codes")
        check_grid(self.grid)

    @property
    def num_ids(self) -> int:
        """The number of codes."""
        return self.num_codes

    @property
    def length(self) -> int:
        """Tokens of one window's map."""
        return self.grid[0] * self.grid[1]

    def ids(
        self, value: Int[Tensor, "B h w"], count: int, place: Place | None = None
    ) -> Int[Tensor, "B P"]:
        """The map's tokens in raster order; outside of it those at its border go on."""
        rows, columns = self.grid
        if place is None:
            check_tensor(value, (count, rows, columns), self.num_codes, what="tokens of a map")
            return value.flatten(1)
        check_tensor(value, (count, None, None), self.num_codes, what="tokens of a map")
        _, h, w = value.shape
        i = (place.top * h // place.height + torch.arange(rows)).clamp(max=h - 1)
        j = (place.left * w // place.width + torch.arange(columns)).clamp(max=w - 1)
        return value[:, i.to(value.device)][:, :, j.to(value.device)].flatten(1)

    def spread(
        self, embedded: Float[Tensor, "B P C"], height: int, width: int
    ) -> Float[Tensor, "B C h w"]:
        """Each token of the map where it lies, enlarged or thinned out where the grids differ."""
        laid = embedded.transpose(1, 2).unflatten(2, self.grid)
        return torch.nn.functional.interpolate(laid, (height, width), mode="nearest")


@dataclass(frozen=True)
class CoordinateCondition:
    """Where in the picture each row and each column of the window lies.

    A position is its share of the picture's height (width), rounded down to one of `bins` steps.
    The prefix is the steps of the rows, then those of the columns: h + w ids say as much as h·w
    pairs, and both the row and the column are kept.

    The value is None where one window is the whole picture or `place` says where it lies; or an
    int64 tensor (B, 4) of `Place`s, one per picture.

    Source: *Taming Transformers*, section 3.2 ("condition on image coordinates"); table 8.
    """

    grid: tuple[int, int]
    """Rows and columns of the window."""
    bins: int = 16
    """Steps from the top to the bottom, and as many from the left to the right."""

    def __post_init__(self):
        check_positive(self, "bins")
        check_grid(self.grid)

    @property
    def num_ids(self) -> int:
        """Steps of rows and of columns; the latter have their own ids."""
        return 2 * self.bins

    @property
    def length(self) -> int:
        """Rows and columns of the window."""
        return sum(self.grid)

    def ids(
        self, value: Int[Tensor, "B 4"] | None, count: int, place: Place | None = None
    ) -> Int[Tensor, "B P"]:
        """The steps of the window's rows and columns; past the border the last step goes on."""
        if value is None:
            place = place or Place(0, 0, *self.grid)
            value = torch.tensor([place]).expand(count, 4)
        elif place is not None:
            raise ValueError("in a larger picture the windows' places are known; give None")
        check_tensor(value, (count, 4), None, what="places (top, left, height, width)")
        if not value.is_cuda and (value < value.new_tensor([0, 0, 1, 1])).any():
            raise ValueError(
                f"places are {value.tolist()}; top and left start at 0, height and width at 1"
            )
        rows, columns = (torch.arange(n, device=value.device) for n in self.grid)
        top, left, height, width = value.unsqueeze(2).unbind(1)  # each (B, 1)
        last = self.bins - 1
        i = ((top + rows) * self.bins // height).clamp(0, last)
        j = ((left + columns) * self.bins // width).clamp(0, last)
        return torch.cat([i, self.bins + j], dim=1)

    def spread(
        self, embedded: Float[Tensor, "B P C"], height: int, width: int
    ) -> Float[Tensor, "B C h w"]:
        """At each position the sum of its row's and its column's."""
        rows, columns = embedded.transpose(1, 2).split(self.grid, dim=2)
        return rows[..., :, None] + columns[..., None, :]


def check_grid(grid: tuple[int, int]) -> None:
    """Raise `ValueError` unless there is a row and a column."""
    if len(grid) != 2 or min(grid) < 1:
        raise ValueError(f"grid is {grid}; rows and columns are expected, at least 1 each")


def everywhere(
    embedded: Float[Tensor, "B P C"], height: int, width: int
) -> Float[Tensor, "B C h w"]:
    """The mean of the embedded ids, at each position of a grid."""
    return embedded.mean(1)[:, :, None, None].expand(-1, -1, height, width)


def check_positive(config: Any, name: str) -> None:
    """Raise `ValueError` unless a field of a condition is at least 1."""
    if getattr(config, name) < 1:
        raise ValueError(f"{name} is {getattr(config, name)}; it must be at least 1")


def check_tensor(
    value: Any, shape: tuple[int | None, ...], num_ids: int | None, *, what: str
) -> None:
    """Raise `ValueError` unless it is an int64 tensor of this shape, with ids in [0, num_ids).

    Args:
        value: what is given.
        shape: that is expected; None is any size.
        num_ids: None is any range.
        what: the values are, in words.
    """
    expected = tuple("any" if size is None else size for size in shape)
    if not isinstance(value, Tensor):
        raise ValueError(f"{what} are {value!r}; an int64 tensor of shape {expected} is expected")
    fits = value.ndim == len(shape) and all(
        size in (None, given) for size, given in zip(shape, value.shape, strict=True)
    )
    if not fits or value.dtype != torch.int64:
        raise ValueError(
            f"{what} have the shape {tuple(value.shape)} and are {value.dtype}; "
            f"int64 of shape {expected} is expected"
        )
    # Reading the range from a GPU would stall the queue; there the embedding asserts it.
    if num_ids is None or value.is_cuda or value.numel() == 0:
        return
    low, high = int(value.min()), int(value.max())
    if low < 0 or high >= num_ids:
        raise ValueError(f"{what} range over [{low}, {high}], this model knows 0 to {num_ids - 1}")
