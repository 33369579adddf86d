"""Two processes that share a batch train the same model as one process alone."""

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from vqlib.saved.run_folder import all_checkpoints
from vqlib.train.runtime import Runtime

# Everything that has to be summed over processes is in it: gradients, EMA codes, restarts, λ, the
# critic's batch normalisation, the logged losses; and where the windows of a prior lie. The
# critic's activations are smooth here: two sums that are rounded differently can come to lie on
# either side of the kink of a leaky ReLU, on some processors, and then the gradients differ.
SCRIPT = """
import sys
from dataclasses import replace
import torch
from vqlib.compress import EMACodes, FeatureDistance, FeatureNet, vqvae_digits
from vqlib.data import digits
from vqlib.generate import ClassCondition, GPTConfig
from vqlib.tokens import TokenGrids
from vqlib.train import (
    PriorRecipe,
    VQGANRecipe,
    VQVAERecipe,
    Watch,
    train_prior,
    train_vqgan,
    train_vqvae,
)

torch.nn.LeakyReLU.forward = lambda _, x: torch.nn.functional.silu(x)
torch.set_num_threads(1)
recipe, folder = sys.argv[1:]
images = digits().images[:50]
shared = dict(steps=10, batch_size=8, log_every=1, learning_rate=1e-3)
care = dict(kmeans_init=True, restart_every=4)
options = dict(folder=folder, device="cpu", progress=False)
if recipe == "vqvae":
    train_vqvae(images, vqvae_digits(), VQVAERecipe(**shared, accumulate=2), **options)
elif recipe == "ema":
    config = replace(vqvae_digits(), codes=EMACodes())
    train_vqvae(images, config, VQVAERecipe(**shared, **care), **options)
elif recipe == "prior":
    tokens = torch.randint(64, (90, 6, 5), generator=torch.Generator().manual_seed(0))
    labels = torch.arange(90) % 10
    config = GPTConfig(64, (4, 4), ClassCondition(10), num_layers=2, num_heads=2, width=16)
    watch = Watch(TokenGrids(tokens[50:], labels[50:]))
    train_prior(TokenGrids(tokens[:50], labels[:50]), config,
                PriorRecipe(**shared, accumulate=2, validate_every=4), watch, **options)
else:
    torch.manual_seed(1)
    critic = dict(disc_start=3, disc_layers=2, disc_channels=8)
    train_vqgan(images, vqvae_digits(), VQGANRecipe(**shared, **care, **critic),
                perceptual=FeatureDistance(FeatureNet(3, widths=(4, 8))), **options)
"""


@pytest.mark.parametrize("recipe", ["vqvae", "ema", "vqgan", "prior"])
def test_two_processes_equal_one(recipe, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    for launcher, run in (([], "one"), (launch, "two")):
        call = [sys.executable, *launcher, str(script), recipe, str(tmp_path / run)]
        done = subprocess.run(call, capture_output=True, encoding="utf-8", check=False, timeout=300)
        assert done.returncode == 0, done.stderr
    one, two = (
        [json.loads(line) for line in (tmp_path / run / "log.jsonl").read_text().splitlines()]
        for run in ("one", "two")
    )
    assert len(one) == len(two) == 10
    for a, b in zip(one, two, strict=True):
        assert a.keys() == b.keys()
        for name in a.keys() - {"seconds"}:
            assert a[name] == pytest.approx(b[name], rel=1e-5, abs=1e-5), (a["step"], name)
    assert ("lambda" in one[-1]) == (recipe == "vqgan")
    looks = [entry["step"] for entry in two if "held_out" in entry]
    assert looks == ([4, 8, 10] if recipe == "prior" else [])
    weights = [
        load_file(tmp_path / r / "step_00000010" / "model.safetensors") for r in ("one", "two")
    ]
    for name, tensor in weights[0].items():
        assert (tensor - weights[1][name]).abs().max() < 1e-4, name


ENDING = """
import os, signal, sys, torch
from vqlib.compress import vqvae_digits
from vqlib.data import TensorImages, digits
from vqlib.train import VQVAERecipe, train_vqvae
from vqlib.train.loop import Run

torch.set_num_threads(1)
how, folder = sys.argv[1:]
log, second = Run.log, os.environ.get("RANK") == "1"

def log_and_stop(self, now, logs):
    log(self, now, logs)
    if second and now == 3:
        os.kill(os.getpid(), signal.SIGTERM)

class Vanishing(TensorImages):
    drawn = 0
    def draw(self, index, generator):
        self.drawn += 1
        if second and self.drawn > 4 * 4:
            raise FileNotFoundError("cat.jpg: no such file")
        return super().draw(index, generator)

if how == "signal":
    Run.log = log_and_stop
kind = Vanishing if how == "error" else TensorImages
recipe = VQVAERecipe(steps=9, batch_size=8, log_every=1, save_every=1000)
options = dict(folder=folder, device="cpu", progress=False)
train_vqvae(kind(digits().images[:50]), vqvae_digits(), recipe, **options)
"""


@pytest.mark.parametrize("how", ["signal", "error"])
def test_what_ends_one_process_ends_all_and_is_saved(how, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(ENDING)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    call = [sys.executable, *launch, str(script), how, str(tmp_path / "run")]
    done = subprocess.run(call, capture_output=True, encoding="utf-8", check=False, timeout=300)
    assert (done.returncode == 0) == (how == "signal"), done.stderr
    if how == "error":
        assert "cat.jpg: no such file" in done.stderr
    else:
        assert "stopped after step 4" in done.stderr
    assert [path.name for path in all_checkpoints(tmp_path / "run")] == ["step_00000004"]


def test_a_batch_must_divide_among_the_processes():
    with pytest.raises(ValueError, match="batch of 7 does not divide among 2"):
        Runtime(torch.device("cpu"), rank=0, world_size=2).share(torch.arange(7))
    place = Runtime(torch.device("cpu"), rank=1, world_size=2)
    assert place.share(torch.arange(6)).tolist() == [3, 4, 5]
    assert place.share([1, 2, 3, 4]) == [3, 4]
