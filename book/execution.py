"""How the book's notebooks are executed: which cache keeps the outputs, which Python runs them."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from ipykernel.kernelspec import write_kernel_spec
from jupyter_cache import get_cache
from jupyter_cache.base import JupyterCacheAbstract

KEEP_CACHES = 30 * 24 * 3600  # seconds since last use
RUN_NOTEBOOK = Path(__file__).with_name("run_notebook.py")
MOST_AT_ONCE = 8  # each takes up to 1.5 GB


def library_files(root: Path) -> list[Path]:
    """The files, besides a notebook itself, on which its outputs depend; sorted."""
    files = [path for path in (root / "vqlib").rglob("*") if "__pycache__" not in path.parts]
    files += [root / "requirements.txt", root / "constraints.txt"]
    return sorted(path for path in files if path.is_file())


def execution_digest(root: Path) -> str:
    """A name for the state of the library and its requirements.

    The cache knows a notebook by its code cells alone: under one name for all states, it would go
    on showing the outputs of a library that has changed since.
    """
    digest = hashlib.sha256()
    for path in library_files(root):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()[:16]


def settle_home(fallback: Path) -> None:
    """Let `fallback` be the home of this process and its children where the user's is not writable.

    Else matplotlib would complain in the notebooks, which fails the build, and npm has no cache.
    """
    if not os.access(Path("~").expanduser(), os.W_OK):
        fallback.mkdir(parents=True, exist_ok=True)
        os.environ["HOME"] = str(fallback)


def open_cache(digest: str) -> Path:
    """The folder of this digest's outputs; folders long out of use are removed."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vqlib-book"
    cache = home / digest
    cache.mkdir(parents=True, exist_ok=True)
    os.utime(cache)
    for other in home.iterdir():
        if other.stat().st_mtime < time.time() - KEEP_CACHES:
            shutil.rmtree(other, ignore_errors=True)
    return cache


def make_kernel(folder: Path) -> Path:
    """Write a Jupyter kernel `python3` that is the Python running this; return `folder`."""
    kernel = folder / "kernels" / "python3"
    shutil.rmtree(kernel, ignore_errors=True)
    kernel.parent.mkdir(parents=True, exist_ok=True)
    write_kernel_spec(kernel)
    return folder


def execute_ahead(notebooks: list[Path], cache_folder: Path, env: Mapping[str, str]) -> list[Path]:
    """Execute the notebooks whose outputs are not in the cache, as many at once as there are cores.

    Each has its share of the cores: for models as small as the lessons' a second thread saves less
    than a second notebook. A notebook that fails is left to Sphinx, which says why.

    Returns:
        The notebooks that were executed.
    """
    cache = get_cache(cache_folder)
    missing = [path for path in notebooks if not _is_cached(cache, path)]
    cores = os.cpu_count() or 1
    at_once = max(1, min(cores, len(missing), MOST_AT_ONCE))
    env = {"OMP_NUM_THREADS": str(max(1, cores // at_once)), **env}

    def execute(path: Path) -> Path | None:
        started = time.monotonic()
        call = [sys.executable, str(RUN_NOTEBOOK), str(path), str(cache_folder)]
        done = subprocess.run(call, env=env, capture_output=True, encoding="utf-8", check=False)
        seconds = f"{time.monotonic() - started:.0f} s"
        why = "".join(done.stderr.splitlines()[-1:]) if done.returncode else ""
        print(f"  {path.name}: {seconds}{why and f', failed: {why}'}", flush=True)
        return None if done.returncode else path

    with ThreadPoolExecutor(at_once) as pool:
        # Those that take longest are in the first half of the course: in its order.
        return [path for path in pool.map(execute, missing) if path is not None]


def _is_cached(cache: JupyterCacheAbstract, path: Path) -> bool:
    try:
        cache.match_cache_notebook(nbformat.read(path, as_version=4))
    except KeyError:
        return False
    return True


def environment(root: Path, kernels: Path) -> dict[str, str]:
    """Environment in which notebooks import the library of `root` and run the kernel of `kernels`.

    Without JUPYTER_PATH, a kernel that the user installed under the same name could come first.
    A foreign MPLBACKEND would switch inline pictures off.
    """
    path = [str(root), os.environ.get("PYTHONPATH", "")]
    own = {
        "JUPYTER_PATH": str(kernels),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "PYTHONUTF8": "1",
        "VQLIB_BOOK": "1",  # nobody predicts here (vqlib.course.labs)
    }
    return {key: value for key, value in os.environ.items() if key != "MPLBACKEND"} | own
