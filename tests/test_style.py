"""Lint, format and docstrings, as `make lint` has them."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vqlib.compress import AutoencoderConfig, VQVAEConfig
from vqlib.generate import GPTConfig
from vqlib.train import PriorRecipe, Recipe, VQVAERecipe

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("command", ["check", "format --check"])
def test_ruff_is_content(command):
    ruff = Path(sys.executable).with_name("ruff")
    call = [ruff, *command.split(), "--no-cache", "."]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "config", [AutoencoderConfig, VQVAEConfig, GPTConfig, Recipe, VQVAERecipe, PriorRecipe]
)
def test_every_field_of_a_configuration_has_a_docstring(config):
    source = inspect.getsource(config)
    for field in config.__annotations__:
        assert re.search(rf'    {field}: .*\n    """', source), f"{config.__name__}.{field}"
