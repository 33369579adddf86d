"""What a picture is drawn from, as ids before its tokens: a class, another picture, a place, words.

Every kind turns its own values into a prefix of P ids out of V. These ids have an embedding table
of their own, so that none of them can be mistaken for a code of the picture.

Source: Esser et al., *Taming Transformers*, section 3.2 (p(s) = ∏ p(sᵢ | s₍<ᵢ₎, c), c prepended).
"""

from collections.abc import Sequence
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
        return _everywhere(embedded, height, width)


@dataclass(frozen=True)
class ClassCondition:
    """One class per picture. The value is an int64 tensor (B,)."""

    num_classes: int
    """Classes are 0 … num_classes − 1."""

    def __post_init__(self):
        _check_positive(self, "num_classes")

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
        _check_tensor(value, (count,), self.num_classes, what="classes")
        return value[:, None]

    def spread(
        self, embedded: Float[Tensor, "B P C"], height: int, width: int
    ) -> Float[Tensor, "B C h w"]:
        """The same everywhere."""
        return _everywhere(embedded, height, width)


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
        _check_positive(self, "num_codes")
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
            _check_tensor(value, (count, rows, columns), self.num_codes, what="tokens of a map")
            return value.flatten(1)
        _check_tensor(value, (count, None, None), self.num_codes, what="tokens of a map")
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

    Source: *Taming Transformers*, section 4.2 and appendix (coordinates for aligned faces).
    """

    grid: tuple[int, int]
    """Rows and columns of the window."""
    bins: int = 16
    """Steps from the top to the bottom, and as many from the left to the right."""

    def __post_init__(self):
        _check_positive(self, "bins")
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
        _check_tensor(value, (count, 4), None, what="places (top, left, height, width)")
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


@dataclass(frozen=True)
class TextCondition:
    """A caption in known words. The value is a list of B strings, or an int64 tensor (B, P).

    Id 0 fills up short captions. Latin words end at a space or a comma; Chinese, which is written
    without spaces, is cut into the longest known words.
    """

    words: tuple[str, ...]
    """All words, commas among them; word number n has the id n + 1."""
    max_words: int
    """P, words in the longest caption."""

    def __post_init__(self):
        _check_positive(self, "max_words")
        if not self.words or len(set(self.words)) < len(self.words) or "" in self.words:
            raise ValueError(f"words are {self.words}; at least one is needed, each one once")
        capitals = [word for word in self.words if word != word.lower()]
        if capitals:
            raise ValueError(f"the words {capitals} have capitals; captions are read in lower case")

    @classmethod
    def of(cls, captions: Sequence[Sequence[str]]) -> "TextCondition":
        """All words of captions that are cut into words already, in alphabetical order."""
        words = sorted({word.lower() for caption in captions for word in caption})
        return cls(tuple(words), max(map(len, captions), default=0))

    @property
    def num_ids(self) -> int:
        """The words, and the id that fills up."""
        return len(self.words) + 1

    @property
    def length(self) -> int:
        """Words in the longest caption."""
        return self.max_words

    def ids(
        self, value: Sequence[str] | Int[Tensor, "B P"], count: int, place: Place | None = None
    ) -> Int[Tensor, "B P"]:
        """The numbers of the captions' words, filled up with zeros."""
        if isinstance(value, Tensor):
            _check_tensor(value, (count, self.length), self.num_ids, what="words")
            return value
        if isinstance(value, str) or value is None or len(value) != count:
            raise ValueError(f"captions are {value!r}; a list of {count} strings is expected")
        ids = torch.zeros(count, self.length, dtype=torch.int64)
        for row, caption in zip(ids, value, strict=True):
            numbers = [self.words.index(word) + 1 for word in self.cut(caption)]
            row[: len(numbers)] = torch.tensor(numbers, dtype=torch.int64)
        return ids

    def cut(self, caption: str) -> list[str]:
        """A caption as known words.

        Raises:
            ValueError: a word is not known, or there are too many; the message names it.
        """
        rest, found = caption.lower().strip(), []
        while rest:
            word = self._first_word(rest, caption)
            found.append(word)
            rest = rest[len(word) :].lstrip()
        if len(found) > self.max_words:
            raise ValueError(
                f"{caption!r} has {len(found)} words; this model reads at most {self.max_words}"
            )
        return found

    def _first_word(self, rest: str, caption: str) -> str:
        latin = _latin_run(rest)
        matches = [latin] if latin else [w for w in self.words if rest.startswith(w)]
        word = max(matches, key=len, default=rest[:1])
        if word not in self.words:
            known = ", ".join(map(repr, self.words))
            raise ValueError(f"{caption!r}: the word {word!r} is not known; there are: {known}")
        return word

    def spread(
        self, embedded: Float[Tensor, "B P C"], height: int, width: int
    ) -> Float[Tensor, "B C h w"]:
        """The mean of the words, everywhere."""
        return _everywhere(embedded, height, width)


def check_grid(grid: tuple[int, int]) -> None:
    """Raise `ValueError` unless there is a row and a column."""
    if len(grid) != 2 or min(grid) < 1:
        raise ValueError(f"grid is {grid}; rows and columns are expected, at least 1 each")


def _latin_run(text: str) -> str:
    """The ASCII letters and digits that a text begins with."""
    end = 0
    while end < len(text) and text[end].isascii() and text[end].isalnum():
        end += 1
    return text[:end]


def _everywhere(
    embedded: Float[Tensor, "B P C"], height: int, width: int
) -> Float[Tensor, "B C h w"]:
    return embedded.mean(1)[:, :, None, None].expand(-1, -1, height, width)


def _check_positive(config: Any, name: str) -> None:
    if getattr(config, name) < 1:
        raise ValueError(f"{name} is {getattr(config, name)}; it must be at least 1")


def _check_tensor(
    value: Any, shape: tuple[int | None, ...], num_ids: int | None, *, what: str
) -> None:
    """Shape (None: any size), kind of number and range (None: any)."""
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
