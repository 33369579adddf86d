"""In which order the tokens of a picture are written: a grid has many ways to become a sequence.

The chain rule holds for every order, but some are easier to learn. On ImageNet the paper's
transformer reaches these negative log-likelihoods: raster (row-major) 4.767, z-curve 4.810,
alternate 4.812, spiral out 4.889, spiral in 4.901, subsample 5.015.

Source: Esser et al., *Taming Transformers*, appendix on the ordering of image representations,
figure 47.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Int
from torch import Tensor

OrderName = Literal[
    "raster", "subsample", "z_curve", "spiral_in", "spiral_out", "alternate", "random"
]


@dataclass(frozen=True)
class Order:
    """An order by name, for grids of any size."""

    name: OrderName = "raster"
    """Which one; the function of this name in this file describes it."""
    seed: int = 0
    """Which of the random orders; the others do not look at it."""

    def __post_init__(self):
        if self.name not in get_args(OrderName):
            known = ", ".join(map(repr, get_args(OrderName)))
            raise ValueError(f"order is {self.name!r}; use one of {known}")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; it must be at least 0")

    def permutation(self, height: int, width: int) -> Int[Tensor, " T"]:
        """Where the tokens come from: `tokens[:, permutation]` are in this order.

        Args:
            height: rows of the grid, at least 1.
            width: columns of the grid, at least 1.

        Returns:
            int64, T = height·width; entry t is the raster index of the token written as number t.
        """
        if self.name == "random":
            return random_order(height, width, self.seed)
        return FIXED[self.name](height, width)

    def inverse(self, height: int, width: int) -> Int[Tensor, " T"]:
        """The way back: `tokens[:, permutation][:, inverse]` are the tokens in raster order again.

        Args:
            height: rows of the grid, at least 1.
            width: columns of the grid, at least 1.

        Returns:
            int64, T = height·width; entry r is the number t under which the token with raster
            index r is written.
        """
        return self.permutation(height, width).argsort()


def raster(height: int, width: int) -> Int[Tensor, " T"]:
    """Row by row from the top, each from left to right: the identity.

    Raises:
        ValueError: height or width is below 1, here as in all orders.
    """
    if height < 1 or width < 1:
        raise ValueError(f"the grid is {height}×{width}; height and width must be at least 1")
    return torch.arange(height * width)


def alternate(height: int, width: int) -> Int[Tensor, " T"]:
    """Row by row like an ox that ploughs: even rows to the right, odd rows back to the left."""
    grid = raster(height, width).view(height, width)
    grid[1::2] = grid[1::2].flip(1)
    return grid.flatten()


def spiral_in(height: int, width: int) -> Int[Tensor, " T"]:
    """Clockwise along the border from the upper left corner, then along the next ring inside."""
    grid, sides = raster(height, width).view(height, width), []
    while grid.numel():
        sides.append(grid[0])
        grid = grid[1:].rot90()  # turned to the left: what was the right side is on top
    return torch.cat(sides)


def spiral_out(height: int, width: int) -> Int[Tensor, " T"]:
    """From the centre outwards, counter-clockwise: `spiral_in` backwards."""
    return spiral_in(height, width).flip(0)


def z_curve(height: int, width: int) -> Int[Tensor, " T"]:
    """Quarter by quarter (upper left, upper right, lower left, lower right), each quarter again so.

    Also called Morton order. The quarters are those of the smallest square that holds the grid
    and has a power of two as its side; its cells outside the grid are left out.
    """
    return _by_bits(height, width, reversed(range(_num_bits(height, width))))


def subsample(height: int, width: int) -> Int[Tensor, " T"]:
    """Every other row and column first, so that a coarse picture comes before its details.

    The four phases are the cells in even rows and even columns, then even rows and odd columns,
    odd rows and even columns, odd rows and odd columns. Each phase is a grid of half the size
    (even phases are rounded up), and is written in the same way, down to single cells. Phases
    without a cell are left out, as the odd rows of a grid of height 1.
    """
    return _by_bits(height, width, range(_num_bits(height, width)))


def random_order(height: int, width: int, seed: int) -> Int[Tensor, " T"]:
    """Any order is equally likely; the same for the same seed."""
    T = len(raster(height, width))
    return torch.randperm(T, generator=torch.Generator().manual_seed(seed))


FIXED = {
    "raster": raster,
    "subsample": subsample,
    "z_curve": z_curve,
    "spiral_in": spiral_in,
    "spiral_out": spiral_out,
    "alternate": alternate,
}


def _by_bits(height: int, width: int, bits: Iterable[int]) -> Int[Tensor, " T"]:
    """Sort cells by the given bits of row and column, of which the first counts most.

    The highest bit of a row says whether it is in the upper or the lower half, the lowest whether
    it is even or odd. So z-curve and subsample are one sorting, read from opposite ends.
    """
    cell = raster(height, width)
    row, column = cell // width, cell % width
    key = torch.zeros_like(cell)
    for bit in bits:
        key = key << 2 | (row >> bit & 1) << 1 | (column >> bit & 1)
    return key.argsort()


def _num_bits(height: int, width: int) -> int:
    """How many bits the largest row or column index has."""
    return (max(height, width) - 1).bit_length()
