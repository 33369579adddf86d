"""What one process finds out for all that train together, before training connects them."""

import json
import os
import time
import zlib
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

# The others wait so long: the main process may have a million pictures to decode.
LIMIT = timedelta(days=1)
# What torchrun tells each process.
VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_asked: Counter[str] = Counter()


def from_main_process(question: str, find_out: Callable[[], Any]) -> Any:
    """What `find_out` gives in the main process, in every process that torchrun started.

    So it costs once, and no two processes differ. All must ask the same questions, each equally
    often. In a process that is alone this is `find_out()`.

    Args:
        question: names what is found out.
        find_out: gives what JSON can hold.

    Raises:
        ValueError: what `find_out` raises in the main process, as OSError is, in all of them.
        ConnectionError: the main process has ended, or does not answer within `LIMIT`.
    """
    if any(name not in os.environ for name in VARIABLES) or os.environ["WORLD_SIZE"] == "1":
        return find_out()
    key = f"vqlib/{question}/{_asked[question]}"
    _asked[question] += 1
    if os.environ["RANK"] == "0":
        return _answered(key, find_out)
    answer = json.loads(zlib.decompress(_awaited(key, question)))
    if "error" in answer:
        raise ValueError(answer["error"])
    return answer["found"]


def _answered(key: str, find_out: Callable[[], Any]) -> Any:
    """What is found out, once the other processes can read it."""
    store, answer = _store(), {"error": "the main process was stopped"}
    try:
        answer = {"found": find_out()}
    except (ValueError, OSError) as error:
        answer = {"error": str(error)}
        raise
    finally:
        store.set(key, zlib.compress(json.dumps(answer).encode()))
    return answer["found"]


def _awaited(key: str, question: str) -> bytes:
    end = time.monotonic() + LIMIT.total_seconds()
    try:
        # Not one call that waits: that would not hear Ctrl-C.
        while not _store().check([key]):
            if time.monotonic() > end:
                raise ConnectionError(
                    f"{question}: no word from the main process within {LIMIT}; all processes "
                    "must open the same data"
                )
            time.sleep(0.05)
        return _store().get(key)
    except RuntimeError as error:  # how torch.distributed says that it has lost the connection
        raise ConnectionError(f"{question}: the main process has ended") from error


@cache
def _store() -> Any:
    """The shared memory of the processes, which training will use too; it must stay open."""
    from torch.distributed.rendezvous import rendezvous

    store, *_ = next(iter(rendezvous("env://", timeout=LIMIT)))
    return store
