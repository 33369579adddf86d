"""What all commands that draw pictures ask: which prior, and how it chooses tokens."""

from dataclasses import dataclass
from typing import Literal

import torch

from vqlib.generate.sampling import Sampling
from vqlib.generate.sliding_window import Schedule, Sequential, Strided, Wavefront
from vqlib.saved.find import open_pipeline
from vqlib.saved.pipeline import Pipeline
from vqlib.train.runtime import find_device

# Half of what fits into 64 bits: so many pictures can always be counted on from it.
MAX_SEED = 2**62


@dataclass(frozen=True)
class Drawing:
    """Which prior draws, and how its tokens are chosen."""

    prior: str
    """A run folder of train prior or another pipeline folder, or the name of a pretrained one."""
    temperature: float = 1.0
    """Below 1: safer and less varied."""
    top_k: int | None = None
    """Choose among the k most likely codes only; by default among all."""
    top_p: float | None = None
    """Choose among the most likely codes that together have this probability; by default all."""
    guidance: float = 1.0
    """Above 1: exaggerate what the condition changes, for priors trained with
    --condition-dropout."""
    seed: int = 0
    """Of the random choices in the first picture; the others count on."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """bf16: the prior computes with half the bits."""
    device: str | None = None
    """Such as cpu or cuda:0; by default the best there is."""

    def sampling(self) -> Sampling:
        """How tokens are chosen; raises `ValueError` on numbers that mean nothing."""
        check_seed(self.seed)
        return Sampling(self.temperature, self.top_k, self.top_p, self.guidance)

    def pipeline(self) -> Pipeline:
        """Prior and codecs, ready to draw."""
        pipeline = open_pipeline(self.prior, device=find_device(self.device))
        if self.precision == "bf16":
            pipeline.prior.to(torch.bfloat16)
        return pipeline


@dataclass(frozen=True)
class Sliding:
    """In which order the tokens of pictures larger than the prior's are computed."""

    schedule: Literal["sequential", "wavefront", "strided"] = "sequential"
    """sequential: token by token, as in the paper. wavefront: the same tokens, several rows at
    once, for a GPU. strided: the window moves by several tokens at once; faster, not the same."""
    stride: int = 8
    """Of strided: tokens; at most half of the window's width."""

    def order(self, pipeline: Pipeline) -> Schedule:
        """The schedule of that name; raises `ValueError` if the prior's window is too narrow."""
        if self.schedule != "strided":
            return Sequential() if self.schedule == "sequential" else Wavefront()
        columns = pipeline.prior.config.grid[1]
        most = max(1, (columns + 1) // 2)
        if self.stride > most:
            raise ValueError(
                f"--stride is {self.stride}, but a window of {columns} columns allows at most "
                f"{most}"
            )
        if self.stride < 1:
            raise ValueError(f"--stride is {self.stride}; it must be at least 1")
        return Strided(self.stride)


def check_seed(seed: int) -> None:
    """Raise `ValueError` on a seed that torch cannot count on from."""
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"--seed is {seed}; use 0 to {MAX_SEED}")
