"""All that `train prior` needs in one folder: tokens, conditions, and the codecs they are of.

A *token folder* is a token cache (see `vqlib.tokens.cache`) that also holds `codec`, where
conditions are pictures `condition_codec` and a second cache `maps`, and `condition.json`. In
`held_out` are the caches of held-out pictures, if there are some.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from vqlib.data.images import Images
from vqlib.generate.prior import AnyCondition
from vqlib.saved.files import written_whole
from vqlib.saved.model import PARTS, load_model, save_model
from vqlib.saved.pipeline import Codec, ConditionKind
from vqlib.tokens.cache import open_token_cache, write_token_cache
from vqlib.tokens.conditions import CONDITIONS, Conditioned, held_out_of, windowed
from vqlib.tokens.data import TokenGrids
from vqlib.tokens.material import NUM_HELD_OUT, Material, Window
from vqlib.tokens.source import PriorTask

CONDITION = "condition.json"


def write_token_folder(
    folder: str | Path,
    task: PriorTask,
    *,
    copies: int = 1,
    seed: int = 0,
    workers: int = 0,
    progress: bool = True,
) -> tuple[int, int]:
    """Encode the pictures of a task, and what they are drawn from.

    Args:
        folder: a new folder. An interrupted call leaves nothing of it.
        task: pictures, codecs, and what the pictures are drawn from.
        copies: 1 takes the pictures as they are for measuring; more: so many random draws of each.
            Held-out pictures are always taken as they are.
        seed: of the random draws.
        workers: processes that read and crop pictures.
        progress: show bars.

    Returns:
        How many token grids there are to train with, and how many held out.

    Raises:
        FileExistsError: the folder is there already.
        ValueError: the data do not have what is asked for, or the codecs do not fit.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} is there already; choose another folder")
    task = replace(task, window=task.grid)
    # Both before anything is encoded: a wrong file comes to light at once.
    found, held_out = CONDITIONS[task.condition](task, "train"), held_out_of(task)
    options = {"workers": workers, "progress": progress}
    with written_whole(folder) as temporary:
        write_caches(temporary, task, found, copies=copies, seed=seed, **options)
        if isinstance(held_out, Conditioned):
            write_caches(temporary / "held_out", task, held_out, **options)
        save_model(task.codec, temporary / "codec")
        if found.codec is not None:
            save_model(found.codec, temporary / "condition_codec")
        kind = {"kind": type(found.condition).__name__, **asdict(found.condition)}
        notes = {"kind": task.condition, "condition": kind, "classes": found.classes}
        text = json.dumps(notes, indent=2, ensure_ascii=False) + "\n"
        (temporary / CONDITION).write_text(text, encoding="utf-8", errors="backslashreplace")
    return copies * len(found.images), 0 if isinstance(held_out, str) else len(held_out.images)


def write_caches(
    folder: Path,
    task: PriorTask,
    found: Conditioned,
    *,
    copies: int = 1,
    seed: int = 0,
    workers: int = 0,
    progress: bool = True,
) -> None:
    """The cache of the pictures; where they have maps, also that of the same parts of these."""
    options = {"copies": copies, "seed": seed, "workers": workers, "progress": progress}
    pictures = Part(found.images, partial(first_channels, count=task.channels))
    write_token_cache(folder, task.codec, pictures, values=found.values, **options)
    if found.view is not None:
        write_token_cache(folder / "maps", found.codec, Part(found.images, found.view), **options)


def open_token_folder(
    folder: str | Path,
    window: Window | None = None,
    *,
    device: str | torch.device = "cpu",
) -> Material:
    """Read what `write_token_folder` wrote, to train with; the tokens stay on disk.

    Args:
        folder: that was written.
        window: rows and columns that the prior sees at once; by default the codec's grid.
        device: where the codecs go.

    Raises:
        FileNotFoundError: the folder or a file is missing.
        ValueError: a file is damaged, or the window does not fit.
    """
    folder = Path(folder)
    kind, condition, classes = read_condition(folder)
    codec, second = load_model(folder / "codec", device=device), None
    if (folder / "maps").is_dir():
        second = load_model(folder / "condition_codec", device=device)
    train, held_out = _open_caches(folder, codec, second), f"{folder} has none"
    if (folder / "held_out").is_dir():
        held_out = _few(_open_caches(folder / "held_out", codec, second))
    whole = tuple(train.tokens.shape[1:])
    window = window or tuple(min(codec.config.grid_size, n) for n in whole)
    if not all(1 <= n <= most for n, most in zip(window, whole, strict=True)):
        (h, w), (H, W) = window, whole
        raise ValueError(f"window is {h}×{w} tokens; {folder} has {H}×{W}")
    condition = windowed(kind, condition, whole, window)
    return Material(train, held_out, codec, kind, condition, second, window, classes)


def _few(held_out: TokenGrids) -> TokenGrids:
    """Some from all parts, if there are very many."""
    every = -(-len(held_out) // NUM_HELD_OUT)
    values = held_out.values
    return TokenGrids(held_out.tokens[::every], None if values is None else values[::every])


def _open_caches(folder: Path, codec: Codec, second: Codec | None) -> TokenGrids:
    pictures = open_token_cache(folder, codec)
    if second is None:
        return pictures
    return TokenGrids(pictures.tokens, open_token_cache(folder / "maps", second).tokens)


def read_condition(folder: Path) -> tuple[ConditionKind, AnyCondition, tuple[str, ...]]:
    """From what the pictures of a token folder are drawn, and what classes are called."""
    path = folder / CONDITION
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found; a folder that `tokenize` has written is needed")
    try:
        notes = json.loads(path.read_text(encoding="utf-8"))
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in notes["condition"].items()}
        condition = PARTS[values.pop("kind")](**values)
        return notes["kind"], condition, tuple(notes.get("classes", ()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error!r}); write the tokens again") from error


@dataclass(frozen=True)
class Part:
    """One part of each image: the picture alone, or what it is drawn from. An `Images`."""

    images: Images
    """Drawn with the same random numbers as any other part of them."""
    take: Callable[[Tensor], Tensor]
    """From images (B, C, H, W) to the part; not a lambda, for worker processes."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the part; (1, H, W) of label maps."""
        *C, H, W = self[0].shape
        return (*C, H, W) if C else (1, H, W)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.take(self.images[index][None])[0]

    def draw(self, index: int, generator: torch.Generator) -> Tensor:
        """The part of an image as it is drawn."""
        return self.take(self.images.draw(index, generator)[None])[0]


def first_channels(x: Tensor, *, count: int) -> Tensor:
    """The pictures, without the maps behind them."""
    return x[:, :count]
