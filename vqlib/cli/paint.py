"""`python -m vqlib paint`: a picture of any size from a map of what is where."""

import math
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from jaxtyping import Shaped
from torch import Tensor
from tyro.conf import Positional

from vqlib.cli.drawing import Drawing, Sliding
from vqlib.cli.edges import MapIs, read_edges
from vqlib.cli.given import label_codec
from vqlib.cli.messages import say
from vqlib.cli.pictures import read_labels, shrunk, shrunk_labels
from vqlib.cli.targets import check_target
from vqlib.data.pictures import read_picture, write_picture
from vqlib.saved.pipeline import Pipeline

# What a prior may draw from that lies on the picture pixel by pixel.
MAPS = ("segmentation", "depth", "edges")


@dataclass(frozen=True)
class Paint:
    """Draw a picture as large as a map of what is where, a window sliding over it.

    The map is a PNG whose palette index or grey value is the label; for priors of depth a picture
    of it, for priors of edges one of them or a photograph, whose edges are computed. The scenes'
    labels: 0 sky, 1 sun, 2 cloud, 3 mountain, 4 forest, 5 water, 6 meadow, 7 tree.
    """

    map: Positional[Path]
    """The map."""
    map_is: MapIs = "auto"
    """For edges: whether the file is a photograph, whose edges are computed, or a map of edges
    already, white on black. auto: a file that is black and white is a map."""
    max_side: int = 512
    """A larger map is shrunk so that its longer side has this many pixels."""
    out: Path = Path("painting.png")
    """The PNG to write."""
    drawing: Drawing = field(default_factory=lambda: Drawing("scenes_segmentation_gpt"))
    """Which prior, and how."""
    sliding: Sliding = field(default_factory=Sliding)
    """How the window slides."""

    def run(self) -> int:
        """Draw and save."""
        check_target(self.out, self.map)
        if self.max_side < 1:
            raise ValueError(f"--max-side is {self.max_side}; it must be at least 1")
        sampling, pipeline = self.drawing.sampling(), self.drawing.pipeline()
        schedule = self.sliding.order(pipeline)
        x = self._read(pipeline)
        *_, H, W = x.shape
        (picture,) = pipeline.sample_large(
            (H, W), x[None], sampling, seed=self.drawing.seed, schedule=schedule, progress=True
        )
        write_picture(picture, self.out)
        f = pipeline.codec.config.downsampling_factor
        print(f"{self.out}: {H}×{W} pixels, {H // f * (W // f)} tokens")
        return 0

    def _read(self, pipeline: Pipeline) -> Shaped[Tensor, "*C H W"]:
        """Labels (H, W), or a picture (C, H, W)."""
        if pipeline.condition not in MAPS:
            raise ValueError(
                f"{self.drawing.prior} draws from {pipeline.condition}; to paint takes a prior of "
                f"{', '.join(MAPS)} (see sample for the others)"
            )
        if self.map_is != "auto" and pipeline.condition != "edges":
            raise ValueError(
                f"--map-is says nothing to this prior, which draws from {pipeline.condition}"
            )
        fit = partial(self._fitted, pipeline=pipeline)
        match pipeline.condition:
            case "segmentation":
                return fit(read_labels(self.map, num_labels=label_codec(pipeline).num_labels))
            case "edges":
                return read_edges(self.map, pipeline, fit, self.map_is)
        return fit(read_picture(self.map, channels=pipeline.condition_codec.config.image_channels))

    def _fitted(self, x: Shaped[Tensor, "*C H W"], pipeline: Pipeline) -> Shaped[Tensor, "*C h w"]:
        """Not too large, and without the right and lower pixels that make up no whole token."""
        before = f"{x.shape[-2]}×{x.shape[-1]}"
        if max(x.shape[-2:]) > self.max_side:
            x = (shrunk if x.ndim == 3 else shrunk_labels)(x, self.max_side)
            now = f"{x.shape[-2]}×{x.shape[-1]}"
            say(f"{self.map}: shrunk from {before} to {now} pixels; --max-side allows more")
            before = now
        codecs = (pipeline.codec, pipeline.condition_codec)
        f = math.lcm(*(codec.config.downsampling_factor for codec in codecs))
        *_, H, W = x.shape
        h, w = H // f * f, W // f * f
        if h == 0 or w == 0:
            raise ValueError(f"{self.map} has {before} pixels; {f}×{f} are needed at least")
        if (h, w) != (H, W):
            say(f"{self.map}: cropped from {before} to {h}×{w} pixels, multiples of {f}")
        return x[..., :h, :w]
