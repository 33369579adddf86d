"""`python -m vqlib paint`: a picture of any size from a map of what is where."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from jaxtyping import Shaped
from torch import Tensor
from tyro.conf import Positional

from vqlib.cli.drawing import Drawing, Sliding
from vqlib.cli.given import label_codec
from vqlib.cli.messages import say
from vqlib.cli.pictures import check_target, read_labels
from vqlib.data.pictures import read_picture, write_picture
from vqlib.train.pipeline import Pipeline

# What a prior may draw from that lies on the picture pixel by pixel.
MAPS = ("segmentation", "depth", "edges")


@dataclass(frozen=True)
class Paint:
    """Draw a picture as large as a map of what is where, a window sliding over it.

    The map is a PNG whose palette index or grey value is the label; for priors of depth or edges,
    a picture of these. The scenes' labels: 0 sky, 1 sun, 2 cloud, 3 mountain, 4 forest, 5 water,
    6 meadow, 7 tree.
    """

    map: Positional[Path]
    """The map."""
    out: Path = Path("painting.png")
    """The PNG to write."""
    drawing: Drawing = field(default_factory=lambda: Drawing("scenes_segmentation_gpt"))
    """Which prior, and how."""
    sliding: Sliding = field(default_factory=Sliding)
    """How the window slides."""

    def run(self) -> int:
        """Draw and save."""
        check_target(self.out, self.map)
        sampling, pipeline = self.drawing.sampling(), self.drawing.pipeline()
        schedule = self.sliding.order(pipeline)
        x = self._cropped(self._read(pipeline), pipeline)
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
        if pipeline.meaning not in MAPS:
            raise ValueError(
                f"{self.drawing.prior} draws from {pipeline.meaning}; to paint takes a prior of "
                f"{', '.join(MAPS)} (see sample for the others)"
            )
        if pipeline.meaning == "segmentation":
            return read_labels(self.map, num_labels=label_codec(pipeline).num_labels)
        return read_picture(self.map, channels=pipeline.condition_codec.config.image_channels)

    def _cropped(self, x: Shaped[Tensor, "*C H W"], pipeline: Pipeline) -> Shaped[Tensor, "*C h w"]:
        """Without the right and lower pixels that make up no whole token."""
        codecs = (pipeline.codec, pipeline.condition_codec)
        f = math.lcm(*(codec.config.downsampling_factor for codec in codecs))
        *_, H, W = x.shape
        h, w = H // f * f, W // f * f
        if h == 0 or w == 0:
            raise ValueError(f"{self.map} has {H}×{W} pixels; {f}×{f} are needed at least")
        if (h, w) != (H, W):
            say(f"{self.map}: cropped from {H}×{W} to {h}×{w} pixels, multiples of {f}")
        return x[..., :h, :w]
