"""Two processes that share a batch train the same model as one process alone."""

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from vqlib.train.runtime import Runtime

SCRIPT = """
import sys
from vqlib.compress import vqvae_digits
from vqlib.data import digits
from vqlib.train import VQVAERecipe, train_vqvae

recipe = VQVAERecipe(steps=6, batch_size=8, log_every=1)
train_vqvae(digits().images[:50], vqvae_digits(), recipe, folder=sys.argv[1], device="cpu",
            progress=False)
"""


def test_two_processes_equal_one(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    for launcher, run in (([], "one"), (launch, "two")):
        call = [sys.executable, *launcher, str(script), str(tmp_path / run)]
        done = subprocess.run(call, capture_output=True, encoding="utf-8", check=False, timeout=300)
        assert done.returncode == 0, done.stderr
    one, two = (
        [json.loads(line) for line in (tmp_path / run / "log.jsonl").read_text().splitlines()]
        for run in ("one", "two")
    )
    assert len(one) == len(two) == 6
    # The first process logs its half of the batch; the weights have seen all of it.
    weights = [
        load_file(tmp_path / r / "step_00000006" / "model.safetensors") for r in ("one", "two")
    ]
    for name, tensor in weights[0].items():
        assert (tensor - weights[1][name]).abs().max() < 1e-5, name


def test_a_batch_must_divide_among_the_processes():
    with pytest.raises(ValueError, match="batch of 7 does not divide among 2"):
        Runtime(torch.device("cpu"), rank=0, world_size=2).share(torch.arange(7))
    place = Runtime(torch.device("cpu"), rank=1, world_size=2)
    assert place.share(torch.arange(6)).tolist() == [3, 4, 5]
