"""VQGAN's step: when the critic comes in, what λ balances, which gradient reaches whom."""

import copy
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parameters_to_vector

from tests.train.small import CRITIC, QUIET, SHORT, distance, images
from vqlib.compress import label_maps, vqvae_digits
from vqlib.data import digits
from vqlib.train import VQGANRecipe, train_vqgan
from vqlib.train.runtime import Runtime
from vqlib.train.stage1 import as_images, prepare
from vqlib.train.vqgan import VQGANStep

OF_THE_CRITIC = {
    "lambda",
    "grad_rec",
    "grad_gan",
    "adversarial",
    "critic",
    "real",
    "fake",
    "accuracy",
}


def train(config=None, **changes):
    recipe = VQGANRecipe(**SHORT | CRITIC | {"steps": 5, "disc_start": 3} | changes)
    options = {"perceptual": distance(), **QUIET}
    return train_vqgan(images(), config or vqvae_digits(), recipe, **options)


def new_step(**changes) -> tuple[VQGANStep, Tensor]:
    """A step whose critic is in from the start, and a batch of four."""
    place = Runtime(torch.device("cpu"))
    recipe = VQGANRecipe(**SHORT | CRITIC | {"disc_start": 0, "kmeans_init": True} | changes)
    codec = prepare(vqvae_digits(), images(), recipe, place, folder=None)
    return VQGANStep(codec, as_images(images()), distance(), recipe, place), digits().images[:4]


@pytest.mark.parametrize(("accumulate", "loss"), [(1, "hinge"), (2, "nonsaturating")])
def test_the_critic_comes_in_exactly_at_disc_start(accumulate, loss):
    trained = train(accumulate=accumulate, disc_loss=loss)
    present = [OF_THE_CRITIC & entry.keys() for entry in trained.history]
    assert present == [set()] * 3 + [OF_THE_CRITIC] * 2
    assert not trained.model.training


def test_lambda_makes_both_losses_pull_equally_hard():
    history = train(disc_start=0).history
    for entry in history:
        pull = entry["lambda"] * (entry["grad_gan"] + 1e-4)  # δ of the formula
        assert pull == pytest.approx(entry["grad_rec"], rel=1e-5)
        assert entry["grad_gan"] > 10 * 1e-4  # δ is no more than a tenth of the result
    assert len({entry["lambda"] for entry in history}) == len(history)


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    return ((1 - real).clamp(min=0).mean() + (1 + fake).clamp(min=0).mean()) / 2


def cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    answers = [
        F.binary_cross_entropy_with_logits(x, torch.full_like(x, y))
        for x, y in ((real, 1.0), (fake, 0.0))
    ]
    return sum(answers) / 2


def generators_hinge(fake: Tensor) -> Tensor:
    return -fake.mean()


def generators_cross_entropy(fake: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))


def plain_losses(step: VQGANStep, x: Tensor, critics_loss, generators_loss) -> tuple[Tensor, ...]:
    """Both networks' losses as the paper writes them: one graph from the codec to the critic."""
    recipe = step.recipe
    x_hat, quantized = step.codec(x)
    pixels = (x_hat - x).abs() if recipe.pixel_loss == "l1" else (x_hat - x) ** 2
    reconstruction = recipe.pixel_weight * pixels.mean()
    reconstruction = reconstruction + recipe.perceptual_weight * step.perceptual(x_hat, x).mean()
    adversarial = generators_loss(step.critic(x_hat))
    last_layer = step.codec.decoder.layers[-1].weight
    norms = [
        torch.autograd.grad(loss, last_layer, retain_graph=True)[0].norm()
        for loss in (reconstruction, adversarial)
    ]
    loss = reconstruction + recipe.disc_weight * norms[0] / (norms[1] + 1e-4) * adversarial
    loss = loss + recipe.codebook_weight * quantized.codebook_loss
    loss = loss + recipe.commitment_weight * quantized.commitment_loss
    return loss, critics_loss(step.critic(x), step.critic(x_hat.detach()))


def mean_gradients(losses: list[Tensor], network: nn.Module) -> list[Tensor]:
    return torch.autograd.grad(sum(losses) / len(losses), list(network.parameters()))


@pytest.mark.parametrize(
    ("changes", "formulas"),
    [
        ({}, (hinge, generators_hinge)),
        ({"accumulate": 2}, (hinge, generators_hinge)),
        (
            {"disc_loss": "nonsaturating", "pixel_loss": "l2", "disc_weight": 0.3},
            (cross_entropy, generators_cross_entropy),
        ),
    ],
)
def test_the_gradients_are_those_of_the_plain_formulation(changes, formulas):
    weights = {"pixel_weight": 1.5, "perceptual_weight": 0.7, "codebook_weight": 0.9}
    step, x = new_step(**weights, commitment_weight=0.4, **changes)
    plain = copy.deepcopy(step)
    step(0, x)
    losses = [plain_losses(plain, part, *formulas) for part in x.chunk(step.recipe.accumulate)]
    of_codec, of_critic = zip(*losses, strict=True)
    for network, reference, loss in (
        (step.codec, plain.codec, of_codec),
        (step.critic, plain.critic, of_critic),
    ):
        expected = mean_gradients(loss, reference)
        for (name, parameter), gradient in zip(network.named_parameters(), expected, strict=True):
            assert gradient.any(), name
            error = (parameter.grad - gradient).abs().max() / gradient.abs().max()
            assert error < 1e-5, name


def test_each_half_of_a_step_moves_one_network_only():
    step, x = new_step()
    moments = []

    def look(*_):
        networks = (step.codec, step.critic)
        moments.append([parameters_to_vector(net.parameters()).detach() for net in networks])

    for optimizer in (step.optimizer, step.critic_optimizer):
        optimizer.register_step_pre_hook(look)
        optimizer.register_step_post_hook(look)
    step(0, x)
    codec, critic = zip(*moments, strict=True)
    changed = [[not torch.equal(a, b) for a, b in pairwise(net)] for net in (codec, critic)]
    assert changed == [[True, False, False], [False, False, True]]


@pytest.mark.parametrize("changes", [{"disc_start": 1}, {"disc_weight": 0.0}])
def test_a_critic_that_is_not_in_does_not_move(changes):
    step, x = new_step(**changes)
    before = copy.deepcopy(step.critic.state_dict())
    logs = step(0, x)
    assert not OF_THE_CRITIC & logs.keys()
    assert all(torch.equal(value, before[name]) for name, value in step.critic.state_dict().items())


def test_one_batch_is_learned_by_heart():
    x, near = digits().images[:8], distance()
    options = {"steps": 60, "learning_rate": 3e-3, "warmup_steps": 5, "kmeans_init": True}
    recipe = VQGANRecipe(**SHORT, **CRITIC, **options, disc_start=30)
    model = train_vqgan(x, vqvae_digits(), recipe, perceptual=near, **QUIET).model
    black = torch.full_like(x, -1.0)
    assert near(model.decode(model.encode(x)), x).mean() < 0.4 * near(black, x).mean()


def test_a_perceptual_weight_needs_a_network():
    recipe = VQGANRecipe(**SHORT, steps=1)
    with pytest.raises(ValueError, match=r"perceptual_weight is 1\.0, but there is no perceptual"):
        train_vqgan(images(), vqvae_digits(), recipe, perceptual=None, **QUIET)
    recipe = VQGANRecipe(**SHORT, steps=1, perceptual_weight=0.0)
    train_vqgan(images(), vqvae_digits(), recipe, perceptual=None, **QUIET)


def test_images_too_small_for_the_critic_are_named_before_training():
    codec = vqvae_digits().build()
    codec.register_forward_pre_hook(lambda *_: pytest.fail("trained before refusing"))
    with pytest.raises(ValueError, match=r"32×32.*disc_layers"):
        train(codec, disc_layers=4)


def test_label_maps_have_a_recipe_of_their_own():
    with pytest.raises(ValueError, match=r"LabelMapVQVAE.*train_vqvae"):
        train(label_maps(vqvae_digits(), 5))
