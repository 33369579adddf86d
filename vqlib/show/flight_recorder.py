"""The flight recorder of a VQGAN's training: what to look at when it goes wrong."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

# One panel after the other: symbol of each curve → its name in the history; logarithmic or not.
PANELS: list[tuple[dict[str, str], bool]] = [
    ({r"$\mathcal{L}_{rec}$": "reconstruction", r"$\mathcal{L}_{D}$": "critic"}, False),
    ({r"$\lambda$": "lambda"}, True),
    (
        {
            r"$\|\nabla\mathcal{L}_{rec}\|$": "grad_rec",
            r"$\|\nabla\mathcal{L}_{GAN}\|$": "grad_gan",
        },
        True,
    ),
    ({r"$D(x)$": "real", r"$D(\hat{x})$": "fake"}, False),
    ({r"$P(D\ \checkmark)$": "accuracy", r"$K_{used}/K$": "usage"}, False),
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
    figure, axes = plt.subplots(len(PANELS), 1, figsize=(6.2, 7.2), sharex=True)
    for axis, (curves, logarithmic) in zip(axes, PANELS, strict=True):
        _draw(axis, history, curves, logarithmic)
    axes[-1].set_xlabel("$t$")
    axes[-1].set_ylim(-0.05, 1.05)
    figure.tight_layout()
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
    axis.grid(alpha=0.3)
    if axis.has_data():
        axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
