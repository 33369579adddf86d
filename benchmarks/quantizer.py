"""What the nearest code costs: `python benchmarks/quantizer.py`.

Forward and backward for latents of shape (4, 256, 16, 16). Textbook: the whole matrix of distances
‖z‖² + ‖e‖² − 2 z·e, computed where autograd records it, as in the reference code of *Taming
Transformers*. Floor: the bare matrix product and its argmin, no more. Other libraries are measured
where they are installed (vector-quantize-pytorch, diffusers). The candidates take turns; what is
printed are medians over the rounds of the ratio within a round. Memory: how far the process grows
at its peak (on a GPU: what the allocator hands out), each candidate in a process of its own.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import torch
from record import table, write
from torch import Tensor, nn
from torch.nn import functional as F

from vqlib.compress import VectorQuantizer

SHAPE = (4, 256, 16, 16)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
OURS, TEXTBOOK, FLOOR = "vqlib", "textbook", "bare product + argmin"


class Textbook(nn.Module):
    """The quantizer as most tutorials have it."""

    def __init__(self, num_codes: int, code_dim: int):
        super().__init__()
        self.embedding = nn.Embedding(num_codes, code_dim)
        nn.init.normal_(self.embedding.weight)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Quantized latents and loss."""
        z = z.permute(0, 2, 3, 1).contiguous()
        flat, codes = z.view(-1, z.shape[-1]), self.embedding.weight
        squares = flat.square().sum(1, keepdim=True) + codes.square().sum(1)
        distances = squares - 2 * flat @ codes.T
        z_q = self.embedding(distances.argmin(1)).view(z.shape)
        loss = F.mse_loss(z_q, z.detach()) + F.mse_loss(z, z_q.detach())
        return (z + (z_q - z).detach()).permute(0, 3, 1, 2), loss


def candidates(num_codes: int) -> dict[str, Callable[[], Callable[[Tensor], None]]]:
    """Name → something that prepares a candidate and returns one forward and backward."""
    D = SHAPE[1]

    def ours():
        quantizer = VectorQuantizer(num_codes, D)
        nn.init.normal_(quantizer.codebook)
        return _step(quantizer, lambda q: (q.z_q, q.codebook_loss + q.commitment_loss))

    def bare():
        codes = torch.randn(num_codes, D, device=DEVICE)

        def run(z: Tensor) -> None:
            flat = z.detach().permute(0, 2, 3, 1).reshape(-1, D)
            (flat @ codes.T).argmin(1)

        return run

    def lucidrains():
        from vector_quantize_pytorch import VectorQuantize

        options = {"accept_image_fmap": True, "learnable_codebook": True, "ema_update": False}
        return _step(VectorQuantize(D, num_codes, **options), lambda q: (q[0], q[2].sum()))

    def hugging_face():
        from diffusers.models.autoencoders.vq_model import VectorQuantizer as Theirs

        return _step(Theirs(num_codes, D, beta=1.0), lambda q: (q[0], q[1]))

    found = {FLOOR: bare, OURS: ours, TEXTBOOK: lambda: _step(Textbook(num_codes, D), tuple)}
    for name, package, make in (
        ("vector-quantize-pytorch", "vector_quantize_pytorch", lucidrains),
        ("diffusers", "diffusers", hugging_face),
    ):
        if find_spec(package):
            found[name] = make
    return found


def _step(quantizer: nn.Module, parts: Callable) -> Callable[[Tensor], None]:
    quantizer.to(DEVICE).train()

    def run(z: Tensor) -> None:
        quantizer.zero_grad()
        z.grad = None
        z_q, loss = parts(quantizer(z))
        (z_q.sum() + loss).backward()

    return run


def latents() -> Tensor:
    """The same random latents for everyone."""
    torch.manual_seed(0)
    return torch.randn(SHAPE).to(DEVICE).requires_grad_()


def seconds(run: Callable[[Tensor], None], z: Tensor) -> float:
    """One forward and backward."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    run(z)
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def times(num_codes: int, rounds: int) -> dict[str, list[float]]:
    """Each candidate's seconds, round by round."""
    z = latents()
    runs = {name: make() for name, make in candidates(num_codes).items()}
    for run in runs.values():
        run(z)  # warm up
    measured: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            measured[name].append(seconds(run, z))
    return measured


def extra_megabytes(name: str, num_codes: int) -> float:
    """How much one forward and backward adds to the memory in use, at its peak."""
    z = latents()
    run = candidates(num_codes)[name]()
    run(latents()[:1, :, :1, :1].detach().requires_grad_())  # libraries load, buffers appear
    if DEVICE == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run(z)
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak starts anew from here
    before = _status("VmRSS")
    run(z)
    return _status("VmHWM") - before


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def memory_in_own_process(name: str, num_codes: int) -> float:
    """`extra_megabytes`, where nothing else has grown the process before."""
    call = [sys.executable, __file__, "--memory-of", name, "--num-codes", str(num_codes)]
    done = subprocess.run(call, capture_output=True, encoding="utf-8", check=True)
    return float(done.stdout)


def rows(num_codes: int, rounds: int) -> list[list[str]]:
    """The table of one codebook size."""
    measured = times(num_codes, rounds)
    memory = {name: memory_in_own_process(name, num_codes) for name in measured}

    def ratio(name: str, to: str) -> str:
        pairs = zip(measured[name], measured[to], strict=True)
        return f"{statistics.median(a / b for a, b in pairs):.2f}"

    return [
        [
            f"{name}, K = {num_codes:,}",
            f"{statistics.median(measured[name]) * 1e3:.1f}",
            ratio(name, TEXTBOOK),
            ratio(name, FLOOR),
            f"{memory[name]:.0f}",
            f"{memory[name] / memory[TEXTBOOK]:.2f}",
        ]
        for name in measured
    ]


def main() -> None:
    """Measure both codebook sizes and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    parser.add_argument("--num-codes", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        print(extra_megabytes(options.memory_of, options.num_codes))
        return
    header = ["", "ms", "× textbook", "× floor", "extra MiB", "× textbook"]
    body = [row for K in (1024, 16384) for row in rows(K, options.rounds)]
    write("quantizer", table(header, body))


if __name__ == "__main__":
    main()
