"""What all benchmarks share."""

import runpy
import signal
from pathlib import Path

import pytest

from vqlib.compress import VQVAE, vqvae_digits
from vqlib.train import Trained

RECORD = runpy.run_path(str(Path(__file__).parent.parent / "benchmarks/record.py"))


def test_an_interrupted_training_ends_the_script():
    """Else a part of a run would be measured, and its numbers kept as if they were the whole's."""
    trained = Trained(VQVAE(vqvae_digits()), [], steps_done=1, seconds=0.1, signal=signal.SIGTERM)
    with pytest.raises(SystemExit) as stopped:
        RECORD["to_the_end"](trained)
    assert stopped.value.code == 143


def test_a_whole_training_goes_through():
    trained = Trained(VQVAE(vqvae_digits()), [], steps_done=1, seconds=0.1)
    assert RECORD["to_the_end"](trained) is trained
