"""What drawing a token costs: `python benchmarks/sampling.py`.

A GPT of 12 layers, 512 wide, draws 256 tokens. With its cache it has to read every weight once per
token, whatever it does: that is the floor, measured in the same run as a bare pass of matrix–vector
products over the same matrices. Without a cache it reads the whole beginning again at each token.
Variants take turns; what is printed are medians over the rounds.
"""

import argparse
import resource
import statistics

import torch
from record import seconds, table, write
from torch import nn
from torch.nn import functional as F

from vqlib.generate import GPT, GPTConfig
from vqlib.generate.steps import Uncached

GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if GPU else "cpu")
CONFIG = GPTConfig(num_codes=1024, grid=(16, 16), num_layers=12, num_heads=8, width=512)


def model(dtype: torch.dtype = torch.float32) -> GPT:
    """The prior, untrained: the weights' values change nothing about the time."""
    torch.manual_seed(0)
    return GPT(CONFIG).to(DEVICE, dtype).eval()


@torch.no_grad()
def stream_weights(prior: GPT, count: int) -> None:
    """Every matrix once per token, times `count` vectors, and nothing else."""
    matrices = [m.weight for m in prior.modules() if isinstance(m, nn.Linear)]
    widths = {w.shape[1] for w in matrices}
    like = {"device": DEVICE, "dtype": prior.head.weight.dtype}
    inputs = {n: torch.ones(count, n, **like) for n in widths}
    for _ in range(CONFIG.num_tokens):
        for weight in matrices:
            F.linear(inputs[weight.shape[1]], weight)


@torch.no_grad()
def uncached_sample(prior: GPT, every: int) -> float:
    """Seconds of a picture without a cache, from every so many-th of its tokens."""
    steps, prefix = Uncached(prior), prior.prefix(None, 1)
    tokens = torch.zeros(1, CONFIG.num_tokens, dtype=torch.int64, device=DEVICE)
    lengths = range(every // 2, CONFIG.num_tokens, every)
    return every * sum(seconds(steps.start, tokens[:, :t], prefix, {}) for t in lengths)


@torch.no_grad()
def memory_growth(prior: GPT) -> int:
    """Bytes by which the process's peak grows between the 32nd and the last token."""
    cache, prefix = prior.empty_cache(1), prior.prefix(None, 1)
    token = torch.zeros(1, dtype=torch.int64, device=DEVICE)
    prior.start(token[:, None][:, :0], prefix, cache)
    peaks = []
    for t in range(CONFIG.num_tokens - 1):
        prior.step(token, cache)
        if t in (31, CONFIG.num_tokens - 2):
            host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            peaks.append(torch.cuda.max_memory_allocated() if GPU else host)
    return peaks[1] - peaks[0]


def main() -> None:
    """Measure all variants and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--every", type=int, default=8, help="of the uncached tokens, time one in")
    arguments = parser.parse_args()
    priors = {"fp32": model(), "bf16": model(torch.bfloat16)}
    growth = memory_growth(priors["fp32"])
    cases = [("fp32", 1), ("fp32", 16), ("bf16", 1), ("bf16", 16)]
    times: dict[tuple, list[float]] = {}
    for _ in range(arguments.rounds):
        for kind, count in cases:
            prior = priors[kind]
            for name, run in (
                ("cached", lambda p=prior, n=count: p.sample(count=n)),
                ("floor", lambda p=prior, n=count: stream_weights(p, n)),
            ):
                times.setdefault((name, kind, count), []).append(seconds(run))
        slow = uncached_sample(priors["fp32"], arguments.every)
        times.setdefault(("uncached", "fp32", 1), []).append(slow)
    rows = []
    T = CONFIG.num_tokens
    for (name, kind, count), measured in times.items():
        median = statistics.median(measured)
        floors = times["floor", kind, count]
        share = statistics.median(f / m for f, m in zip(floors, measured, strict=True))
        rows.append(
            [
                f"{name}, {kind}, batch {count}",
                f"{1e3 * median / T:.2f}",
                f"{count * T / median:.0f}",
                "" if name == "floor" else f"{100 * share:.0f} %",
            ]
        )
    gain = statistics.median(
        slow / fast
        for slow, fast in zip(times["uncached", "fp32", 1], times["cached", "fp32", 1], strict=True)
    )
    parameters = sum(p.numel() for p in priors["fp32"].parameters())
    lines = [
        f"{CONFIG.num_layers} layers, {CONFIG.width} wide, {parameters / 1e6:.1f} M parameters, "
        f"{T} tokens. Floor: the same matrices times as many vectors as there are pictures. "
        f"Uncached: one in {arguments.every} of the tokens is timed.",
        "",
        *table(["", "ms per token of all pictures", "tokens/s", "of the floor's speed"], rows),
        "",
        f"The cache makes batch 1 {gain:.1f} times as fast. Between the 32nd and the last token "
        f"the peak memory grows by {growth / 2**20:.1f} MiB.",
    ]
    write("sampling", lines)


if __name__ == "__main__":
    main()
