"""Label maps as a data set: for each pixel the number of what is there."""

import torch
from jaxtyping import Int
from torch import Tensor


class TensorLabelMaps:
    """Label maps that are already there as a tensor. Keeps the contract `Images`, but for int64.

    Args:
        labels: int64, at least one map.
        flip: whether `draw` mirrors half of the maps.
    """

    def __init__(self, labels: Int[Tensor, "N H W"], *, flip: bool = False):
        if len(labels) == 0:
            raise ValueError(f"labels has shape {tuple(labels.shape)}; at least one is needed")
        self.labels, self.flip = labels, flip

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(1, H, W): one label at each pixel."""
        _, H, W = self.labels.shape
        return 1, H, W

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Int[Tensor, "H W"]:
        return self.labels[range(len(self))[index]]

    def draw(self, index: int, generator: torch.Generator) -> Int[Tensor, "H W"]:
        """The map, or with `flip` half of the time its mirror image."""
        mirrored = self.flip and torch.rand((), generator=generator) < 0.5
        return self[index].flip(-1) if mirrored else self[index]

    def __repr__(self) -> str:
        _, H, W = self.labels.shape
        return f"TensorLabelMaps({len(self)} maps, {H}×{W}, flip={self.flip})"
