"""Execute one notebook and keep its outputs where the book's build looks for them.

    python book/run_notebook.py NOTEBOOK CACHE

What Sphinx would do for each notebook in turn; `execution.execute_ahead` does it for several at
once. Fails, and keeps nothing, where a cell fails: Sphinx then says which.
"""  # fmt: skip

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution

TIMEOUT = 600  # seconds for a cell, as in _config.yml


def main(path: Path, cache_folder: Path) -> int:
    """The exit status: 1 where a cell has failed."""
    notebook = nbformat.read(path, as_version=4)
    with TemporaryDirectory() as folder:
        options = {"timeout": TIMEOUT, "allow_errors": False, "meta_override": True}
        result = single_nb_execution(notebook, cwd=folder, **options)
    if result.err is not None:
        print(str(result.err).strip().splitlines()[-1], file=sys.stderr)
        return 1
    data = {"execution_seconds": result.time}
    bundle = CacheBundleIn(notebook, str(path), data=data)
    cache = get_cache(cache_folder)
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
