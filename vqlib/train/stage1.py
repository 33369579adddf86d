"""What the two recipes of stage 1 share: their options, a model to start from, a preview."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
from vqlib.train.checkpoint import has_begun
from vqlib.train.recipe import Recipe
from vqlib.train.runtime import Runtime

# Latent positions per code from which k-means finds the first codes.
POSITIONS_PER_CODE = 20


@dataclass(frozen=True)
class Stage1Recipe(Recipe):
    """How any codec is trained."""

    codebook_weight: float = 1.0
    """Weight of the codebook loss."""
    commitment_weight: float = 0.25
    """β, weight of the commitment loss (VQVAE, eq. 3)."""
    kmeans_init: bool = False
    """Start the codes at the k-means centres of the untrained encoder's latents."""
    restart_every: int | None = None
    """Steps after which codes that were never chosen move to random latents; none: never."""
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
        self.check_not_negative("codebook_weight", "commitment_weight", "workers")


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
    if recipe.kmeans_init and not has_begun(folder):
        _start_codes(codec, images, recipe, place)
    if recipe.compile:
        from torch._functorch import config as functorch  # seconds: only where it is needed

        # λ goes back through the decoder's last layer more than once.
        functorch.donated_buffer = False
        codec.compile()
    return codec


@torch.no_grad()
def _start_codes(codec: VQVAE, images: Images, recipe: Stage1Recipe, place: Runtime) -> None:
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
    """Watches which codes are in use, and restarts the dead ones if the recipe says so.

    Its counts are buffers: part of a checkpoint.

    Args:
        num_codes: K.
        recipe: says whether to restart.
    """

    def __init__(self, num_codes: int, recipe: Stage1Recipe):
        super().__init__()
        every = recipe.restart_every
        self.restarts = (
            None if every is None else DeadCodeRestart(num_codes, every, seed=recipe.seed)
        )
        self.register_buffer("counts", torch.zeros(num_codes, dtype=torch.int64))

    @torch.no_grad()
    def after_step(self, codec: VQVAE, x: Tensor, tokens: Tensor, step: int) -> None:
        """Count the step's tokens; restart dead codes when that is due."""
        self.counts += sum_over_processes(code_counts(tokens, len(self.counts)))
        if self.restarts is not None:
            self.restarts.count(tokens)
            if self.restarts.due(step):
                self.restarts.restart(codec.quantizer, codec.latents(model_input(codec, x)), step)

    def logs(self) -> dict[str, Tensor]:
        """Usage and perplexity over the steps since this was last called."""
        usage, effective = codebook_usage(self.counts), perplexity(self.counts)
        self.counts.zero_()
        return {"usage": torch.tensor(usage), "perplexity": torch.tensor(effective)}


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
