"""Codes and their cells: which points each code replaces, and what that costs."""

import torch
from ipywidgets import VBox
from jaxtyping import Float
from torch import Tensor

from vqlib.compress import nearest_code
from vqlib.show.plane import Plane, nearest_area
from vqlib.show.style import AREAS, BLUE, ORANGE
from vqlib.show.widgets import grid_widget


def draw_cells(points: Float[Tensor, "N 2"], codes: Float[Tensor, "K 2"], *, reach: float) -> bytes:
    """The square [-reach, reach]² as an SVG: cells, codes, and a line from each point to its code.

    The footer says what replacing the points costs: the mean of ‖z − z_q‖² over the points.

    Args:
        points: what is quantized.
        codes: the codebook.
        reach: half the side of the square.
    """
    plane = Plane(reach, footer=30)
    rows, z_q = codes.tolist(), codes[nearest_code(points, codes)]
    for k in range(len(rows)):
        plane.area(nearest_area(k, rows, reach), fill=AREAS[k % len(AREAS)])
    plane.lines(zip(points.tolist(), z_q.tolist(), strict=True))
    for point in points.tolist():
        plane.dot(point, colour=ORANGE)
    for k, code in enumerate(rows):
        plane.cross(code, colour=BLUE)
        plane.symbol(code, str(k))
    plane.formula(12.0, f"(1/N) Σ ‖z − z_q‖² = {quantization_error(points, codes):.3f}")
    return plane.svg()


def quantization_error(points: Float[Tensor, "N D"], codes: Float[Tensor, "K D"]) -> float:
    """Mean squared distance between a point and its nearest code, ‖z − z_q‖² over the points."""
    z_q = codes[nearest_code(points, codes)]
    return (points - z_q).square().sum(1).mean().item()


def moving_code_widget(
    points: Float[Tensor, "N 2"],
    codes: Float[Tensor, "K 2"],
    *,
    code: int,
    num_positions: int = 9,
) -> VBox:
    """Move one code over the plane: its cell, its neighbours' cells and the error follow.

    Args:
        points: what is quantized; they stay where they are.
        codes: the codebook; all codes but one stay where they are.
        code: number of the code that the two sliders move.
        num_positions: places on each slider.

    Raises:
        ValueError: there is no code of that number.
    """
    if not 0 <= code < len(codes):
        raise ValueError(f"code is {code}; this codebook has codes 0 to {len(codes) - 1}")
    reach = 1.25 * max(codes.abs().max().item(), points.abs().max().item())
    places = torch.linspace(-0.9 * reach, 0.9 * reach, num_positions).tolist()
    names = [f"{place:.2f}".replace("-", "−") for place in places]
    frames, alts = [], []
    for y, y_name in zip(places, names, strict=True):
        moved = [_with_code_at(codes, code, (x, y)) for x in places]
        frames.append([draw_cells(points, each, reach=reach) for each in moved])
        errors = [quantization_error(points, each) for each in moved]
        alts.append(
            [
                f"e_{code} = ({x_name}, {y_name}), (1/N) Σ ‖z − z_q‖² = {error:.3f}"
                for x_name, error in zip(names, errors, strict=True)
            ]
        )
    labels = (f"e{code} ₁", f"e{code} ₂")
    title = (f"Move code {code}: make the error small", f"移动 {code} 号编码：把误差调小")
    return grid_widget(frames, labels=labels, values=(names, names), alts=alts, title=title)


def _with_code_at(codes: Tensor, code: int, place: tuple[float, float]) -> Tensor:
    moved = codes.clone()
    moved[code] = torch.tensor(place)
    return moved
