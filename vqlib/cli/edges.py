"""Edges to draw from: computed from a photograph, or a map of them as it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from vqlib.cli.messages import say
from vqlib.data.pairs import canny_edges
from vqlib.data.pictures import read_picture
from vqlib.saved.pipeline import Pipeline

MapIs = Literal["auto", "photo", "edges"]
# A map of edges is black and white but for what JPEG makes of it: so many of its pixels differ from
# both by at most so much, on the scale from -1 to 1.
SHARE, NEAR = 0.95, 0.25


def read_edges(
    path: Path, pipeline: Pipeline, fit: Callable[[Tensor], Tensor], map_is: MapIs = "auto"
) -> Float[Tensor, "C h w"]:
    """Edges as a prior of edges was trained with: those of the picture that is to be seen.

    Args:
        path: a photograph, or a map of edges, white on black.
        pipeline: both stages.
        fit: brings a picture to the size that is drawn.
        map_is: what the file is; auto tells a map by its being black and white. What was found is
            said on stderr.
    """
    channels = pipeline.condition_codec.config.image_channels
    edges = read_picture(path, channels=channels)
    found = map_is if map_is != "auto" else ("edges" if black_and_white(edges) else "photo")
    if map_is == "auto":
        what = "taken as a map of edges" if found == "edges" else "its edges are computed"
        say(f"{path}: {what} (--map-is tells which it is)")
    if found == "edges":
        return fit(edges)
    photo = read_picture(path, channels=pipeline.codec.config.image_channels)
    return canny_edges(fit(photo)).expand(channels, -1, -1)


def black_and_white(x: Float[Tensor, "C H W"]) -> bool:
    """Whether a picture has hardly anything between black and white."""
    return ((1 - x.abs()) <= NEAR).float().mean().item() >= SHARE
