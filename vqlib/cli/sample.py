"""`python -m vqlib sample`: draw new pictures."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from vqlib.cli.models import load_kind
from vqlib.compress.vqvae import VQVAE
from vqlib.course.pretrained import pretrained_folder
from vqlib.data.pictures import grid, write_picture
from vqlib.generate.gpt import GPT
from vqlib.generate.sampling import generate


@dataclass(frozen=True)
class Sample:
    """Draw new pictures: the prior gives tokens, the codec turns them into pictures."""

    label: int | None = None
    """The class to draw; by default all classes in turn."""
    count: int = 40
    """How many pictures."""
    temperature: float = 1.0
    """Below 1: safer and less varied."""
    top_k: int | None = None
    """Choose among the k most likely codes only."""
    top_p: float | None = None
    """Choose among the most likely codes that together have this probability."""
    seed: int = 0
    """Of the random choices."""
    codec: Path = field(default_factory=lambda: pretrained_folder("digits_vqvae"))
    """Folder of the trained VQVAE."""
    prior: Path = field(default_factory=lambda: pretrained_folder("digits_gpt"))
    """Folder of the trained GPT."""
    out: Path = Path("samples.png")
    """The PNG to write."""

    def run(self) -> int:
        """Sample and save a grid of pictures."""
        codec, prior = load_kind(self.codec, VQVAE), load_kind(self.prior, GPT)
        side = codec.config.grid_size
        T, K = side**2, codec.config.num_codes
        if (prior.config.num_tokens, prior.config.num_codes) != (T, K):
            raise ValueError(
                f"{self.prior} models {prior.config.num_tokens} tokens out of "
                f"{prior.config.num_codes} codes, {self.codec} makes {T} out of {K}: they do not "
                "belong together"
            )
        if self.count < 1:
            raise ValueError(f"count is {self.count}; it must be at least 1")
        classes = torch.arange(self.count) % prior.config.num_conditions
        condition = classes if self.label is None else torch.full_like(classes, self.label)
        tokens = generate(
            prior,
            condition,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            generator=torch.Generator().manual_seed(self.seed),
        )
        images = codec.decode(tokens.view(-1, side, side))
        write_picture(grid(images, columns=10), self.out)
        print(f"{self.out}: {self.count} pictures")
        return 0
