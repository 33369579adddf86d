"""The last line of every training."""

import signal
from pathlib import Path

from vqlib.saved.run_folder import model_folder
from vqlib.train.recipe import Trained


def closing_line(trained: Trained, steps: int, out: Path) -> int:
    """Say where the model is; exit status 0, after an interruption 128 and its signal's number."""
    done = trained.steps_done
    if trained.stopped_early:
        print(
            f"stopped early at step {done} of {steps}: held-out pictures were no longer predicted "
            f"better; the best model is in {model_folder(out)}"
        )
        return 0
    if done < steps:
        print(f"interrupted at step {done} of {steps}; go on with the same command and --resume")
        return 128 + (trained.signal or signal.SIGINT)
    print(f"{done} steps, {trained.seconds:.0f} s; the model is in {model_folder(out)}")
    return 0
