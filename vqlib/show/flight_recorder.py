"""The flight recorder of a VQGAN's training: what to look at when it goes wrong."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from vqlib.show.curve_names import label_ends

# One panel after the other: the symbol of its axis; symbol of each curve → its name in the history;
# logarithmic or not.
PANELS: list[tuple[str, dict[str, str], bool]] = [
    (
        r"$\mathcal{L}$",
        {r"$\mathcal{L}_{rec}$": "reconstruction", r"$\mathcal{L}_{D}$": "critic"},
        False,
    ),
    (r"$\lambda$", {r"$\lambda$": "lambda"}, True),
    (
        r"$\|\nabla\|$",
        {
            r"$\|\nabla\mathcal{L}_{rec}\|$": "grad_rec",
            r"$\|\nabla\mathcal{L}_{GAN}\|$": "grad_gan",
        },
        True,
    ),
    ("$D$", {r"$D(x)$": "real", r"$D(\hat{x})$": "fake"}, False),
    (r"$\in [0, 1]$", {r"$P(D\ \checkmark)$": "accuracy", r"$K_{used}/K$": "usage"}, False),
]


def show_flight_recorder(history: Sequence[Mapping[str, int | float]]) -> Figure:
    """The curves of a run, one under the other, over the step t.

    From above: reconstruction loss and the critic's; λ; the norms of both gradients at the last
    layer; the critic's mean logits of images and of reconstructions; its accuracy and the share of
    codes in use. What belongs to the critic begins where it comes in.

    Args:
        history: of `Trained`, or what `vqlib.train.runlog.read_log` reads from a run folder.

    Raises:
        ValueError: the history is empty.
    """
    if not history:
        raise ValueError("the history is empty: train with a smaller log_every, or for longer")
    size = (6.4, 8.0)
    figure, axes = plt.subplots(len(PANELS), 1, figsize=size, sharex=True, layout="constrained")
    axes[-1].set(xlabel="$t$", ylim=(-0.05, 1.05))
    for axis, (symbol, curves, logarithmic) in zip(axes, PANELS, strict=True):
        axis.set_ylabel(symbol)
        _draw(axis, history, curves, logarithmic)
    for axis in axes:  # sharing one axis of steps, they end only where the longest does
        label_ends(axis)
    figure.align_ylabels(axes)
    plt.close(figure)
    return figure


def save_flight_recorder(history: Sequence[Mapping[str, int | float]], path: str | Path) -> None:
    """Write the same figure as SVG or PNG, by the ending of the name."""
    show_flight_recorder(history).savefig(path, bbox_inches="tight")


def _draw(
    axis: Axes,
    history: Sequence[Mapping[str, int | float]],
    curves: Mapping[str, str],
    logarithmic: bool,
) -> None:
    for symbol, name in curves.items():
        entries = [entry for entry in history if name in entry]
        steps, values = [e["step"] for e in entries], [e[name] for e in entries]
        if entries:
            axis.plot(steps, values, label=symbol, marker="." if len(entries) == 1 else "")
    if logarithmic:
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axis.yaxis.set_minor_formatter(NullFormatter())
    axis.grid()
