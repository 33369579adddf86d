"""`python -m vqlib extend`: draw what lies around a photograph, or in a hole in it."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F
from tyro.conf import Positional

from vqlib.cli.drawing import Drawing, Sliding
from vqlib.cli.given import Given
from vqlib.cli.messages import say
from vqlib.cli.pictures import shrunk
from vqlib.cli.targets import check_target
from vqlib.data.pictures import read_picture, write_picture
from vqlib.generate.steps import Known
from vqlib.saved.pipeline import Pipeline


@dataclass(frozen=True)
class Extend:
    """Go on with a photograph beyond its edges, or fill a rectangle in it anew.

    The photograph becomes tokens; those that are not drawn anew are kept. The prior writes row by
    row and sees only what is above and to the left on the row: so it goes on best downwards and to
    the right. What is kept to the right of a new token or below it stays as it is, but is not seen
    when the token is drawn, and a seam may show there.
    """

    photo: Positional[Path]
    """A picture file."""
    left: int = 0
    """New pixels on the left; this and the others are multiples of the codec's f."""
    right: int = 0
    """New pixels on the right."""
    top: int = 0
    """New pixels above."""
    bottom: int = 0
    """New pixels below."""
    erase: tuple[int, int, int, int] | None = None
    """Top, left, height and width of a rectangle of the photograph, in its pixels, to draw anew;
    each token that it touches is. The tokens around it were made while it could still be seen."""
    paste: bool = False
    """Put the photograph's own pixels back where its tokens were kept, instead of what the codec
    makes of them."""
    max_side: int = 512
    """A larger photograph is shrunk so that its longer side has this many pixels."""
    out: Path = Path("extended.png")
    """The PNG to write."""
    drawing: Drawing = field(default_factory=lambda: Drawing("textures_gpt"))
    """Which prior, and how."""
    given: Given = field(default_factory=Given)
    """What to draw, of the whole new picture."""
    sliding: Sliding = field(default_factory=Sliding)
    """How the window slides."""

    def run(self) -> int:
        """Encode, draw around what is known, and save."""
        self._check()
        sampling, pipeline = self.drawing.sampling(), self.drawing.pipeline()
        schedule = self.sliding.order(pipeline)
        x, keep = self._read(pipeline)
        known = self._known(pipeline, x, keep)
        f = pipeline.codec.config.downsampling_factor
        size = tuple(f * n for n in known.keep.shape[1:])
        (picture,) = pipeline.sample_large(
            size,
            self.given.condition(pipeline, [self.drawing.seed], size),
            sampling,
            seed=self.drawing.seed,
            known=known,
            schedule=schedule,
            progress=True,
        )
        picture = self._pasted(picture.cpu(), x, keep, f) if self.paste else picture
        write_picture(picture, self.out)
        kept, all_of_them = int(known.keep.sum()), known.keep.numel()
        print(f"{self.out}: {size[0]}×{size[1]} pixels, {kept} of {all_of_them} tokens kept")
        return 0

    @property
    def sides(self) -> dict[str, int]:
        """New pixels on each side, in the order of `pad`."""
        return {name: getattr(self, name) for name in ("left", "right", "top", "bottom")}

    def _check(self) -> None:
        """Wrong flags come to light before models are read."""
        check_target(self.out, self.photo, *self.given.map)
        for name, pixels in self.sides.items():
            if pixels < 0:
                raise ValueError(f"--{name} is {pixels}; use 0 or more")
        if self.erase is None and not any(self.sides.values()):
            flags = "--left, --right, --top, --bottom or --erase"
            raise ValueError(f"there is nothing to draw: give {flags}")
        if self.max_side < 1:
            raise ValueError(f"--max-side is {self.max_side}; it must be at least 1")

    def _read(self, pipeline: Pipeline) -> tuple[Float[Tensor, "C H W"], Bool[Tensor, "h w"]]:
        """The photograph, in whole tokens, and which of its tokens are kept."""
        f = pipeline.codec.config.downsampling_factor
        photo = read_picture(self.photo, channels=pipeline.codec.config.image_channels)
        x = shrunk(photo, self.max_side)
        before, (H, W) = photo.shape[1:], x.shape[1:]
        h, w = H // f, W // f
        if h == 0 or w == 0:
            raise ValueError(f"{self.photo} has {H}×{W} pixels; {f}×{f} are needed at least")
        keep = torch.ones(h, w, dtype=torch.bool)
        if self.erase is not None:
            keep[self._erased(before, (H, W), f)] = False
        if (h * f, w * f) != tuple(before):
            words = f"{before[0]}×{before[1]} pixels become {h * f}×{w * f}"
            say(f"{self.photo}: {words}, multiples of f = {f}")
        return x[:, : h * f, : w * f], keep

    def _erased(
        self, photo: tuple[int, int], shrunk_to: tuple[int, int], f: int
    ) -> tuple[slice, slice]:
        """Rows and columns of the tokens that the rectangle touches."""
        top, left, height, width = self.erase
        H, W = photo
        if min(top, left) < 0 or min(height, width) < 1 or top + height > H or left + width > W:
            raise ValueError(
                f"--erase is top {top}, left {left}, height {height}, width {width}; {self.photo} "
                f"has {H}×{W} pixels"
            )
        h, w = shrunk_to
        rows = slice(top * h // (H * f), -(-(top + height) * h // (H * f)))
        return rows, slice(left * w // (W * f), -(-(left + width) * w // (W * f)))

    def _known(self, pipeline: Pipeline, x: Tensor, keep: Tensor) -> Known:
        """The photograph's tokens in the new picture."""
        f = pipeline.codec.config.downsampling_factor
        for name, pixels in self.sides.items():
            if pixels % f:
                raise ValueError(f"--{name} is {pixels}; it must be a multiple of f = {f}")
        around = [pixels // f for pixels in self.sides.values()]
        tokens = pipeline.codec.encode(x[None].to(pipeline.device))
        return Known(F.pad(tokens, around), F.pad(keep[None].to(tokens.device), around))

    def _pasted(
        self, picture: Float[Tensor, "C _ _"], x: Float[Tensor, "C H W"], keep: Tensor, f: int
    ) -> Float[Tensor, "C _ _"]:
        """The new picture with the photograph's pixels where its tokens were kept."""
        _, H, W = x.shape
        part = picture[:, self.top : self.top + H, self.left : self.left + W]
        mask = keep.repeat_interleave(f, 0).repeat_interleave(f, 1)
        part.copy_(torch.where(mask, x, part))
        return picture
