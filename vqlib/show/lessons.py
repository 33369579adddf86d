"""The course's widgets: the nearest code, the pulls of the three losses, a model in training."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from ipywidgets import HTML, VBox
from jaxtyping import Float, Int
from torch import Tensor

from vqlib.compress import nearest_code, straight_through
from vqlib.show.inline import inline_picture
from vqlib.show.plane import Plane, nearest_area
from vqlib.show.style import AREAS, BLUE, GREEN, INK, ORANGE
from vqlib.show.widgets import frames_widget, grid_widget

ARROW = 0.5
"""Length of the arrow of a gradient of length 1. That of ‖x − x̂‖² is then as long as x − x̂."""
LEGEND = (
    (12.0, "‖x − x̂‖²", GREEN),
    (112.0, "‖sg[z] − z_q‖²", BLUE),
    (246.0, "β‖z − sg[z_q]‖²", ORANGE),
)


def nearest_code_widget(codes: Float[Tensor, "K 2"], num_positions: int = 9) -> VBox:
    """Move a vector z over the plane and see which code replaces it.

    Thin lines lead from z to every code, an arrow to the nearest; each code's area, where it is the
    nearest, has a colour.

    Args:
        codes: the codebook; two dimensions, so that it can be drawn.
        num_positions: places on each of the two sliders.
    """
    reach = 1.25 * codes.abs().max().item()
    places = torch.linspace(-0.9 * reach, 0.9 * reach, num_positions)
    names = [f"{place:.2f}".replace("-", "−") for place in places.tolist()]
    areas = [nearest_area(k, codes.tolist(), reach) for k in range(len(codes))]
    frames, alts = [], []
    for y, y_name in zip(places, names, strict=True):
        z = torch.stack([places, y.expand(num_positions)], dim=1)  # (num_positions, 2): one row
        tokens = nearest_code(z, codes).tolist()
        frames.append(
            [_draw_nearest(z[i].tolist(), k, codes, areas, reach) for i, k in enumerate(tokens)]
        )
        alts.append([f"z = ({x}, {y_name}), k = {k}" for x, k in zip(names, tokens, strict=True)])
    title = ("Move z: which code is the nearest?", "移动 z：离它最近的是哪个编码？")
    values = names, names
    return grid_widget(frames, labels=("z₁", "z₂"), values=values, alts=alts, title=title)


def _draw_nearest(z, k: int, codes: Float[Tensor, "K 2"], areas, reach: float) -> bytes:
    plane = Plane(reach)
    for number, area in enumerate(areas):
        plane.area(area, fill=AREAS[number % len(AREAS)])
    plane.lines((z, e) for e in codes.tolist())
    step = [b - a for a, b in zip(z, codes[k].tolist(), strict=True)]
    plane.arrow(z, step, colour=INK, gap=7.0)
    for number, e in enumerate(codes.tolist()):
        plane.cross(e, colour=BLUE)
        plane.symbol(e, str(number))
    plane.dot(z, colour=ORANGE)
    plane.symbol(z, "z", colour=ORANGE)
    return plane.svg()


@dataclass(frozen=True)
class Pulls:
    """One moment of a descent on the three losses; each pull is minus the gradient of its term."""

    z: Float[Tensor, "N 2"]
    """The encoder's outputs."""
    codes: Float[Tensor, "K 2"]
    """The codebook."""
    tokens: Int[Tensor, " N"]
    """The nearest code of each output."""
    reconstruction: Float[Tensor, "N 2"]
    """Pull of ‖x − x̂‖² on z, through the straight-through step."""
    codebook: Float[Tensor, "K 2"]
    """Pull of ‖sg[z] − z_q‖² on the codes."""
    commitment: Float[Tensor, "N 2"]
    """Pull of β‖z − sg[z_q]‖² on z."""


def three_losses(
    x: Float[Tensor, "N 2"],
    z: Float[Tensor, "N 2"],
    codes: Float[Tensor, "K 2"],
    *,
    steps: int,
    learning_rate: float,
    beta: float,
) -> list[Pulls]:
    """Gradient descent on the VQVAE loss in the plane (VQVAE, eq. 3), every moment of it.

    The smallest VQVAE there is: the encoder is a table with one free vector z for each x, and the
    decoder changes nothing, x̂ = z_q. The losses are sums over the vectors, not means, so that the
    pace does not depend on how many there are. The arguments are those of `three_losses_widget`.

    Returns:
        steps + 1 moments, the start among them.
    """
    z, codes = (start.detach().clone().requires_grad_() for start in (z, codes))
    moments = []
    for _ in range(steps + 1):
        moment = _pulls(x, z, codes, beta)
        moments.append(moment)
        with torch.no_grad():
            z += learning_rate * (moment.reconstruction + moment.commitment)
            codes += learning_rate * moment.codebook
    return moments


def _pulls(x, z, codes, beta: float) -> Pulls:
    tokens = nearest_code(z, codes)
    z_q = codes[tokens]
    terms = (
        (straight_through(z, z_q) - x, 1.0, z),
        (z_q - z.detach(), 1.0, codes),
        (z - z_q.detach(), beta, z),
    )
    pulls = [
        -torch.autograd.grad(weight * difference.square().sum(), moved)[0]
        for difference, weight, moved in terms
    ]
    return Pulls(z.detach().clone(), codes.detach().clone(), tokens, *pulls)


def three_losses_widget(
    x: Float[Tensor, "N 2"],
    z: Float[Tensor, "N 2"],
    codes: Float[Tensor, "K 2"],
    *,
    steps: int = 20,
    num_frames: int = 21,
    learning_rate: float = 0.1,
    beta: float = 0.25,
) -> VBox:
    """Step through `three_losses` and see which loss pulls what, and where to.

    Stars are the goals x, dots the latents z, crosses the codes; a line ties each z to its code.
    Arrows are gradients with the sign turned, each loss in the colour of its formula.

    Args:
        x: the data, which are the goals of x̂.
        z: where the encoder's outputs start.
        codes: where the codes start.
        steps: length of the descent.
        num_frames: pictures, spread evenly over the steps; the first is the start.
        learning_rate: of the descent.
        beta: β, weight of the commitment loss.
    """
    moments = three_losses(x, z, codes, steps=steps, learning_rate=learning_rate, beta=beta)
    shown = torch.linspace(0, steps, num_frames).round().int().unique().tolist()
    reach = 1.1 * max(_farthest(x, moment) for moment in moments)
    frames = [_draw_pulls(x, moments[step], reach) for step in shown]
    title = ("Step through the descent: who pulls where?", "一步一步地下降：谁往哪里拉？")
    return frames_widget(frames, label="t", values=[str(step) for step in shown], title=title)


def _farthest(x: Float[Tensor, "N 2"], moment: Pulls) -> float:
    """Largest coordinate of what is drawn; the other arrows end between points."""
    tips = moment.z + ARROW * moment.reconstruction
    return max(points.abs().max().item() for points in (x, moment.z, moment.codes, tips))


def _draw_pulls(x: Float[Tensor, "N 2"], moment: Pulls, reach: float) -> bytes:
    plane = Plane(reach, footer=30)
    z, codes = moment.z.tolist(), moment.codes.tolist()
    for goal in x.tolist():
        plane.star(goal, colour=GREEN)
    plane.lines((here, codes[k]) for here, k in zip(z, moment.tokens.tolist(), strict=True))
    _draw_arrows(plane, z, moment.reconstruction, GREEN)
    _draw_arrows(plane, codes, moment.codebook, BLUE)
    _draw_arrows(plane, z, moment.commitment, ORANGE)
    for e in codes:
        plane.cross(e, colour=BLUE)
    for here in z:
        plane.dot(here, colour=ORANGE)
    for place, symbols, colour in LEGEND:
        plane.formula(place, symbols, colour=colour)
    return plane.svg()


def _draw_arrows(plane: Plane, points, pulls: Float[Tensor, "_N 2"], colour: str) -> None:
    for point, pull in zip(points, pulls.tolist(), strict=True):
        plane.arrow(point, [ARROW * p for p in pull], colour=colour, rim=5.0)


def training_widget(
    x: Float[Tensor, "N C H W"], snapshots: Mapping[int, Float[Tensor, "N C H W"]]
) -> VBox:
    """Reconstructions over the steps of a training: the images above, x̂ after step t below.

    Args:
        x: a row of images in [-1, 1].
        snapshots: training step → their reconstructions by the model of that step.
    """
    steps = [str(step) for step in snapshots]
    rows = [x_hat.clamp(-1, 1) for x_hat in snapshots.values()]
    title = (
        "Drag through the training: when does each digit become readable?",
        "沿着训练拖动：每个数字什么时候认得出来？",
    )
    alts = [f"x̂, t = {t}" for t in steps]
    start = len(steps) // 3  # neither nothing nor the end
    widget = frames_widget(rows, label="t", values=steps, alts=alts, title=title, start=start)
    what, controls, stack = widget.children
    widget.children = what, controls, HTML(inline_picture(x, "x")), stack
    return widget
