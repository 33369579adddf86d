"""Compiled training does what the same training does without. In a process of its own."""

import os
import subprocess
import sys

import pytest

from vqlib.saved import load_model
from vqlib.saved.run_folder import latest_checkpoint
from vqlib.train.runlog import read_log

# Not in this process: torch.compile would have to trace the tests' type checks too.
SCRIPT = """
import sys
import torch
from vqlib.compress import AutoencoderConfig, FeatureDistance, FeatureNet, VQVAEConfig
from vqlib.data import digits
from vqlib.train import VQGANRecipe, VQVAERecipe, train_vqgan, train_vqvae

torch.set_num_threads(1)
autoencoder = AutoencoderConfig(image_channels=1, hidden_channels=8, res_channels=4,
                                num_res_blocks=1, num_downsamplings=1, code_dim=4)
config = VQVAEConfig(autoencoder, num_codes=8, image_size=16)
images = digits(image_size=16).images[:8]
torch.manual_seed(1)
distance = FeatureDistance(FeatureNet(3, widths=(4,)))
critic = dict(disc_layers=1, disc_channels=4, disc_start=0)
for compile in (False, True):
    shared = dict(steps=2, batch_size=4, log_every=1, kmeans_init=True, compile=compile)
    options = dict(folder=f"{sys.argv[1]}/vqvae_{compile}", device="cpu", progress=False)
    train_vqvae(images, config, VQVAERecipe(**shared), **options)
    options["folder"] = f"{sys.argv[1]}/vqgan_{compile}"
    train_vqgan(images, config, VQGANRecipe(**shared, **critic), perceptual=distance, **options)
graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
assert graphs >= 3, f"{graphs} graphs were compiled, not both codecs and the critic"
"""


def test_compiled_steps_equal_plain_ones(tmp_path):
    # The compiler looks at the processor; told to use less of it, PyTorch's headers would not fit.
    env = {name: value for name, value in os.environ.items() if name != "ATEN_CPU_CAPABILITY"}
    call = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    options = {"capture_output": True, "encoding": "utf-8", "check": False, "timeout": 600}
    done = subprocess.run(call, env=env, **options)
    assert done.returncode == 0, done.stderr
    for recipe in ("vqvae", "vqgan"):
        plain, compiled = (tmp_path / f"{recipe}_{compile}" for compile in (False, True))
        for entry, other in zip(read_log(plain), read_log(compiled), strict=True):
            assert entry.keys() == other.keys()
            for name in entry.keys() - {"seconds"}:
                assert other[name] == pytest.approx(entry[name], rel=1e-4, abs=1e-5), name
        weights = [load_model(latest_checkpoint(run)).state_dict() for run in (plain, compiled)]
        for name, tensor in weights[0].items():
            assert (tensor - weights[1][name]).abs().max() < 1e-4, name
