"""Codes that follow a moving cloud of latents, and codes that stay behind."""

from collections.abc import Mapping, Sequence

from ipywidgets import VBox
from jaxtyping import Float
from torch import Tensor

from vqlib.compress import nearest_code
from vqlib.show.plane import Plane
from vqlib.show.style import BLUE, GREY, INK, ORANGE
from vqlib.show.widgets import frames_widget, grid_widget

Film = Sequence[tuple[Float[Tensor, "N 2"], Float[Tensor, "K 2"]]]
"""Latents and codes of each moment."""

TITLE = ("Move the cloud: which codes keep up?", "移动点云：哪些编码跟得上？")
COMPARE = ("Choose a run, move the cloud: who keeps up?", "选一个实验，移动点云：谁跟得上？")


def moving_cloud_widget(film: Film, *, every: int = 1) -> VBox:
    """Step through a run in the plane and see which codes keep up.

    Dots are latents. A code that some latent has chosen is a blue cross, with a line to each of its
    latents; a dead one is a grey cross without a line. Below: codes in use / codes.

    Args:
        film: latents and codes of every moment.
        every: moments from one picture to the next.
    """
    reach, shown = _reach(film), range(0, len(film), every)
    frames = [_draw(*film[t], reach) for t in shown]
    alts = [f"t = {t}, {_used(*film[t])}" for t in shown]
    values = [str(t) for t in shown]
    return frames_widget(frames, label="t", values=values, alts=alts, title=TITLE)


def compare_clouds_widget(films: Mapping[str, Film], *, every: int = 1) -> VBox:
    """The same for several runs of equal length, with a second slider for the run.

    Args:
        films: the run's name, best a letter → latents and codes of every moment.
        every: moments from one picture to the next.
    """
    runs = list(films.values())
    reach, shown = max(map(_reach, runs)), range(0, len(runs[0]), every)
    frames = [[_draw(*film[t], reach) for t in shown] for film in runs]
    alts = [[f"{name}, t = {t}, {_used(*film[t])}" for t in shown] for name, film in films.items()]
    values = [str(t) for t in shown], list(films)
    return grid_widget(frames, labels=("t", " … ".join((values[1][0], values[1][-1]))),
                       values=values, alts=alts, title=COMPARE)  # fmt: skip


def _reach(film: Film) -> float:
    return 1.05 * max(points.abs().max().item() for moment in film for points in moment)


def _used(z: Float[Tensor, "N 2"], codes: Float[Tensor, "K 2"]) -> str:
    return f"{len(nearest_code(z, codes).unique())} / {len(codes)}"


def _draw(z: Float[Tensor, "N 2"], codes: Float[Tensor, "K 2"], reach: float) -> bytes:
    plane = Plane(reach, size=360, footer=26)
    tokens = nearest_code(z, codes)
    plane.lines(zip(z.tolist(), codes[tokens].tolist(), strict=True))
    for point in z.tolist():
        plane.dot(point, colour=ORANGE)
    alive = set(tokens.tolist())
    for k, e in enumerate(codes.tolist()):
        plane.cross(e, colour=BLUE if k in alive else GREY)
    plane.formula(12.0, f"K: {_used(z, codes)}", colour=INK)
    return plane.svg()
