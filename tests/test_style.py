"""Lint, format and docstrings, as `make lint` has them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from vqlib.saved.model import MODELS, PARTS

ROOT = Path(__file__).parent.parent
# Their frozen dataclasses are set by users; those of data, measure and show are results.
CONFIGURED = ("cli", "compress", "generate", "train")


@pytest.mark.parametrize("command", ["check", "format --check"])
def test_ruff_is_content(command):
    ruff = Path(sys.executable).with_name("ruff")
    call = [ruff, *command.split(), "--no-cache", "."]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def configurations() -> dict[str, ast.ClassDef]:
    """Every frozen dataclass of the packages that are configured, by module and name."""
    found = {}
    for package in CONFIGURED:
        for path in sorted((ROOT / "vqlib" / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef) and is_frozen_dataclass(node):
                    found[f"{path.relative_to(ROOT)}:{node.name}"] = node
    return found


def is_frozen_dataclass(node: ast.ClassDef) -> bool:
    return any(
        isinstance(decorator, ast.Call)
        and ast.unparse(decorator.func) in ("dataclass", "dataclasses.dataclass")
        and any(k.arg == "frozen" and ast.unparse(k.value) == "True" for k in decorator.keywords)
        for decorator in node.decorator_list
    )


def is_text(node: ast.stmt | None) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def bare_fields(node: ast.ClassDef) -> list[str]:
    """Fields that are not followed by a docstring; commands to choose from have their own."""
    following = [*node.body[1:], None]
    return [
        ast.unparse(statement.target)
        for statement, after in zip(node.body, following, strict=True)
        if isinstance(statement, ast.AnnAssign)
        and not is_text(after)
        and "subcommand(" not in ast.unparse(statement.annotation)
    ]


CONFIGURATIONS = configurations()


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_field_of_a_configuration_has_a_docstring(name):
    assert bare_fields(CONFIGURATIONS[name]) == []


def test_every_configuration_is_found_and_a_bare_field_too():
    classes = {name.split(":")[1] for name in CONFIGURATIONS}
    assert classes >= {kind.__name__ for _, kind in MODELS.values()} | PARTS.keys()
    assert classes >= {"Recipe", "Stage1Recipe", "VQVAERecipe", "VQGANRecipe", "PriorRecipe"}
    assert classes >= {"FeatureRecipe", "Train", "TrainVQGAN", "Reconstruct", "Measure", "Sample"}
    lines = ["class A:", "x: int = (", "1)", "'Said.'", "y: int", "z: int = 2", "'Said.'"]
    (node,) = ast.parse("\n  ".join(lines)).body
    assert bare_fields(node) == ["y"]
