"""Classes, by number or by name."""

from collections.abc import Sequence
from difflib import get_close_matches


def numbered(classes: Sequence[str], *, most: int = 20) -> str:
    """Numbers and names of classes, those in the middle left out where there are very many."""
    words = [f"{number} {name}" for number, name in enumerate(classes)]
    if len(words) > most:
        words = [*words[: most - 1], "…", words[-1]]
    return ", ".join(words)


def find_class(label: str, classes: Sequence[str], num_classes: int) -> int:
    """The number of a class.

    Args:
        label: its name as it is written, or in other capitals where only one is meant; else its
            number. A name counts first, also one such as 7.
        classes: all names; none where there are only numbers.
        num_classes: how many classes there are.

    Raises:
        ValueError: no such class; the message lists those there are.
    """
    if label in classes:
        return classes.index(label)
    alike = [n for n, name in enumerate(classes) if name.casefold() == label.casefold()]
    if len(alike) == 1:
        return alike[0]
    if label.isdecimal() and int(label) < num_classes:
        return int(label)
    if not classes:
        raise ValueError(f"--label is {label}; this prior knows 0 to {num_classes - 1}")
    near = get_close_matches(label, classes)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(f"--label is {label!r}; this prior knows {numbered(classes)}{hint}")
