"""Small models and pictures for the tests of the command line."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.cli.commands import tiny_codec, write_pictures
from tests.cli.pipelines import tiny_label_codec, tiny_palette, tiny_pipeline, write_label_map
from vqlib.data import catalogue


@pytest.fixture(scope="session")
def codec(tmp_path_factory) -> Path:
    """Folder of a tiny untrained codec of colour pictures."""
    return tiny_codec(tmp_path_factory.mktemp("models") / "colour")


@pytest.fixture(scope="session")
def grey_codec(tmp_path_factory) -> Path:
    """The same for grey pictures."""
    return tiny_codec(tmp_path_factory.mktemp("models") / "grey", channels=1)


@pytest.fixture(scope="session")
def label_codec(tmp_path_factory) -> Path:
    """The same for label maps."""
    return tiny_label_codec(tmp_path_factory.mktemp("models") / "labels")


@pytest.fixture(scope="session")
def palette(tmp_path_factory) -> Path:
    """Folder of a palette of eight colours."""
    return tiny_palette(tmp_path_factory.mktemp("models") / "palette")


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory) -> Callable[[str], Path]:
    """Folder of a tiny untrained pipeline, by the kind of its condition."""
    root = tmp_path_factory.mktemp("pipelines")
    return cache(lambda kind: tiny_pipeline(root / kind, kind))


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """Folder of twelve small colour pictures; some of them are held out."""
    return write_pictures(tmp_path_factory.mktemp("own") / "pictures", 12)


@pytest.fixture(scope="session")
def label_maps(tmp_path_factory) -> Path:
    """Folder of their label maps."""
    folder = tmp_path_factory.mktemp("own") / "maps"
    for number in range(12):
        write_label_map(folder / f"{number:02d}.png", 40, 50)
    return folder


@pytest.fixture
def few_scenes(monkeypatch) -> None:
    """Scenes are painted one by one, which takes its time."""
    monkeypatch.setattr(catalogue, "NUM_SCENES", {"train": 8, "held_out": 4})
