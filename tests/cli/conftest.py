"""Small models and pictures for the tests of the command line."""

from pathlib import Path

import pytest

from tests.cli.commands import tiny_codec, write_pictures


@pytest.fixture(scope="session")
def codec(tmp_path_factory) -> Path:
    """Folder of a tiny untrained codec of colour pictures."""
    return tiny_codec(tmp_path_factory.mktemp("models") / "colour")


@pytest.fixture(scope="session")
def grey_codec(tmp_path_factory) -> Path:
    """The same for grey pictures."""
    return tiny_codec(tmp_path_factory.mktemp("models") / "grey", channels=1)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """Folder of twelve small colour pictures; some of them are held out."""
    return write_pictures(tmp_path_factory.mktemp("own") / "pictures", 12)
