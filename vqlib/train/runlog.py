"""What a run tells: lines of JSON, TensorBoard, sample pictures, all in its folder."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from vqlib.data.pictures import write_picture

Entry = dict[str, int | float]


class RunLog:
    """The history of one run, in memory and, where there is a folder, in `log.jsonl`.

    Args:
        folder: of the run; None keeps the history in memory only.
        writes: False for all processes but the main one.
        tensorboard: also write TensorBoard's event files into `folder/tensorboard`.
    """

    def __init__(self, folder: Path | None, *, writes: bool, tensorboard: bool):
        self.folder = folder if writes else None
        self.history: list[Entry] = []
        self._tensorboard, self._board = tensorboard, None

    def add(self, step: int, seconds: float, values: Mapping[str, float]) -> None:
        """Keep the values of a step, counted from 1."""
        entry: Entry = {"step": step, "seconds": round(seconds, 3), **values}
        self.history.append(entry)
        if self.folder is not None:
            with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(_line(entry))
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def add_picture(self, step: int, picture: Float[Tensor, "C H W"]) -> None:
        """Save a picture in [-1, 1] as `samples/step_XXXXXXXX.png`."""
        if self.folder is not None:
            write_picture(picture, self.folder / "samples" / f"step_{step:08d}.png")
        if self._board is not None:
            self._board.add_image("samples", picture.float().add(1).div(2).clamp(0, 1), step)

    def go_back_to(self, step: int) -> None:
        """Start after a step: what was logged later is forgotten, its steps are done again."""
        if self.folder is None:
            return
        self.history = [entry for entry in read_log(self.folder) if entry["step"] <= step]
        kept = "".join(map(_line, self.history))
        path = self.folder / "log.jsonl"
        temporary = path.with_name(".log.jsonl.part")
        temporary.write_text(kept, encoding="utf-8")
        temporary.replace(path)
        if self._tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ModuleNotFoundError as error:
                raise ValueError("tensorboard is True; first: pip install tensorboard") from error

            board = str(self.folder / "tensorboard")
            self._board = SummaryWriter(board, purge_step=step + 1)  # of what will be done again

    def close(self) -> None:
        """Write what TensorBoard has not written yet."""
        if self._board is not None:
            self._board.close()


def read_log(folder: str | Path) -> list[Entry]:
    """The history of the run in a folder: one entry per logged step; empty where there is none.

    A value that was no finite number stands in the file as null, and comes back as NaN.
    """
    path = Path(folder) / "log.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    entries = [
        json.loads(line) for line in lines if line.endswith("}")
    ]  # the last may be cut short
    return [{k: math.nan if v is None else v for k, v in entry.items()} for entry in entries]


def _line(entry: Entry) -> str:
    """An entry as a line of JSON, which knows neither NaN nor infinity: null stands for them."""
    plain = {name: value if math.isfinite(value) else None for name, value in entry.items()}
    return json.dumps(plain, allow_nan=False) + "\n"
