"""Both stages together: from a condition to a picture, of any size.

A *pipeline folder* is the model folder of a prior that also holds `pipeline.json`: where its codecs
are, and of which kind its condition is. A run folder of `train prior` is one too.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.compress.palette import ColorPalette
from vqlib.compress.vqvae import VQVAE
from vqlib.generate.condition import MapCondition
from vqlib.generate.prior import Prior
from vqlib.generate.sampling import Sampling
from vqlib.generate.sliding_window import Schedule, Sequential, sample_large
from vqlib.generate.steps import Known
from vqlib.saved.model import load_model
from vqlib.saved.run_folder import model_folder

Codec = VQVAE | ColorPalette
ConditionKind = Literal[
    "none",
    "class",
    "coordinates",
    "text",
    "segmentation",
    "depth",
    "edges",
    "low_resolution",
    "upper_half",
]
FILE = "pipeline.json"
# A decoder needs a hundred times the memory of its pictures.
DECODED_AT_ONCE = 16


@dataclass(frozen=True)
class Pipeline:
    """A prior, the codec of its pictures, and the kind of its condition."""

    prior: Prior
    """Stage 2."""
    codec: Codec
    """Stage 1."""
    condition: ConditionKind = "none"
    """What the pictures are drawn from."""
    condition_codec: Codec | None = None
    """Stage 1 of the condition, where that is a picture."""
    classes: tuple[str, ...] = ()
    """Names of the classes that it draws from, the first that of class 0; not all have some."""

    def __post_init__(self):
        if self.condition not in get_args(ConditionKind):
            raise ValueError(
                f"condition is {self.condition!r}; use one of {', '.join(get_args(ConditionKind))}"
            )
        K, made = self.prior.config.num_codes, self.codec.config.num_codes
        if made != K:
            raise ValueError(
                f"the prior models {K} codes, the codec has {made}: they do not belong together"
            )
        is_map = isinstance(self.prior.config.condition, MapCondition)
        if is_map != (self.condition_codec is not None):
            raise ValueError(
                "a condition that is a picture needs a codec of its own, and no other does; "
                f"here the prior's condition is {self.prior.config.condition}"
            )
        if self.condition_codec is not None:
            ids, made = self.prior.config.condition.num_ids, self.condition_codec.config.num_codes
            if ids != made:
                raise ValueError(
                    f"the prior knows {ids} codes of its condition, the codec of the condition has "
                    f"{made}: they do not belong together"
                )
        known = getattr(self.prior.config.condition, "num_classes", 0)
        if self.classes and len(self.classes) != known:
            raise ValueError(f"there are {len(self.classes)} names for {known} classes")

    @property
    def device(self) -> torch.device:
        """Where the models are."""
        return self.codec.device

    def value(self, condition: Any) -> Any:
        """What the prior takes as its condition.

        Args:
            condition: label maps (B, H, W) for a segmentation; pictures (B, C, H, W) for depth and
                edges; the whole picture for low_resolution and upper_half, which is reduced here;
                classes (B,), captions or None for the others.
        """
        if self.condition_codec is None:
            return condition.to(self.device) if isinstance(condition, Tensor) else condition
        x = condition.to(self.device)
        if self.condition == "low_resolution":
            x = reduced(x, self.codec, self.condition_codec, self.prior)
        elif self.condition == "upper_half":
            x = x[:, :, : x.shape[2] // 2]
        return self.condition_codec.encode(x)

    def sample(
        self,
        condition: Any = None,
        sampling: Sampling = Sampling(),  # noqa: B008 (frozen)
        *,
        count: int | None = None,
        seed: int | Sequence[int] = 0,
        progress: bool = False,
    ) -> Float[Tensor, "B C H W"]:
        """New pictures of the prior's size; arguments as in `value` and `Prior.sample`."""
        tokens = self.prior.sample(
            self.value(condition), sampling, count=count, seed=seed, progress=progress
        )
        return self._decoded(tokens.view(-1, *self.prior.config.grid))

    def sample_large(
        self,
        size: tuple[int, int],
        condition: Any = None,
        sampling: Sampling = Sampling(),  # noqa: B008 (frozen)
        *,
        count: int | None = None,
        seed: int | Sequence[int] = 0,
        known: Known | None = None,
        schedule: Schedule = Sequential(),  # noqa: B008 (frozen)
        progress: bool = False,
    ) -> Float[Tensor, "B C H W"]:
        """New pictures of any size; arguments as in `vqlib.generate.sample_large`.

        Args:
            size: height and width in pixels, multiples of the codec's f.
            condition: as in `value`, for the whole picture.
            sampling: as in `Prior.sample`.
            count: as in `Prior.sample`.
            seed: as in `Prior.sample`.
            known: tokens that are given.
            schedule: in which order tokens are computed.
            progress: show a bar.
        """
        f = self.codec.config.downsampling_factor
        if size[0] % f or size[1] % f:
            raise ValueError(f"size is {size[0]}×{size[1]} pixels; use multiples of f = {f}")
        tokens = sample_large(
            self.prior,
            (size[0] // f, size[1] // f),
            self.value(condition),
            sampling,
            count=count,
            seed=seed,
            known=known,
            schedule=schedule,
            progress=progress,
        )
        return self._decoded(tokens)

    def _decoded(self, tokens: Int[Tensor, "B h w"]) -> Float[Tensor, "B C H W"]:
        return torch.cat([self.codec.decode(part) for part in tokens.split(DECODED_AT_ONCE)])


def reduced(x: Tensor, codec: Codec, small: Codec, prior: Prior) -> Float[Tensor, "B C h w"]:
    """Pictures made so small that the condition's codec gives the tokens that the prior expects.

    They are averaged over blocks of pixels.
    """
    (rows, columns), (h, w) = prior.config.condition.grid, prior.config.grid
    f, g = codec.config.downsampling_factor, small.config.downsampling_factor
    size = (x.shape[2] * rows * g // (h * f), x.shape[3] * columns * g // (w * f))
    return F.interpolate(x, size, mode="area")


def write_pipeline(
    folder: str | Path,
    kind: ConditionKind,
    codec: str | Path,
    condition_codec: str | Path | None = None,
    *,
    classes: Sequence[str] = (),
) -> None:
    """Write `pipeline.json` into a prior's folder.

    Args:
        folder: of the prior.
        kind: what its condition is.
        codec: folder of the codec, relative to the prior's.
        condition_codec: the same for the condition's codec, if there is one.
        classes: names of the classes, where they have names.
    """
    parts: dict[str, Any] = {"condition": kind, "codec": str(codec)}
    if condition_codec is not None:
        parts["condition_codec"] = str(condition_codec)
    if classes:
        parts["classes"] = list(classes)
    path = Path(folder) / FILE
    temporary = path.with_name(path.name + ".new")
    text = json.dumps(parts, indent=2, ensure_ascii=False) + "\n"
    temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    temporary.replace(path)


def load_pipeline(folder: str | Path, *, device: str | torch.device = "cpu") -> Pipeline:
    """Read a prior and its codecs, from a pipeline folder or a run folder of `train prior`.

    Raises:
        FileNotFoundError: the folder or a file is missing.
        ValueError: a file is damaged, or the models do not belong together.
    """
    folder = Path(folder)
    path = folder / FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} not found; a folder that `train prior` has written is needed, or one of the "
            "pretrained priors"
        )
    try:
        parts = json.loads(path.read_text(encoding="utf-8"))
        kind, codec = parts["condition"], folder / parts["codec"]
        second, classes = parts.get("condition_codec"), tuple(parts.get("classes", ()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    prior = load_model(model_folder(folder), device=device)
    if not isinstance(prior, Prior):
        raise ValueError(f"{folder} holds a {type(prior).__name__}, a prior is needed")
    return Pipeline(
        prior,
        _load_codec(codec, device),
        kind,
        None if second is None else _load_codec(folder / second, device),
        classes,
    )


def _load_codec(folder: Path, device: str | torch.device) -> Codec:
    codec = load_model(folder, device=device)
    if not isinstance(codec, Codec):
        raise ValueError(f"{folder} holds a {type(codec).__name__}, a codec is needed")
    return codec
