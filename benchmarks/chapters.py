"""Seconds that each chapter's cells took when the book was built: `python benchmarks/chapters.py`.

The build executes every notebook once, from its first cell to its last but without the cells for a
GPU, and keeps how long that took beside the outputs. This reads it from there, after `make book`.
"""

import sys
from pathlib import Path

from jupyter_cache import get_cache
from record import table, write

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book"))
from execution import execution_digest, open_cache  # noqa: E402 (only now importable)


def main() -> None:
    """Write the table."""
    cache = get_cache(open_cache(execution_digest(ROOT)))
    seconds = {
        Path(record.uri).stem: record.data["execution_seconds"]
        for record in sorted(cache.list_cache_records(), key=lambda record: record.created)
    }
    chapters = sorted(path.stem for path in (ROOT / "book/chapters").glob("*.md"))
    if missing := [name for name in chapters if name not in seconds]:
        sys.exit(f"the book has not been built since {', '.join(missing)} changed: run make book")
    rows = [[name, f"{seconds[name]:.0f}"] for name in chapters]
    rows.append(["all", f"{sum(seconds[name] for name in chapters):.0f}"])
    write("chapters", table(["chapter", "seconds"], rows))


if __name__ == "__main__":
    main()
