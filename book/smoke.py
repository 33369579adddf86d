"""Make a full-scale cell small: the same code with other numbers.

A full-scale cell assigns its settings at the top level (`steps = 100_000`). Its metadata `smoke`
gives small values for some of them, and only these literals change: the code path stays the same.
"""

import ast
from collections.abc import Mapping


def shrink(source: str, values: Mapping[str, object]) -> ast.Module:
    """Parse `source` with the literals that it assigns at top level replaced by `values`.

    Tuple assignments count (`steps, batch_size = 100_000, 64`). Raises `SyntaxError` for code that
    is not plain Python, `ValueError` for a name that no literal is assigned to.
    """
    tree = ast.parse(source)
    literals = {name: literal(name, value) for name, value in values.items()}
    replaced: set[str] = set()
    for node in tree.body:  # the module's own statements: inside a function a name is another name
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            node.value = small_value(node.targets[0], node.value, literals, replaced)
    if missing := [str(name) for name in literals if name not in replaced]:
        raise ValueError(
            f"no literal is assigned to {', '.join(missing)} at the top level of this cell; "
            "write `name = 123` there, or take the name out of smoke"
        )
    return ast.fix_missing_locations(tree)


def small_value(
    target: ast.expr, value: ast.expr, literals: Mapping[str, ast.expr], replaced: set[str]
) -> ast.expr:
    """What to assign to `target` instead of `value`; notes the names it replaces."""
    pairs = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
    if pairs and len(target.elts) == len(value.elts):
        parts = zip(target.elts, value.elts, strict=True)
        return ast.Tuple([small_value(*part, literals, replaced) for part in parts], ast.Load())
    if isinstance(target, ast.Name) and target.id in literals and is_literal(value):
        replaced.add(target.id)
        return literals[target.id]
    return value


def is_literal(node: ast.expr) -> bool:
    """Whether an expression is a number, text, or a collection of these."""
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def literal(name: object, value: object) -> ast.expr:
    """The expression that writes down a value; a date, say, has none."""
    try:
        ast.literal_eval(repr(value))
    except (ValueError, SyntaxError):
        raise ValueError(f"the smoke value of {name}, {value!r}, is not a literal") from None
    return ast.parse(repr(value), mode="eval").body
