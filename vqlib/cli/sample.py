"""`python -m vqlib sample`: draw new pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from vqlib.cli.classes import numbered
from vqlib.cli.drawing import Drawing, Sliding
from vqlib.cli.given import Given
from vqlib.cli.messages import say
from vqlib.cli.sample_folder import NOTES, SampleFolder
from vqlib.cli.targets import check_folder, check_target
from vqlib.compress.perceptual import weights_digest
from vqlib.data.pictures import grid, picture_extensions, write_picture
from vqlib.saved.pipeline import Pipeline

# Pictures where nothing tells how many.
COUNT = 40
# Pixels between the pictures of a sheet.
GAP = 2


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
    batch_size: int = 64
    """Pictures drawn at a time. They do not depend on it; fewer need less memory."""
    columns: int = 10
    """Pictures side by side on a sheet."""
    out: Path = Path("samples.png")
    """The PNG to write, a sheet of all pictures; or a folder, which gets a PNG named by its seed
    for each, and samples.json, which tells how they were drawn."""
    resume: bool = False
    """Draw what is still missing in the folder --out; by default one with samples is refused."""

    def run(self) -> int:
        """Draw, and save a sheet or a folder of pictures."""
        self._check()
        pipeline = self.drawing.pipeline()
        self.given.check(pipeline)
        seeds, size = self._seeds(pipeline), self._size(pipeline)
        if self.out.suffix.lower() == ".png":
            self._check_sheet(len(seeds), size)
            images = torch.cat(list(self.pictures(pipeline, seeds, size)))
            write_picture(grid(images, columns=self.columns, gap=GAP), self.out)
            many = "" if len(seeds) == 1 else "s"
            print(f"{self.out}: {len(seeds)} picture{many}{self._how_to_repeat(len(seeds))}")
        else:
            self._fill_folder(pipeline, seeds, size)
        self._name_classes(pipeline)
        return 0

    def pictures(
        self, pipeline: Pipeline, seeds: Sequence[int], size: tuple[int, int]
    ) -> Iterator[Float[Tensor, "B C H W"]]:
        """The pictures of these seeds, a batch at a time, on the CPU."""
        sampling, schedule = self.drawing.sampling(), self.sliding.order(pipeline)
        parts = [seeds[n : n + self.batch_size] for n in range(0, len(seeds), self.batch_size)]
        conditions = self.given.conditions(
            pipeline, seeds, size, batch_size=self.batch_size, first=self.drawing.seed
        )
        several = len(parts) > 1
        with tqdm(total=len(seeds), desc="pictures", disable=not several) as bar:
            for part, condition in zip(parts, conditions, strict=True):
                options = {"count": len(part), "seed": part, "progress": not several}
                if self.size is None:
                    drawn = pipeline.sample(condition, sampling, **options)
                else:
                    options["schedule"] = schedule
                    drawn = pipeline.sample_large(size, condition, sampling, **options)
                yield drawn.cpu()
                bar.update(len(part))

    def _fill_folder(self, pipeline: Pipeline, seeds: range, size: tuple[int, int]) -> None:
        """A file for each picture; an interruption leaves those that are finished."""
        drawn_from = {seed: self.given.told(pipeline, seed, seeds[0]) for seed in seeds}
        folder = SampleFolder(self.out, self._settings(pipeline, size), drawn_from)
        missing = folder.missing(resume=self.resume)
        waiting, saved = iter(missing), len(seeds) - len(missing)
        try:
            for number, images in enumerate(self.pictures(pipeline, missing, size)):
                if number == 0:
                    folder.begin()
                for image in images:
                    folder.add(next(waiting), image)
                    saved += 1
        except BaseException:
            if saved:
                say(
                    f"{saved} of {len(seeds)} pictures are in {self.out}; go on with the same "
                    "command and --resume"
                )
            raise
        there = len(seeds) - len(missing)
        before = f", {there} of which were there already" if there else ""
        print(f"{self.out}: {len(seeds)} pictures{before}; {NOTES} tells how they were drawn")

    def _check(self) -> None:
        """Wrong flags come to light before models are read."""
        if self.out.suffix.lower() == ".png":
            check_target(self.out, *self.given.map)
            if self.resume:
                raise ValueError(f"--resume goes on in a folder, but --out is {self.out}")
        elif self.out.suffix.lower() in picture_extensions():
            raise ValueError(
                f"{self.out}: pictures are saved as PNG, give a name that ends in .png, or a folder"
            )
        else:
            check_folder(self.out)
        for name in ("count", "columns", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"--{name.replace('_', '-')} is {value}; it must be at least 1")
        given = self.given.number
        if self.count is not None and self.count < given:
            raise ValueError(
                f"--count is {self.count}, but {given} captions or maps are given; leave --count "
                "out for one picture of each"
            )
        self.drawing.sampling()

    def _seeds(self, pipeline: Pipeline) -> range:
        """One for each picture."""
        if pipeline.condition == "coordinates" and self.size is None:
            raise ValueError("this prior draws parts of larger pictures; give their --size")
        count = self.count or self.given.number or (COUNT if self.size is None else 1)
        return range(self.drawing.seed, self.drawing.seed + count)

    def _size(self, pipeline: Pipeline) -> tuple[int, int]:
        """Height and width of the pictures in pixels."""
        f = pipeline.codec.config.downsampling_factor
        if self.size is None:
            rows, columns = pipeline.prior.config.grid
            return f * rows, f * columns
        if min(self.size) < f or any(side % f for side in self.size):
            raise ValueError(
                f"--size is {self.size[0]}×{self.size[1]} pixels; use multiples of f = {f}"
            )
        return self.size

    def _check_sheet(self, count: int, size: tuple[int, int]) -> None:
        """Raise `ValueError` if no viewer would open a sheet so large, nor Pillow itself."""
        columns = min(self.columns, count)
        H = -(-count // columns) * (size[0] + GAP) + GAP
        W = columns * (size[1] + GAP) + GAP
        if H * W > Image.MAX_IMAGE_PIXELS:
            raise ValueError(
                f"a sheet of {count:,} pictures would have {H:,}×{W:,} pixels, more than programs "
                "open; give a folder as --out, which gets a file for each"
            )

    def _settings(self, pipeline: Pipeline, size: tuple[int, int]) -> dict[str, Any]:
        """All that the pictures depend on besides seed and condition."""
        drawing = {k: v for k, v in asdict(self.drawing).items() if k not in ("seed", "device")}
        codecs = {"codec": pipeline.codec, "condition_codec": pipeline.condition_codec}
        models = {"prior": pipeline.prior, **{k: v for k, v in codecs.items() if v is not None}}
        settings = {**drawing, "size": list(size)}
        if self.size is not None:
            settings |= asdict(self.sliding)
        if pipeline.condition == "edges":
            settings["map_is"] = self.given.map_is
        return {**settings, "sha256": {name: weights_digest(m) for name, m in models.items()}}

    def _name_classes(self, pipeline: Pipeline) -> None:
        if not pipeline.classes:
            return
        if self.given.label is None:
            print(
                f"of seed s: class s modulo {len(pipeline.classes)}; {numbered(pipeline.classes)}"
            )
        else:
            number = self.given.class_of(pipeline, 0)
            print(f"drawn from class {number} {pipeline.classes[number]}")

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
