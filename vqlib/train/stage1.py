"""What the two recipes of stage 1 share: their options, a model to start from, a preview."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vqlib.compress.processes import sum_over_processes
from vqlib.compress.quantize import code_counts, codebook_usage, perplexity
from vqlib.compress.revive import DeadCodeRestart, initialize_codes
from vqlib.compress.vqvae import VQVAE, LabelMapVQVAE, VQVAEConfig
from vqlib.data.batches import Draw, batch_indices, draw_batches
from vqlib.data.folder import FolderImages
from vqlib.data.images import Images, TensorImages
from vqlib.data.pictures import grid
from vqlib.saved.model import Part
from vqlib.saved.run_folder import has_begun
from vqlib.train.loop import Run
from vqlib.train.recipe import Recipe, Trained
from vqlib.train.runtime import Runtime
from vqlib.train.takeover import take_over

# Latent positions per code from which k-means finds the first codes.
POSITIONS_PER_CODE = 20


@dataclass(frozen=True)
class Stage1Recipe(Recipe):
    """How any codec is trained."""

    codebook_weight: float = 1.0
    """Weight of the codebook loss."""
    commitment_weight: float = 0.25
    """β, weight of the commitment loss (VQVAE, eq. 3)."""
    autoencoder_steps: int = 0
    """Steps of a plain autoencoder first, without a quantizer: the latents find their places before
    there are codes. Then kmeans_init puts the codes where the latents are."""
    kmeans_init: bool = False
    """Start the codes at the k-means centres of the encoder's latents, untrained ones without
    autoencoder_steps."""
    restart_every: int | None = None
    """Steps after which codes that were never chosen move to random latents; none: never."""
    restart_until: float = 0.8
    """Share of the steps after which no code is moved any more, in [0, 1], so that all learn where
    they are: a code that has just been moved is chosen, but not yet trained."""
    channels_last: bool = False
    """The channels of a pixel side by side in memory, which convolutions may like better."""
    workers: int = 0
    """Processes that read and crop pictures; 0 does it between the steps."""
    sample_every: int | None = None
    """Steps between two pictures of what the model makes of eight images (in the run folder)."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("restart_every", "sample_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}; use at least 1, or none")
        not_negative = ("codebook_weight", "commitment_weight", "workers", "autoencoder_steps")
        self.check_not_negative(*not_negative)
        if not 0 <= self.restart_until <= 1:
            raise ValueError(f"restart_until is {self.restart_until}; use a share from 0 to 1")

    def quantizes(self, step: int) -> bool:
        """Whether there is a quantizer at this step, counted from 0."""
        return step >= self.autoencoder_steps


def as_images(images: Images | Float[Tensor, "N C H W"]) -> Images:
    """A tensor of images as a data set."""
    return TensorImages(images) if isinstance(images, Tensor) else images


def material_of(images: Images) -> dict[str, str]:
    """What tells a data set from others, wherever it lies; a run is resumed with the same."""
    about = f"{len(images)} of {type(images).__name__}"
    if isinstance(images, FolderImages):
        names = hashlib.sha256("\n".join(images.names).encode("utf-8", "surrogateescape"))
        about += f", names {names.hexdigest()[:12]}"
    return {"pictures": about}


def prepare(
    model: VQVAEConfig | VQVAE,
    images: Images,
    recipe: Stage1Recipe,
    place: Runtime,
    folder: str | Path | None,
) -> VQVAE:
    """A new model, or the given one, in train mode on its device, its codes started as asked."""
    torch.manual_seed(recipe.seed)
    codec = model.build() if isinstance(model, VQVAEConfig) else model
    codec = place.put(codec, channels_last=recipe.channels_last).train()
    if recipe.kmeans_init and not recipe.autoencoder_steps and not has_begun(folder):
        start_codes(codec, images, recipe, place)
    if recipe.compile:
        from torch._functorch import config as functorch  # seconds: only where it is needed

        # λ goes back through the decoder's last layer more than once.
        functorch.donated_buffer = False
        codec.compile()
    return codec


@torch.no_grad()
def start_codes(codec: VQVAE, images: Images, recipe: Stage1Recipe, place: Runtime) -> None:
    """Put the codes at the k-means centres of the latents of some batches."""
    per_batch = recipe.batch_size * codec.config.grid_size**2
    count = -(-POSITIONS_PER_CODE * codec.config.num_codes // per_batch)
    indices = batch_indices(len(images), recipe.batch_size, seed=recipe.seed)
    draws = [  # whole batches, so that every process finds the same codes
        [Draw(i, b * recipe.batch_size + j) for j, i in enumerate(batch.tolist())]
        for b, batch in zip(range(count), indices, strict=False)
    ]
    batches = draw_batches(images, draws, seed=recipe.seed)
    latents = torch.cat([codec.latents(model_input(codec, place.put(x))) for x in batches])
    initialize_codes(codec.quantizer, latents, generator=torch.Generator().manual_seed(recipe.seed))


def model_input(codec: VQVAE, x: Tensor) -> Tensor:
    """What the encoder takes: images as they are, label maps as one-hot channels."""
    return codec.one_hot(x) if isinstance(codec, LabelMapVQVAE) else x


class CodebookCare(nn.Module):
    """Watches which codes are in use; starts them late or restarts dead ones as the recipe says.

    Its counts are buffers: part of a checkpoint.

    Args:
        images: training images, from which k-means starts the codes.
        num_codes: K.
        recipe: says whether to start and restart.
        place: this process.
    """

    def __init__(self, images: Images, num_codes: int, recipe: Stage1Recipe, place: Runtime):
        super().__init__()
        self.images, self.recipe, self.place = images, recipe, place
        every, until = recipe.restart_every, round(recipe.restart_until * recipe.steps)
        self.restarts = (
            None
            if every is None
            else DeadCodeRestart(num_codes, every, until=until, seed=recipe.seed)
        )
        self.register_buffer("counts", torch.zeros(num_codes, dtype=torch.int64))

    @torch.no_grad()
    def before_step(self, codec: VQVAE, x: Tensor, step: int) -> None:
        """Move codes where that is due. The step's batch shows where the latents are."""
        recipe = self.recipe
        if recipe.kmeans_init and step == recipe.autoencoder_steps > 0:
            start_codes(codec, self.images, recipe, self.place)
        counted = step > recipe.autoencoder_steps
        if counted and self.restarts is not None and self.restarts.due(step):
            self.restarts.restart(codec.quantizer, codec.latents(model_input(codec, x)), step)

    @torch.no_grad()
    def after_step(self, tokens: Tensor, step: int) -> None:
        """Count the step's tokens."""
        if not self.recipe.quantizes(step):
            return
        self.counts += sum_over_processes(code_counts(tokens, len(self.counts)))
        if self.restarts is not None:
            self.restarts.count(tokens)

    def logs(self) -> dict[str, Tensor]:
        """Usage and perplexity over the steps since this was last called; nothing as long as there
        is no quantizer."""
        if not self.counts.any():
            return {}
        usage, effective = codebook_usage(self.counts), perplexity(self.counts)
        self.counts.zero_()
        return {"usage": torch.tensor(usage), "perplexity": torch.tensor(effective)}


@runtime_checkable
class Stage1Step(Protocol):
    """The contract of a training step of stage 1, such as `VQGANStep`."""

    codec: VQVAE
    recipe: Stage1Recipe
    place: Runtime
    care: CodebookCare

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint must hold besides the codec."""
        ...

    def __call__(self, step: int, batch: Float[Tensor, "B C H W"]) -> dict[str, Tensor]:
        """Move the networks by one step; the losses, detached."""
        ...


def repeat(
    train_step: Stage1Step, images: Images, start_from: str | Path | None, **options: Any
) -> Trained[VQVAE]:
    """Take the step as often as its recipe says.

    Args:
        train_step: with its codec, recipe and process.
        images: training images.
        start_from: what a run that has not begun takes over, see `take_over`.
        options: of `Run`.
    """
    recipe, place = train_step.recipe, train_step.place
    if not has_begun(options["folder"]):
        take_over(start_from, train_step.parts, quiet=not place.is_main)
    with Run(train_step.codec, train_step.parts, recipe, place, **options) as run:
        run.preview(recipe.sample_every, preview_of(images))
        for step, batch in run.image_batches(images, workers=recipe.workers):
            logs = train_step(step, place.put(batch, channels_last=recipe.channels_last))
            if run.logs_at(step):
                run.log(step, logs | train_step.care.logs())
    return run.result()


def preview_of(images: Images) -> Callable[[VQVAE], Float[Tensor, "C H W"]]:
    """Draws the first eight images above what a model makes of them."""
    x = torch.stack([images[i] for i in range(min(8, len(images)))])  # pictures or label maps

    def draw(codec: VQVAE) -> Tensor:
        x_hat = codec.decode(codec.encode(x.to(codec.device))).cpu()
        return grid(torch.cat([_visible(codec, x), _visible(codec, x_hat)]), columns=len(x))

    return draw


def _visible(codec: VQVAE, x: Tensor) -> Tensor:
    # Label maps as grey levels.
    if not isinstance(codec, LabelMapVQVAE):
        return x
    return x[:, None].float() / (codec.num_labels - 1) * 2 - 1
