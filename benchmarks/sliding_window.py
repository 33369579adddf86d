"""What pictures larger than the context cost: `python benchmarks/sliding_window.py`.

A GPT of 12 layers, 512 wide, draws 32×48 tokens with a window of 16×16, without a condition and
with an image condition of 256 tokens. The textbook algorithm feeds the whole window at every token.
It is timed on evenly spaced tokens and, on a CPU, the schedules on evenly spaced rows (the others
are given), since all of them would take many minutes; times are for the whole picture.
"""

import argparse
import statistics

import torch
from record import seconds, table, write

from vqlib.generate import (
    GPT,
    GPTConfig,
    Known,
    MapCondition,
    NoCondition,
    Sampling,
    Sequential,
    Strided,
    Wavefront,
    sample_large,
)
from vqlib.generate.sliding_window import Canvas, Schedule

GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if GPU else "cpu")
SIZE = (64, 128) if GPU else (32, 48)
WINDOW = (16, 16)
CONDITIONS = {"no condition": NoCondition(), "image condition": MapCondition(1024, WINDOW)}


def prior(condition) -> GPT:
    """The prior, untrained: the weights' values change nothing about the time."""
    torch.manual_seed(0)
    config = GPTConfig(1024, WINDOW, condition, num_layers=12, num_heads=8, width=512)
    return GPT(config).to(DEVICE).eval()


def value(condition) -> torch.Tensor | None:
    """A map for the whole picture, where the condition is one."""
    if isinstance(condition, NoCondition):
        return None
    return torch.randint(1024, (1, *SIZE), device=DEVICE)


@torch.inference_mode()
def textbook(canvas: Canvas, i: int, j: int) -> None:
    """One token as the reference code draws it: the whole window through the model."""
    top, left = canvas.corner(i, j)
    h, w = canvas.window
    tokens = canvas.tokens[:, top : top + h, left : left + w].flatten(1)
    logits = canvas.prior(tokens[:, :-1], canvas.prefix(top, left))
    canvas.put(i, j, logits[:, (i - top) * w + j - left])


def textbook_seconds(model: GPT, condition, every: int) -> float:
    """Seconds of a whole picture by the textbook, from every so many-th of its tokens."""
    canvas = Canvas(
        model, SIZE, value(condition), Sampling(), count=1, seed=0, known=None
    )  # fmt: skip
    positions = [(i, j) for i in range(SIZE[0]) for j in range(SIZE[1])][every // 2 :: every]
    return every * sum(seconds(textbook, canvas, i, j) for i, j in positions)


def schedule_seconds(model: GPT, condition, schedule: Schedule, every: int) -> float:
    """Seconds of a whole picture by a schedule, from every so many-th of its rows."""
    shape = (1, *SIZE)
    keep = torch.ones(shape, dtype=torch.bool)
    keep[:, every // 4 :: every] = False
    known = Known(torch.zeros(shape, dtype=torch.int64), keep) if every > 1 else None
    options = {"count": 1, "known": known, "schedule": schedule}
    return every * seconds(sample_large, model, SIZE, value(condition), **options)


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--every", type=int, default=31, help="of the textbook's tokens, one in")
    rows_help = "of the schedules' rows, one in"
    parser.add_argument("--every-row", type=int, default=1 if GPU else 4, help=rows_help)
    arguments = parser.parse_args()
    schedules = {"sequential": Sequential(), "strided (8)": Strided(8)}
    if GPU:
        schedules["wavefront"] = Wavefront()
    rows = []
    for name, condition in CONDITIONS.items():
        model = prior(condition)
        times: dict[str, list[float]] = {}
        for _ in range(arguments.rounds):
            slow = textbook_seconds(model, condition, arguments.every)
            times.setdefault("textbook", []).append(slow)
            for kind, schedule in schedules.items():
                took = schedule_seconds(model, condition, schedule, arguments.every_row)
                times.setdefault(kind, []).append(took)
        for kind, measured in times.items():
            pairs = zip(times["textbook"], measured, strict=True)
            gain = statistics.median(slow / fast for slow, fast in pairs)
            median = statistics.median(measured)
            rows.append([f"{name}, {kind}", f"{median:.1f}", f"{gain:.2f}"])
    h, w = SIZE
    n = WINDOW[1]
    lines = [
        f"{h}×{w} tokens, window {WINDOW[0]}×{n}, one picture. Textbook: one in "
        f"{arguments.every} of the tokens is timed; of the schedules one row in "
        f"{arguments.every_row}. The wavefront's ideal gain in steps is "
        f"h·w / ((h − 1)·n + w) = {h * w / ((h - 1) * n + w):.2f}; it pays on a GPU, where a step "
        "of several rows takes about as long as one of a single row.",
        "",
        *table(["", "seconds", "× textbook's speed"], rows),
    ]
    write("sliding_window", lines)


if __name__ == "__main__":
    main()
