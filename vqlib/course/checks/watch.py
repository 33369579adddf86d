"""How an answer computes, where an exercise forbids a way: loops, sorting, a finished function."""

import sys
from collections import Counter
from types import FrameType
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

SORTING = ("topk", "kthvalue", "_unique2", "heappop")
"""Functions that sort without saying so in their name."""
SEARCHING = ("index", "nonzero", "argmax", "argmin", "where")
"""Functions that go through everything to find one thing."""


class Watch(TorchFunctionMode):
    """Counts the calls of PyTorch in the `with` block; `largest` is the size of a result.

    A loop takes more calls than there are things to go through.
    """

    def __init__(self):
        super().__init__()
        self.calls, self.largest = 0, 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.calls += 1
        if isinstance(result, Tensor):
            self.largest = max(self.largest, result.numel())
        return result


class Names:
    """Notes the name of every function called in the `with` block, whoever calls it.

    Attributes:
        builtins: how often each function written in C was called: PyTorch's, NumPy's and Python's
            own, so also methods such as `argsort`, and `sorted`.
        modules: the modules of the Python functions that were called.
    """

    def __init__(self):
        self.builtins: Counter[str] = Counter()
        self.modules: set[str] = set()

    def __enter__(self) -> "Names":
        self._before = sys.getprofile()
        sys.setprofile(self._note)
        return self

    def __exit__(self, *error: Any) -> None:
        sys.setprofile(self._before)

    @property
    def sorts(self) -> bool:
        """Whether anything was sorted."""
        return any("sort" in name or name in SORTING for name in self.builtins)

    @property
    def searches(self) -> int:
        """How often something was looked for."""
        return sum(self.builtins[name] for name in SEARCHING)

    def _note(self, frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call":
            self.builtins[called.__name__] += 1
        elif event == "call":
            self.modules.add(frame.f_globals.get("__name__", ""))
