"""The recipe of VQGAN: reconstruction and perceptual loss, and a critic that learns alongside."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from vqlib.compress.discriminator import PatchDiscriminator
from vqlib.compress.losses import (
    adaptive_weight,
    hinge_discriminator_loss,
    hinge_generator_loss,
    nonsaturating_discriminator_loss,
    nonsaturating_generator_loss,
    with_codebook_terms,
)
from vqlib.compress.perceptual import weights_digest
from vqlib.compress.vqvae import VQVAE, LabelMapConfig, LabelMapVQVAE, VQVAEConfig
from vqlib.data.images import Images
from vqlib.saved.model import Part
from vqlib.saved.run_folder import latest_checkpoint, training_of
from vqlib.train.loop import clip_gradients, mean_logs
from vqlib.train.recipe import Trained
from vqlib.train.runtime import Runtime, start
from vqlib.train.stage1 import (
    CodebookCare,
    Stage1Recipe,
    as_images,
    material_of,
    prepare,
    repeat,
)

ADVERSARIAL_LOSSES = {
    "hinge": (hinge_discriminator_loss, hinge_generator_loss),
    "nonsaturating": (nonsaturating_discriminator_loss, nonsaturating_generator_loss),
}

# The reference code's start of the critic, in steps.
LATEST_DISC_START = 10_000


@dataclass(frozen=True)
class VQGANRecipe(Stage1Recipe):
    """How a VQGAN is trained (Taming Transformers, section 3.1 and appendix)."""

    learning_rate: float = 1e-4
    """Peak learning rate of both Adam optimisers."""
    pixel_weight: float = 1.0
    """Weight of the reconstruction loss in pixels."""
    pixel_loss: Literal["l1", "l2"] = "l1"
    """|x − x̂| as in the reference code, or (x − x̂)² as in the paper's equation 4."""
    perceptual_weight: float = 1.0
    """Weight of the perceptual loss; 0 leaves it out."""
    disc_weight: float = 0.8
    """Factor of the adaptive weight λ; 0 leaves the critic out."""
    disc_start: int | None = None
    """Generator steps before the critic comes in; λ is 0 until then. none: a third of the steps,
    and at most 10,000; a run that is prolonged keeps what it began with."""
    disc_layers: int = 3
    """Layers of stride 2 in the critic; 3 makes it judge patches of 70×70 pixels."""
    disc_channels: int = 64
    """Width of the critic's first layer."""
    disc_loss: Literal["hinge", "nonsaturating"] = "hinge"
    """What the critic is trained with."""
    disc_norm: Literal["batch", "batch_together", "group", "none"] = "batch"
    """How the critic's layers are normalised: over a batch, with real and made images apart as in
    the reference code, or together; over groups of four channels of each image; or not at all."""

    def __post_init__(self):
        super().__post_init__()
        self.check_not_negative("pixel_weight", "perceptual_weight", "disc_weight")
        if self.disc_start is not None:
            self.check_not_negative("disc_start")
        for name in ("disc_layers", "disc_channels"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")

    def settled(self, folder: str | Path | None = None) -> "VQGANRecipe":
        """The recipe with a number for the critic's start: that of the folder's run, if it has one.

        Args:
            folder: of a run that may have begun already.
        """
        if self.disc_start is not None:
            return self
        latest = None if folder is None else latest_checkpoint(folder)
        began_with = {} if latest is None else training_of(latest)["recipe"]
        third = min(LATEST_DISC_START, self.steps // 3)
        return replace(self, disc_start=began_with.get("disc_start", third))


def train_vqgan(
    images: Images | Float[Tensor, "N C H W"],
    model: VQVAEConfig | VQVAE,
    recipe: VQGANRecipe,
    *,
    perceptual: nn.Module | None,
    start_from: str | Path | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    device: str | None = None,
    progress: bool = True,
) -> Trained[VQVAE]:
    """Train a VQGAN.

    The adaptive weight λ is computed from the gradients of the whole batch, averaged over the
    processes; where a batch is accumulated in parts, each part has its own λ, and the critic's
    batch normalisation sees one part at a time.

    Args:
        images: training images in [-1, 1], as a data set or a tensor in main memory.
        model: the shape of a new model, or a model to go on with, which is changed.
        recipe: how to train it.
        perceptual: `LPIPS()` or an offline `FeatureDistance`; None only with weight 0.
        start_from: a run or a converted folder whose critic, and whose optimisers' moments, are
            taken over where they fit, as the model is; stderr says which.
        folder: where log, checkpoints and sample pictures go; None saves nothing.
        resume: go on from the folder's latest checkpoint.
        device: such as "cuda:0"; by default the best there is.
        progress: show a bar.

    Returns:
        The model in eval mode and its history, the flight recorder: the losses, usage and
        perplexity, and since the critic came in λ, the norms of both gradients at the last layer,
        the critic's mean logits of real and reconstructed images and its accuracy.
    """
    if perceptual is None and recipe.perceptual_weight:
        raise ValueError(
            f"perceptual_weight is {recipe.perceptual_weight}, but there is no perceptual network: "
            "give one, or set perceptual_weight to 0"
        )
    if isinstance(model, LabelMapConfig | LabelMapVQVAE):
        raise ValueError(
            "a LabelMapVQVAE has neither pixels nor a critic for them: train it with train_vqvae"
        )
    images, recipe = as_images(images), recipe.settled(folder)
    material = material_of(images)
    if perceptual is not None:
        material["perceptual"] = weights_digest(perceptual)
    with start(device) as place:
        codec = prepare(model, images, recipe, place, folder)
        train_step = VQGANStep(codec, images, perceptual, recipe, place)
        if recipe.disc_weight and recipe.disc_start < recipe.steps:
            train_step.critic.check_size(*images.image_shape[1:])  # now, not when it comes in
        options = {"folder": folder, "resume": resume, "progress": progress, "material": material}
        return repeat(train_step, images, start_from, **options)


class VQGANStep:
    """One step of both networks: first the codec, against the critic as it is; then the critic.

    Args:
        codec: on its device, in train mode.
        images: training images, which the critic judges.
        perceptual: the frozen network of the perceptual loss, or None.
        recipe: the weights.
        place: this process.
    """

    def __init__(
        self,
        codec: VQVAE,
        images: Images,
        perceptual: nn.Module | None,
        recipe: VQGANRecipe,
        place: Runtime,
    ):
        self.codec, self.recipe, self.place = codec, recipe, place
        self.perceptual = None if perceptual is None else place.put(perceptual)
        critic = PatchDiscriminator(
            images.image_shape[0],
            base_channels=recipe.disc_channels,
            num_layers=recipe.disc_layers,
            norm=recipe.disc_norm.removesuffix("_together"),
        )
        self.critic = place.put(critic, channels_last=recipe.channels_last)
        self.together = recipe.disc_norm == "batch_together"
        self.care = place.put(CodebookCare(images, codec.config.num_codes, recipe, place))
        if recipe.compile:
            self.critic.compile()
        pair = _Pair(self.critic, together=self.together)
        self.parallel, self.parallel_pair = place.wrap(codec), place.wrap(pair)
        rates = {"lr": recipe.learning_rate, "betas": (0.5, 0.9)}
        self.optimizer = torch.optim.Adam(codec.parameters(), **rates)
        self.critic_optimizer = torch.optim.Adam(critic.parameters(), **rates)
        self.critic_loss, self.generator_loss = ADVERSARIAL_LOSSES[recipe.disc_loss]

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint must hold besides the codec."""
        return {
            "critic": self.critic,
            "care": self.care,
            "optimizer": self.optimizer,
            "critic_optimizer": self.critic_optimizer,
        }

    def __call__(self, step: int, batch: Float[Tensor, "B C H W"]) -> dict[str, Tensor]:
        """Move both networks by one step; the losses, detached."""
        count = self.recipe.accumulate
        active = step >= self.recipe.disc_start and self.recipe.disc_weight > 0
        logs, tokens, pairs = [], [], []
        self.care.before_step(self.codec, batch, step)
        self.optimizer.zero_grad()
        for x in self.place.parts(batch, count, self.parallel):
            loss, terms, x_hat, s = self._codec_loss(x, step, active)
            (loss / count).backward()
            logs.append(terms)
            tokens.append(s)
            pairs.append(torch.stack([x, x_hat]))
        clip_gradients(self.codec, self.recipe)
        self.optimizer.step()
        self.care.after_step(torch.cat(tokens), step)
        return mean_logs(logs) | (self._critic_step(torch.cat(pairs, dim=1)) if active else {})

    def _codec_loss(
        self, x: Float[Tensor, "B C H W"], step: int, active: bool
    ) -> tuple[Tensor, dict[str, Tensor], Tensor, Tensor]:
        """Something to call backward on, the logs, the detached reconstructions, the tokens.

        Perceptual network and critic look at the picture, not at the network that made it. So the
        graph is cut at the picture: their gradients there are computed once, serve for λ, and are
        then handed on to the codec.
        """
        recipe = self.recipe
        with self.place.autocast(recipe.precision):
            x_hat, quantized = self.parallel(x, quantize=recipe.quantizes(step))
        x_hat = x_hat.float()
        picture = x_hat.detach().requires_grad_()
        reconstruction = self._reconstruction(picture, x)
        (pull,) = torch.autograd.grad(reconstruction, picture)
        weights = recipe.codebook_weight, recipe.commitment_weight
        loss, logs = with_codebook_terms(reconstruction.detach(), quantized, *weights)
        if active:
            with _without_gradient(self.critic), self.place.autocast(recipe.precision):
                adversarial = self.generator_loss(self._verdict(x, picture))
            (pull_gan,) = torch.autograd.grad(adversarial, picture)
            # ⟨x̂, pull⟩ has the gradient of the loss that the pull is from, at every weight.
            losses = (x_hat * pull).sum(), (x_hat * pull_gan).sum()
            last_layer = self.codec.decoder.last_layer
            weight, rec_norm, gan_norm = adaptive_weight(*losses, last_layer)
            pull = pull + recipe.disc_weight * weight * pull_gan
            logs |= {"lambda": weight, "grad_rec": rec_norm, "grad_gan": gan_norm}
            logs |= {"adversarial": adversarial.detach()}
        return loss + (x_hat * pull).sum(), logs, picture.detach(), quantized.tokens

    def _verdict(self, x: Tensor, x_hat: Tensor) -> Tensor:
        """The critic's verdict on reconstructions, normalised as when it learns."""
        if not self.together:
            return self.critic(x_hat)
        return self.critic(torch.cat([x, x_hat])).chunk(2)[1]

    def _reconstruction(
        self, x_hat: Float[Tensor, "B C H W"], x: Float[Tensor, "B C H W"]
    ) -> Float[Tensor, ""]:
        distance = F.l1_loss if self.recipe.pixel_loss == "l1" else F.mse_loss
        loss = self.recipe.pixel_weight * distance(x_hat, x)
        if self.perceptual is not None and self.recipe.perceptual_weight:
            loss = loss + self.recipe.perceptual_weight * self.perceptual(x_hat, x).mean()
        return loss

    def _critic_step(self, pairs: Float[Tensor, "2 B C H W"]) -> dict[str, Tensor]:
        count, logs = self.recipe.accumulate, []
        self.critic_optimizer.zero_grad()
        for part in self.place.parts(pairs.transpose(0, 1), count, self.parallel_pair):
            x, x_hat = part.unbind(1)
            with self.place.autocast(self.recipe.precision):
                real, fake = self.parallel_pair(x, x_hat)
            loss = self.critic_loss(real, fake)
            (loss / count).backward()
            right = torch.cat([real > 0, fake < 0]).float().mean()
            terms = {"critic": loss, "real": real.mean(), "fake": fake.mean(), "accuracy": right}
            logs.append({name: value.detach() for name, value in terms.items()})
        clip_gradients(self.critic, self.recipe)
        self.critic_optimizer.step()
        return mean_logs(logs)


class _Pair(nn.Module):
    """Both of the critic's verdicts in one call, as DistributedDataParallel wants it.

    Args:
        critic: judges.
        together: put real and reconstructed images into one batch. Otherwise each are normalised
            with the statistics of their own.
    """

    def __init__(self, critic: PatchDiscriminator, *, together: bool):
        super().__init__()
        self.critic, self.together = critic, together

    def forward(self, x: Tensor, x_hat: Tensor) -> tuple[Tensor, Tensor]:
        if self.together:
            real, fake = self.critic(torch.cat([x, x_hat])).chunk(2)
            return real, fake
        return self.critic(x), self.critic(x_hat)


@contextmanager
def _without_gradient(module: nn.Module) -> Iterator[None]:
    """What is computed inside sends gradients through the module, but none to its weights."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)
