"""`python -m vqlib sample`: draw new pictures."""

from dataclasses import dataclass, field
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from vqlib.cli.drawing import Drawing, Sliding
from vqlib.cli.given import Given
from vqlib.cli.pictures import check_target
from vqlib.data.pictures import grid, write_picture
from vqlib.train.pipeline import Pipeline

# Pictures of a sheet where nothing tells how many.
COUNT = 40


@dataclass(frozen=True)
class Sample:
    """Draw new pictures: the prior gives tokens, the codec turns them into pictures.

    Every picture depends on its own seed alone, whatever is drawn beside it.
    """

    drawing: Drawing = field(default_factory=lambda: Drawing("digits_gpt"))
    """Which prior, and how."""
    given: Given = field(default_factory=Given)
    """What to draw."""
    count: int | None = None
    """How many pictures; by default one for each caption or map, else 40, or one of a --size."""
    size: tuple[int, int] | None = None
    """Height and width in pixels; by default the prior's. In larger pictures a window slides."""
    sliding: Sliding = field(default_factory=Sliding)
    """How the window slides."""
    columns: int = 10
    """Pictures side by side."""
    out: Path = Path("samples.png")
    """The PNG to write."""

    def run(self) -> int:
        """Sample and save a grid of pictures."""
        check_target(self.out, *self.given.map)
        for name in ("count", "columns"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        self.drawing.sampling()  # wrong numbers come to light before models are read
        images = self.pictures(self.drawing.pipeline())
        write_picture(grid(images, columns=self.columns), self.out)
        count = len(images)
        many = "" if count == 1 else "s"
        print(f"{self.out}: {count} picture{many}{self._how_to_repeat(count)}")
        return 0

    def pictures(self, pipeline: Pipeline) -> Float[Tensor, "B C H W"]:
        """The pictures, from the first seed on."""
        if pipeline.meaning == "coordinates" and self.size is None:
            raise ValueError("this prior draws parts of larger pictures; give their --size")
        count = self.count or self.given.number or (COUNT if self.size is None else 1)
        f = pipeline.codec.config.downsampling_factor
        size = self.size or tuple(f * n for n in pipeline.prior.config.grid)
        if min(size) < 1:
            raise ValueError(f"size is {size[0]}×{size[1]} pixels; use {f}×{f} or more")
        seeds = range(self.drawing.seed, self.drawing.seed + count)
        condition = self.given.condition(pipeline, seeds, size)
        options = {"count": count, "seed": self.drawing.seed, "progress": True}
        sampling, schedule = self.drawing.sampling(), self.sliding.order(pipeline)
        if self.size is None:
            return pipeline.sample(condition, sampling, **options)
        return pipeline.sample_large(size, condition, sampling, schedule=schedule, **options)

    def _how_to_repeat(self, count: int) -> str:
        """How to draw one of several alone."""
        if count == 1:
            return ""
        last = self.drawing.seed + count - 1
        beside = " and its caption or map" if self.given.number > 1 else ""
        return (
            f", seeds {self.drawing.seed} to {last} row by row; the last one alone: --seed {last} "
            f"--count 1{beside}"
        )
