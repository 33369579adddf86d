"""`kill -9` at any moment: what is on the disk can always be read, and resuming goes on exactly."""

import multiprocessing
import random
import runpy
import shutil
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

from vqlib.saved import load_model
from vqlib.saved.run_folder import latest_checkpoint

KILLS, KILLS_IN_FULL = 5, 20
# A checkpoint after each step: most of the time is spent writing, where a kill could do harm.
SCRIPT = """
import torch
from vqlib.compress import vqvae_digits
from vqlib.data import digits
from vqlib.train import VQVAERecipe, train_vqvae

torch.set_num_threads(1)
recipe = VQVAERecipe(steps=150, batch_size=4, save_every=1, log_every=1, ema_decay=0.9)
options = {"folder": folder, "resume": True, "device": "cpu", "progress": False}
train_vqvae(digits().images[:40], vqvae_digits(), recipe, **options)
"""


# A fork server has everything imported, so that a process starts in milliseconds.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["vqlib.train", "sklearn.datasets", "torch._dynamo"])


def killed_after(seconds: float | None, script: Path, folder: Path) -> bool:
    """Train in a process of its own and kill it after a while; False if it finished before."""
    globals_ = {"folder": str(folder)}
    process = CONTEXT.Process(target=runpy.run_path, args=(str(script), globals_))
    process.start()
    process.join(seconds)
    alive = process.is_alive()
    process.kill()
    process.join()
    assert alive or process.exitcode == 0
    return alive


def test_killed_many_times_and_still_the_same_weights(tmp_path, in_full):
    wanted = KILLS_IN_FULL if in_full else KILLS
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    for name in ("warm_up", "whole"):
        started = time.monotonic()
        assert not killed_after(None, script, tmp_path / name)
        whole = time.monotonic() - started
    moments = random.Random(0)
    kills, steps = 0, set()
    while kills < wanted:
        if not killed_after(moments.uniform(0, whole / 8), script, tmp_path / "killed"):
            shutil.rmtree(tmp_path / "killed")  # it came to its end before: begin anew
            continue
        kills += 1
        latest = latest_checkpoint(tmp_path / "killed")
        if latest is not None:  # it can be read
            load_model(latest)
            steps.add(latest.name)
    assert len(steps) > min(3, wanted // 3), (
        "hardly any attempt lived long enough to write something"
    )
    assert not killed_after(None, script, tmp_path / "killed")
    expected, weights = (
        load_file(latest_checkpoint(tmp_path / name) / "model.safetensors")
        for name in ("whole", "killed")
    )
    for name, tensor in expected.items():
        assert torch.equal(tensor, weights[name]), name
