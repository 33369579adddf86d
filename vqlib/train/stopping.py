"""How a run ends before its last step: by a signal, or by numbers that are none any more."""

import math
import signal
import threading
from collections.abc import Mapping

from torch import Tensor

# Ctrl-C; and what Slurm, docker stop and torchrun send before they kill.
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Diverged(ValueError):
    """Weights or losses are infinite or not numbers: more steps cannot mend them."""


class Signals:
    """Notes a signal that asks the run to end. To be used as a context manager.

    Python's own handlers would end the process in the middle of a step. A second Ctrl-C does so,
    unless several processes train: their launcher sends its own signal after the terminal's.
    """

    def __init__(self, *, alone: bool):
        self.alone = alone
        self.number: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            if handler is not None:  # None: not set by Python, so Python cannot put it back
                signal.signal(number, handler)

    def _note(self, number: int, _: object) -> None:
        if self.number is not None and self.alone and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = number


def check_finite(values: Mapping[str, float | Tensor], what: str) -> None:
    """Raise `Diverged` where a number is infinite or none at all.

    Args:
        values: numbers or tensors by name.
        what: they are, for the message.
    """
    wrong = [name for name, value in values.items() if not _is_finite(value)]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise Diverged(
            f"the run has diverged: {what} are no longer finite numbers ({', '.join(wrong[:3])}"
            f"{more}); use a smaller learning_rate, more warmup_steps, or a max_grad_norm such as 1"
        )


def _is_finite(value: float | Tensor) -> bool:
    if isinstance(value, Tensor):
        return bool(value.isfinite().all())
    return math.isfinite(value)
