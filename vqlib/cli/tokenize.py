"""`python -m vqlib tokenize`: encode a data set once, to train priors on its tokens."""

from dataclasses import dataclass, field
from pathlib import Path

from vqlib.cli.drawing import check_seed
from vqlib.cli.messages import name_classes, name_parts_of
from vqlib.cli.targets import check_folder
from vqlib.tokens.folder import read_condition, write_token_folder
from vqlib.tokens.source import PriorSource
from vqlib.train.runtime import find_device


@dataclass(frozen=True)
class Tokenize:
    """Encode pictures, and what they are drawn from, into a folder for train prior --tokens.

    The folder also holds the codecs. Held-out pictures are encoded as well, as they are.
    """

    out: Path
    """The folder to write."""
    source: PriorSource = field(default_factory=PriorSource)
    """Which pictures."""
    copies: int = 1
    """1 takes each picture as it is for measuring; more: so many random cuts of each."""
    seed: int = 0
    """Of the random cuts."""
    workers: int = 0
    """Processes that read and crop pictures."""
    device: str | None = None
    """Such as cpu or cuda:0; by default the best there is."""

    def run(self) -> int:
        """Encode; an existing folder is never overwritten, an interrupted call leaves none."""
        for name, least in (("copies", 1), ("workers", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"--{name} is {getattr(self, name)}; it must be at least {least}")
        check_seed(self.seed)
        if self.out.exists():
            raise FileExistsError(f"{self.out} is there already; choose another folder")
        check_folder(self.out)
        task = self.source.task(find_device(self.device))
        name_parts_of(self.source, task.condition)
        options = {"copies": self.copies, "seed": self.seed, "workers": self.workers}
        train, held_out = write_token_folder(self.out, task, **options)
        name_classes(read_condition(self.out)[2])
        h, w = task.grid
        print(f"{self.out}: {h}×{w} tokens of {train} pictures, and of {held_out} held out")
        return 0
