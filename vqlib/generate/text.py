"""Captions as ids before the tokens of a picture: words that a prior knows."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vqlib.generate.condition import Place, check_positive, check_tensor, everywhere


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
        check_positive(self, "max_words")
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
            check_tensor(value, (count, self.length), self.num_ids, what="words")
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
        return everywhere(embedded, height, width)


def _latin_run(text: str) -> str:
    """The ASCII letters and digits that a text begins with."""
    end = 0
    while end < len(text) and text[end].isascii() and text[end].isalnum():
        end += 1
    return text[:end]
