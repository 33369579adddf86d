"""How PyTorch's idle threads should wait, on a free CPU and on one with other work.

    python benchmarks/idle_threads.py

Between two parallel parts of a computation OpenMP's threads watch for work, for as long as the
environment says when PyTorch is loaded. Steps of a small convolutional VQVAE, each setting in a
process of its own, in turns; beside them nothing, or one busy loop for each core.
"""  # fmt: skip

import os
import subprocess
import sys
from contextlib import ExitStack
from statistics import median

from record import table, write

ROUNDS, STEPS = 3, 20
SETTINGS = {
    "PyTorch's default": {},
    "OMP_WAIT_POLICY=PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE"},
    "GOMP_SPINCOUNT=10000 (vqlib)": {"GOMP_SPINCOUNT": "10000"},
    "OMP_NUM_THREADS=1": {"OMP_NUM_THREADS": "1"},
}
# libgomp's own, where no more threads run than there are processors.
DEFAULT_SPINS = "300000"
OURS = "GOMP_SPINCOUNT=10000 (vqlib)"
STEP = f"""
import time, torch
from vqlib.compress import vqvae_digits
from vqlib.data import digits
from vqlib.compress.losses import vqvae_loss
torch.manual_seed(0)
codec, x = vqvae_digits().build(), digits().images[:64]
optimizer = torch.optim.AdamW(codec.parameters(), lr=1e-3)
def step():
    x_hat, quantized = codec(x)
    loss, _ = vqvae_loss(x, x_hat, quantized)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
for _ in range(5):
    step()
started = time.perf_counter()
for _ in range({STEPS}):
    step()
print((time.perf_counter() - started) / {STEPS} * 1000)
"""


def milliseconds(given: dict[str, str]) -> float:
    """One step in a new process with this environment."""
    names = {name for setting in SETTINGS.values() for name in setting}
    clean = {name: value for name, value in os.environ.items() if name not in names}
    if not given:  # or vqlib would set its own; this is what libgomp waits by default
        given = {"GOMP_SPINCOUNT": DEFAULT_SPINS}
    call = [sys.executable, "-c", STEP]
    done = subprocess.run(call, env=clean | given, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def measure(busy: int) -> dict[str, list[float]]:
    """Milliseconds of each setting, beside so many busy loops."""
    with ExitStack() as stack:
        for _ in range(busy):
            loop = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            stack.callback(loop.kill)
        rounds = [{name: milliseconds(SETTINGS[name]) for name in SETTINGS} for _ in range(ROUNDS)]
    return {name: [times[name] for times in rounds] for name in SETTINGS}


def main() -> None:
    """Write the table."""
    cores = os.cpu_count() or 1
    free, shared = measure(0), measure(cores)
    rows = []
    for name in SETTINGS:
        cells = [name]
        for times in (free, shared):
            ratio = median(times[name]) / median(times[OURS])
            spread = f"{min(times[name]):.0f}–{max(times[name]):.0f}"
            cells += [f"{median(times[name]):.0f} ({spread})", f"{ratio:.2f}"]
        rows.append(cells)
    header = ["setting", "free CPU: ms a step", "of ours"]
    header += [f"beside {cores} busy loops: ms a step", "of ours"]
    about = f"Median of {ROUNDS} rounds of {STEPS} steps, with the least and the most."
    write("idle_threads", [*table(header, rows), "", about])


if __name__ == "__main__":
    main()
