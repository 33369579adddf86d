"""Pictures with a map beside them: one tensor, the map behind the picture's channels.

So a map is cut and mirrored as its picture is, and whatever takes images takes pairs as well.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vqlib.data.images import Images, maybe_mirrored
from vqlib.data.label_maps import TensorLabelMaps
from vqlib.data.scenes import Scenes

# Where a `Scene` has them.
SCENE_MAPS = {"segmentation": "labels", "depth": "depth", "edges": "edges"}
# ITU-R 601: what red, green and blue add to brightness.
LUMA = (0.299, 0.587, 0.114)


class PairedImages:
    """Two data sets, picture by picture. Keeps the contract `Images`.

    Both are drawn with the same random numbers: with pictures of the same size these choose the
    same part and the same mirroring.

    Args:
        images: the pictures.
        maps: for each its map; label maps may be int64 (H, W).

    Raises:
        ValueError: another number of maps, of another size, or only one of both is mirrored.
    """

    def __init__(self, images: Images, maps: Images | TensorLabelMaps):
        if len(images) != len(maps):
            raise ValueError(f"there are {len(images)} pictures and {len(maps)} maps")
        (_, H, W), (_, map_H, map_W) = images.image_shape, maps.image_shape
        if (map_H, map_W) != (H, W):
            raise ValueError(f"pictures are {H}×{W}, maps are {map_H}×{map_W}; use one size")
        flips = [getattr(data, "flip", None) for data in (images, maps)]
        if flips[0] != flips[1]:
            raise ValueError(f"flip is {flips[0]} for the pictures and {flips[1]} for the maps")
        self.images, self.maps = images, maps

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C + C_map, H, W)."""
        C, H, W = self.images.image_shape
        return C + self.maps.image_shape[0], H, W

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Float[Tensor, "C H W"]:
        return _stacked(self.images[index], self.maps[index])

    def draw(self, index: int, generator: torch.Generator) -> Float[Tensor, "C H W"]:
        """Picture and map, drawn alike."""
        state = generator.get_state()
        image = self.images.draw(index, generator)
        generator.set_state(state)
        return _stacked(image, self.maps.draw(index, generator))

    def __repr__(self) -> str:
        return f"PairedImages({self.images!r}, {self.maps!r})"


class WithEdges:
    """Pictures and their edges, which are computed when a picture is asked for. An `Images`.

    Args:
        images: any pictures in grey or colour.
    """

    def __init__(self, images: Images):
        self.images = images

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C + 1, H, W)."""
        C, H, W = self.images.image_shape
        return C + 1, H, W

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Float[Tensor, "C H W"]:
        return self._with_edges(self.images[index])

    def draw(self, index: int, generator: torch.Generator) -> Float[Tensor, "C H W"]:
        """A picture as it is drawn, and the edges of that."""
        return self._with_edges(self.images.draw(index, generator))

    def _with_edges(self, image: Tensor) -> Tensor:
        return torch.cat([image, canny_edges(image)])

    def __repr__(self) -> str:
        return f"WithEdges({self.images!r})"


class ScenePairs:
    """Painted landscapes with what is known about each pixel. Keeps the contract `Images`.

    Args:
        split: "train" or "held_out".
        count: number of scenes.
        kind: "segmentation" (the labels as floats 0, 1, 2 …), "depth" or "edges" (in [-1, 1]).
        height: in pixels, 8 or more.
        width: in pixels, 8 or more.
        flip: whether `draw` mirrors half of the pairs.

    Raises:
        ValueError: no such kind; and as `Scenes`.
    """

    def __init__(
        self,
        split: str = "train",
        *,
        count: int,
        kind: str = "segmentation",
        height: int = 64,
        width: int = 64,
        flip: bool = True,
    ):
        if kind not in SCENE_MAPS:
            raise ValueError(f"kind is {kind!r}; scenes have {', '.join(SCENE_MAPS)}")
        self.scenes = Scenes(split, count=count, height=height, width=width)
        self.kind, self.flip = kind, flip

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(4, height, width)."""
        C, H, W = self.scenes.image_shape
        return C + 1, H, W

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: int) -> Float[Tensor, "4 H W"]:
        scene = self.scenes.scene(index)
        return _stacked(scene.image, getattr(scene, SCENE_MAPS[self.kind]))

    def draw(self, index: int, generator: torch.Generator) -> Float[Tensor, "4 H W"]:
        """The pair, or with `flip` half of the time both mirrored."""
        return maybe_mirrored(self[index], generator) if self.flip else self[index]

    def __repr__(self) -> str:
        return f"ScenePairs({self.scenes!r}, {self.kind!r}, flip={self.flip})"


def canny_edges(image: Float[Tensor, "C H W"]) -> Float[Tensor, "1 H W"]:
    """Where brightness changes sharply: 1 on thin lines, −1 elsewhere.

    The usual thresholds: after smoothing by one pixel, changes of a tenth of the range begin a
    line's continuation and those of a fifth a line.

    Args:
        image: in [-1, 1], grey or colour.
    """
    from skimage.feature import canny

    grey = image[0] if len(image) == 1 else (image * image.new_tensor(LUMA)[:, None, None]).sum(0)
    found = canny(grey.add(1).div(2).cpu().numpy().astype(np.float64))
    return torch.from_numpy(found).float().mul(2).sub(1)[None]


def _stacked(image: Tensor, beside: Tensor) -> Float[Tensor, "C H W"]:
    """A picture and its map; labels become floats, which hold small whole numbers exactly."""
    channels = beside[None].float() if beside.ndim == 2 else beside
    return torch.cat([image, channels])
