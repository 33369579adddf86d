"""The flags of a command, as its users type them and as messages should name them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Union, get_args, get_origin, get_type_hints

from tyro.conf import Positional

# What other programs call them.
SYNONYMS = {
    "--lr": "--learning-rate",
    "--epochs": "--steps",
    "--iterations": "--steps",
    "--bs": "--batch-size",
    "--output": "--out",
    "--dataset": "--data",
    "--checkpoint": "--model",
    "--init-from": "--start-from",
    "--gpu": "--device",
    "--num-workers": "--workers",
    "--image-size": "--size",
    "--resolution": "--size",
    "--num-samples": "--count",
    "--prompt": "--text",
}

# Fields of the library that a flag sets under a shorter name.
OTHER_NAMES = {"image_size": "--size", "image_channels": "--channels"}


def subcommands(kind: type) -> dict[str, type]:
    """The commands below a command, by name; none where it is one that runs."""
    hints = get_type_hints(kind, include_extras=True)
    found = {}
    for field in fields(kind):
        for part in _members(hints[field.name]):
            if get_origin(part) is Annotated:
                command, *notes = get_args(part)
                names = [note.name for note in notes if getattr(note, "name", None)]
                found |= dict.fromkeys(names, command) if is_dataclass(command) else {}
    return found


def _members(hint: object) -> tuple[object, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def chosen(kind: type, words: list[str]) -> tuple[list[str], type]:
    """Which command the first words name: its path from the top, and its class."""
    path: list[str] = []
    for word in words:
        below = subcommands(kind)
        if word not in below:
            break
        path.append(word)
        kind = below[word]
    return path, kind


def field_names(kind: type) -> Iterator[tuple[str, bool]]:
    """Each field of a command that runs, and of the groups in it: name, whether it has a flag."""
    plain, hints = get_type_hints(kind), get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        if is_dataclass(plain[field.name]):
            yield from field_names(plain[field.name])
        else:
            yield field.name, not _is_positional(hints[field.name], plain[field.name])


def _is_positional(hint: object, plain: object) -> bool:
    return hint == Positional[plain]


def flag(name: str) -> str:
    """The flag of a field."""
    return "--" + name.replace("_", "-")


def flags(kind: type) -> list[str]:
    """All flags of a command that runs."""
    return [flag(name) for name, has_flag in field_names(kind) if has_flag]


def with_flags(message: str, kind: type) -> str:
    """A message of the library, which names fields, in the words of the command line.

    A name with an underscore is a flag wherever it stands; a plain word only where a message begins
    with what is wrong, as in "steps is 0", or compares values, as in "(seed: 0 then, 1 now)".
    """
    known = {name[2:].replace("-", "_"): name for name in flags(kind)}
    known |= {word: name for word, name in OTHER_NAMES.items() if name in known.values()}
    for word, name in sorted(known.items(), key=lambda pair: len(pair[0]), reverse=True):
        anywhere = rf"(?<![\w./-]){word}(?![\w./(-])"
        begins = rf"^{word}(?= (is|needs) )|(?<=[(,] ){word}(?=: )|(?<=\(){word}(?=: )"
        message = re.sub(anywhere if "_" in word else begins, name, message)
    return message.replace("(broken: skip)", "with --broken skip")


def meant(unknown: str, known: list[str], synonyms: Mapping[str, str] = SYNONYMS) -> str | None:
    """The flag or command that was probably meant, if any comes near."""
    if synonyms.get(unknown) in known:
        return synonyms[unknown]
    near = get_close_matches(unknown, known, n=1, cutoff=0.7)
    return near[0] if near else None
