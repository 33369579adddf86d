"""What a whole VQGAN training step costs: `python benchmarks/autoencoder.py`.

Both optimisers, perceptual loss, adaptive λ and the critic, as a multiple of the floor: the same
convolutions with the same shapes, forward and backward, and nothing else. On a CPU a small VQGAN
with the offline network; on a GPU the paper's f = 16 at 256×256 with VGG16's shapes. The variants
take turns; what is printed are medians over the rounds.
"""

import argparse
import statistics
from dataclasses import dataclass, replace

import torch
from record import seconds, table, write
from torch import Tensor, nn

from vqlib.compress import (
    LPIPS,
    FeatureDistance,
    FeatureNet,
    VQGANAutoencoderConfig,
    VQVAEConfig,
    vqgan_f16,
)
from vqlib.data.images import TensorImages
from vqlib.train.runtime import Runtime
from vqlib.train.stage1 import prepare as start_codec
from vqlib.train.vqgan import VQGANRecipe, VQGANStep

GPU = torch.cuda.is_available()
PLACE = Runtime(torch.device("cuda" if GPU else "cpu"))
BATCH = 8
SMALL = VQVAEConfig(
    VQGANAutoencoderConfig(
        base_channels=32, channel_multipliers=(1, 2, 4), latent_channels=64, code_dim=64
    ),
    num_codes=1024,
    image_size=64,
)
CONFIG = vqgan_f16() if GPU else SMALL
RECIPE = VQGANRecipe(
    batch_size=BATCH,
    disc_start=0,
    disc_layers=3 if GPU else 2,
    disc_channels=64 if GPU else 32,
)
VARIANTS = {
    "plain": {},
    "channels_last": {"channels_last": True},
    "compile": {"compile": True},
    "bf16": {"precision": "bf16"},
    "all three": {"channels_last": True, "compile": True, "precision": "bf16"},
}


@dataclass(frozen=True)
class ConvCall:
    """One call of a convolution during a step."""

    module: nn.Module
    x: Tensor
    weight_gradient: bool
    input_gradient: bool


def perceptual() -> nn.Module:
    """The shapes of the real network; its weights change nothing about the time."""
    return LPIPS(pretrained=False) if GPU else FeatureDistance(FeatureNet(22))


def prepare(changes: dict) -> tuple[VQGANStep, Tensor]:
    """A training step of a variant and a batch for it."""
    torch.manual_seed(0)
    recipe = replace(RECIPE, **changes)
    size = CONFIG.image_size
    x = torch.rand(BATCH, 3, size, size) * 2 - 1
    images = TensorImages(x)
    codec = start_codec(CONFIG, images, recipe, PLACE, None)
    step = VQGANStep(codec, images, perceptual(), recipe, PLACE)
    return step, PLACE.put(x, channels_last=recipe.channels_last)


def convolutions(step: VQGANStep, x: Tensor) -> list[ConvCall]:
    """Every convolution that one step computes, with its input and the gradients it needs."""
    calls = []

    def note(module: nn.Module, inputs: tuple[Tensor], _: Tensor) -> None:
        needs = module.weight.requires_grad, inputs[0].requires_grad
        calls.append(ConvCall(module, inputs[0].detach(), *needs))

    modules = [*step.codec.modules(), *step.critic.modules(), *step.perceptual.modules()]
    hooks = [m.register_forward_hook(note) for m in modules if isinstance(m, nn.Conv2d)]
    step(0, x)
    for hook in hooks:
        hook.remove()
    return calls


def floor(calls: list[ConvCall]) -> None:
    """The convolutions alone, forward and backward."""
    for call in calls:
        x = call.x.requires_grad_(call.input_gradient)
        call.module.requires_grad_(call.weight_gradient)
        y = call.module(x)
        if y.requires_grad:
            wanted = [*call.module.parameters()] * call.weight_gradient + [x] * call.input_gradient
            torch.autograd.grad(y, wanted, torch.ones_like(y))


def main() -> None:
    """Measure all variants and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    plain, x = prepare({})
    calls = convolutions(plain, x)
    steps = {name: prepare(changes) for name, changes in VARIANTS.items()}
    for step, batch in steps.values():
        for number in range(3):  # compiles, chooses algorithms
            step(number, batch)
    times: dict[str, list[float]] = {name: [] for name in ("floor", *steps)}
    for number in range(rounds):
        times["floor"].append(seconds(floor, calls))
        for name, (step, batch) in steps.items():
            times[name].append(seconds(step, number + 3, batch))
    rows = []
    for name, measured in times.items():
        ratios = [a / b for a, b in zip(measured, times["floor"], strict=True)]
        plain_ratios = [a / b for a, b in zip(measured, times["plain"], strict=True)]
        rows.append(
            [
                name,
                f"{statistics.median(measured) * 1e3:.0f}",
                f"{statistics.median(ratios):.2f}",
                f"{statistics.median(plain_ratios):.2f}",
            ]
        )
    size, f = CONFIG.image_size, CONFIG.autoencoder.downsampling_factor
    intro = (
        f"{BATCH} images of {size}×{size}, f = {f}; the floor is {len(calls)} convolutions in fp32."
    )
    write("autoencoder", [intro, "", *table(["", "ms", "× floor", "× plain"], rows)])


if __name__ == "__main__":
    main()
