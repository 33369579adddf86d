"""The ledger: what the package carries in weights, in one table, and what they may weigh."""

import json
from pathlib import Path

# Of all weights that the package carries or will carry, in bytes.
BUDGET = 25_000_000


def write_ledger(root: Path) -> None:
    """Write `LEDGER.md` beside the model folders.

    Args:
        root: folder of the model folders.
    """
    (root / "LEDGER.md").write_text(ledger(root), encoding="utf-8")


def ledger(root: Path) -> str:
    """The table: model, bytes, parameters, seconds and machine of its training, and its commit."""
    rows, total = [], 0
    for path in sorted(root.glob("*/record.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        size = sum(file.stat().st_size for file in path.parent.iterdir())
        total += size
        cells = [
            path.parent.name,
            f"{size:,}",
            f"{record['parameters']:,}",
            f"{record['seconds']:,}",
        ]
        rows.append(" | ".join([*cells, record["machine"], record.get("commit", "")]))
    head = "model | bytes | parameters | seconds | machine | commit"
    lines = [
        f"# Weights in the package: {total:,} of {BUDGET:,} bytes",
        "",
        "Half precision throughout. Written by `python -m vqlib.course.make_weights`.",
        "",
        f"| {head} |",
        "|" + " --- |" * len(head.split("|")),
        *(f"| {row} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"
