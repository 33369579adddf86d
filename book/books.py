"""The books of the site, one per language: their settings and tables of contents."""

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import yaml


class BuildError(Exception):
    """The book cannot be built; the message says why, for the person who reads the terminal."""


@dataclass(frozen=True)
class Book:
    """One language's book: merged settings, table of contents, and its folder in the site."""

    language: str
    config: dict
    toc: dict
    folder: str

    @property
    def about(self) -> dict:
        """What `book_languages` in the settings says of this book's language."""
        return self.config["sphinx"]["config"]["book_languages"][self.language]

    @property
    def path(self) -> str:
        """Address of the book's folder below the site's root: empty, or ending in a slash."""
        return f"{self.folder}/" if self.folder else ""

    @property
    def url(self) -> str:
        """Address of the published book, with a slash at its end."""
        return self.config["html"]["baseurl"] + self.path


def merge(base: dict, changes: dict) -> dict:
    """`base` with `changes` laid over it; dicts are merged, anything else is replaced."""
    merged = dict(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = merge(base[key], value) if nested else value
    return merged


def read_yaml(path: Path) -> dict:
    """The content of a YAML file; an absent file is an empty one."""
    return (yaml.safe_load(path.read_text("utf-8")) or {}) if path.exists() else {}


def read_books(root: Path) -> list[Book]:
    """The books that `_config.yml` lists, in its order, each with what its own files change."""
    base = read_yaml(root / "_config.yml")
    books = []
    for language, about in base["sphinx"]["config"]["book_languages"].items():
        own = root / "book" / language
        config = merge(base, read_yaml(own / "_config.yml"))
        toc = read_yaml(own / "_toc.yml") or read_yaml(root / "_toc.yml")
        books.append(Book(language, config, toc, about["folder"]))
    return books


def pages(toc: dict) -> list[str]:
    """Names of all pages of a table of contents, in reading order."""
    return [toc["root"], *(page["file"] for part in toc["parts"] for page in part["chapters"])]


def outline(book: Book) -> list[str]:
    """The table of contents without its captions and language: equal for twins."""
    names = [book.toc["root"]]
    for part in book.toc["parts"]:
        names += ["(a new part)", *(page["file"] for page in part["chapters"])]
    return [name.replace(f"/{book.language}/", "/*/") for name in names]


def check_mirrored(books: list[Book]) -> None:
    """Raise BuildError where two books do not have the same pages in the same parts and order."""
    first, *others = books
    for other in others:
        pairs = zip_longest(outline(first), outline(other), fillvalue="(nothing more)")
        for entry, (ours, theirs) in enumerate(pairs, start=1):
            if ours != theirs:
                raise BuildError(
                    f"The tables of contents differ at entry {entry}: {first.language} has "
                    f"{ours}, {other.language} has {theirs}. List the same pages in both."
                )
