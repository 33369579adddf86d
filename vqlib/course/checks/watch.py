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
    """Notes every call within the `with` block, whichever function it comes from.

    Attributes:
        calls: how often PyTorch was called.
        largest: the number of entries of the largest tensor that such a call gave.
        builtins: how often each function written in C was called, by name: PyTorch's, NumPy's and
            Python's own, so also methods such as `argsort`, and `sorted`.
        modules: the modules of the Python functions that were called.
    """

    def __init__(self):
        super().__init__()
        self.calls, self.largest = 0, 0
        self.builtins: Counter[str] = Counter()
        self.modules: set[str] = set()

    def __enter__(self):
        self._before = sys.getprofile()
        entered = super().__enter__()
        sys.setprofile(self._note)
        return entered

    def __exit__(self, *error):
        sys.setprofile(self._before)
        return super().__exit__(*error)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.calls += 1
        if isinstance(result, Tensor):
            self.largest = max(self.largest, result.numel())
        return result

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
