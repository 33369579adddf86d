"""How long functions and files are: `python tests/code_size.py [FOLDER]`, by default `vqlib`.

A function or a file has all of its lines, with docstrings, comments and blanks. A line of code is
one that holds more than these.
"""

import ast
import io
import sys
import tokenize
from dataclasses import dataclass
from pathlib import Path

VQLIB = Path(__file__).parent.parent / "vqlib"
# Checks of exercises explain mistakes at length.
ASIDE = Path("course/checks")
WORDLESS = (
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
    tokenize.ENDMARKER,
)


@dataclass(frozen=True)
class Sizes:
    """What was counted in a folder."""

    functions: dict[str, int]
    """Lines by file and name, the checks of exercises aside."""
    files: dict[str, int]
    """Lines by file, likewise."""
    code: int
    """Lines of code in all files."""

    def share(self, part: float) -> int:
        """So many lines, or fewer, has this part of the functions."""
        lengths = sorted(self.functions.values())
        return lengths[min(int(part * len(lengths)), len(lengths) - 1)]


def sizes(folder: Path = VQLIB) -> Sizes:
    """Count all Python files below a folder."""
    functions, files, code = {}, {}, 0
    for path in sorted(folder.rglob("*.py")):
        name, text = path.relative_to(folder), path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        code += len(code_lines(text, tree))
        if name.is_relative_to(ASIDE):
            continue
        files[str(name)] = len(text.splitlines())
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                key = f"{name}:{node.lineno} {node.name}"
                functions[key] = node.end_lineno - node.lineno + 1
    return Sizes(functions, files, code)


def code_lines(text: str, tree: ast.AST) -> set[int]:
    """Numbers of the lines that hold code."""
    found = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in WORDLESS:
            found |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree):  # docstrings, also those under fields: constants that do nothing
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found -= set(range(node.lineno, node.end_lineno + 1))
    return found


def main() -> None:
    """Print the counts, the longest functions and files."""
    found = sizes(Path(sys.argv[1]) if len(sys.argv) > 1 else VQLIB)
    print(f"code lines {found.code}, functions {len(found.functions)}")
    print(f"function: median {found.share(0.5)}, ninth decile {found.share(0.9)}")
    for counted in (found.functions, found.files):
        for name in sorted(counted, key=counted.get, reverse=True)[:16]:
            print(f"{counted[name]:5} {name}")


if __name__ == "__main__":
    main()
