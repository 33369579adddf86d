"""Files in the layout of the released ones, written out by rule and independent of the loader."""

import enum
import sys
import types
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Layout:
    """A first stage; the defaults are those of `vqgan_imagenet_f16_1024`."""

    channels: int = 3
    ch: int = 128
    ch_mult: tuple[int, ...] = (1, 1, 2, 2, 4)
    num_res_blocks: int = 2
    z_channels: int = 256
    embed_dim: int = 256
    n_embed: int = 1024
    gumbel: bool = False
    disc_layers: int | None = 3
    ndf: int = 64
    lpips: bool = True
    colorize: bool = False
    attention: tuple[int, ...] | None = None
    middle_attention: bool = True
    actnorm: bool = False

    def attends(self, level: int) -> bool:
        """Whether a level has attention; the reference names resolutions, here 0 is the full one"""
        return level in ((len(self.ch_mult) - 1,) if self.attention is None else self.attention)


F16_1024 = Layout()
F16_16384 = Layout(n_embed=16384, disc_layers=2)
GUMBEL_F8 = Layout(ch_mult=(1, 1, 2, 4), n_embed=8192, gumbel=True)
SEGMENTATION = Layout(channels=182, disc_layers=None, lpips=False, colorize=True)


def small(**changes: Any) -> Layout:
    """Two levels of 32 and 64 channels."""
    values = {
        "ch": 32,
        "ch_mult": (1, 2),
        "num_res_blocks": 1,
        "z_channels": 12,
        "embed_dim": 8,
        "n_embed": 20,
        "ndf": 4,
        "lpips": False,
    }
    return Layout(**{**values, **changes})


def conv(name: str, inside: int, out: int, side: int, *, bias: bool = True) -> Shapes:
    shapes = {f"{name}.weight": (out, inside, side, side)}
    return {**shapes, f"{name}.bias": (out,)} if bias else shapes


def norm(name: str, channels: int) -> Shapes:
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,)}


def res_block(name: str, inside: int, out: int) -> Shapes:
    shapes = norm(f"{name}.norm1", inside) | conv(f"{name}.conv1", inside, out, 3)
    shapes |= norm(f"{name}.norm2", out) | conv(f"{name}.conv2", out, out, 3)
    return shapes | (conv(f"{name}.nin_shortcut", inside, out, 1) if inside != out else {})


def attention(name: str, channels: int) -> Shapes:
    shapes = norm(f"{name}.norm", channels)
    for projection in ("q", "k", "v", "proj_out"):
        shapes |= conv(f"{name}.{projection}", channels, channels, 1)
    return shapes


def middle(name: str, layout: Layout, channels: int) -> Shapes:
    shapes = res_block(f"{name}.block_1", channels, channels)
    if layout.middle_attention:
        shapes |= attention(f"{name}.attn_1", channels)
    return shapes | res_block(f"{name}.block_2", channels, channels)


def encoder(layout: Layout) -> Shapes:
    shapes = conv("encoder.conv_in", layout.channels, layout.ch, 3)
    channels, last = layout.ch, len(layout.ch_mult) - 1
    for i, multiplier in enumerate(layout.ch_mult):
        out = layout.ch * multiplier
        for j in range(layout.num_res_blocks):
            shapes |= res_block(f"encoder.down.{i}.block.{j}", channels, out)
            channels = out
            if layout.attends(i):
                shapes |= attention(f"encoder.down.{i}.attn.{j}", channels)
        if i != last:
            shapes |= conv(f"encoder.down.{i}.downsample.conv", channels, channels, 3)
    shapes |= middle("encoder.mid", layout, channels) | norm("encoder.norm_out", channels)
    return shapes | conv("encoder.conv_out", channels, layout.z_channels, 3)


def decoder(layout: Layout) -> Shapes:
    last = len(layout.ch_mult) - 1
    channels = layout.ch * layout.ch_mult[-1]
    shapes = conv("decoder.conv_in", layout.z_channels, channels, 3)
    shapes |= middle("decoder.mid", layout, channels)
    for i in range(last, -1, -1):
        for j in range(layout.num_res_blocks + 1):
            shapes |= res_block(
                f"decoder.up.{i}.block.{j}", channels, layout.ch * layout.ch_mult[i]
            )
            channels = layout.ch * layout.ch_mult[i]
            if layout.attends(i):
                shapes |= attention(f"decoder.up.{i}.attn.{j}", channels)
        if i != 0:
            shapes |= conv(f"decoder.up.{i}.upsample.conv", channels, channels, 3)
    return (
        shapes
        | norm("decoder.norm_out", channels)
        | conv("decoder.conv_out", channels, layout.channels, 3)
    )


def quantizer(layout: Layout) -> Shapes:
    if layout.gumbel:
        shapes = conv("quantize.proj", layout.embed_dim, layout.n_embed, 1)
        shapes["quantize.embed.weight"] = (layout.n_embed, layout.embed_dim)
    else:
        shapes = {"quantize.embedding.weight": (layout.n_embed, layout.embed_dim)}
    shapes |= conv("quant_conv", layout.z_channels, layout.embed_dim, 1)
    return shapes | conv("post_quant_conv", layout.embed_dim, layout.z_channels, 1)


def lpips() -> Shapes:
    name = "loss.perceptual_loss"
    shapes: Shapes = {f"{name}.scaling_layer.{it}": (1, 3, 1, 1) for it in ("shift", "scale")}
    slices = {1: (0, 2), 2: (5, 7), 3: (10, 12, 14), 4: (17, 19, 21), 5: (24, 26, 28)}
    widths, inside = (64, 128, 256, 512, 512), 3
    for i, places in slices.items():
        for place in places:
            shapes |= conv(f"{name}.net.slice{i}.{place}", inside, widths[i - 1], 3)
            inside = widths[i - 1]
    lins = {f"{name}.lin{i}.model.1.weight": (1, width, 1, 1) for i, width in enumerate(widths)}
    return shapes | lins


def discriminator(channels: int, ndf: int, num_layers: int, *, actnorm: bool = False) -> Shapes:
    name = "loss.discriminator.main"
    widths = [min(2**i, 8) * ndf for i in range(num_layers + 1)]
    shapes = conv(f"{name}.0", channels, widths[0], 4)
    for i in range(1, num_layers + 1):
        shapes |= conv(f"{name}.{3 * i - 1}", widths[i - 1], widths[i], 4, bias=actnorm)
        shapes |= (act_norm if actnorm else batch_norm)(f"{name}.{3 * i}", widths[i])
    return shapes | conv(f"{name}.{3 * num_layers + 2}", widths[-1], 1, 4)


def batch_norm(name: str, channels: int) -> Shapes:
    statistics = {f"{name}.{it}": (channels,) for it in ("running_mean", "running_var")}
    return norm(name, channels) | statistics | {f"{name}.num_batches_tracked": ()}


def act_norm(name: str, channels: int) -> Shapes:
    shapes: Shapes = {f"{name}.{it}": (1, channels, 1, 1) for it in ("loc", "scale")}
    return shapes | {f"{name}.initialized": ()}


def first_stage(layout: Layout) -> Shapes:
    """Every name in a first stage's state dict and its shape."""
    shapes = encoder(layout) | decoder(layout) | quantizer(layout)
    if layout.colorize:
        shapes["colorize"] = (3, layout.channels, 1, 1)
    if layout.lpips:
        shapes |= lpips()
    if layout.disc_layers is not None:
        shapes |= discriminator(
            layout.channels, layout.ndf, layout.disc_layers, actnorm=layout.actnorm
        )
    return shapes


def draw(shapes: Shapes, seed: int = 0) -> dict[str, Tensor]:
    """A state dict whose network neither dies nor explodes: weights of variance 1 / fan-in."""
    generator = torch.Generator().manual_seed(seed)

    def tensor(name: str, shape: tuple[int, ...]) -> Tensor:
        if name.endswith("num_batches_tracked"):
            return torch.tensor(7)
        if name.endswith("running_var"):
            return torch.rand(shape, generator=generator) + 0.5
        x = torch.randn(shape, generator=generator)
        if len(shape) == 4:
            return x / (shape[1] * shape[2] * shape[3]) ** 0.5
        is_scale = len(shape) == 1 and name.endswith("weight")
        return x if len(shape) == 2 else 0.1 * x + is_scale

    return OrderedDict((name, tensor(name, shape)) for name, shape in shapes.items())


def averages(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """What latent diffusion keeps beside a model: an average of every parameter, without dots."""
    buffers = ("running_mean", "running_var", "num_batches_tracked", "colorize", "mask")
    found = {
        f"model_ema.{name.replace('.', '')}": tensor / 2
        for name, tensor in state.items()
        if not name.endswith(buffers)
    }
    counters = {"model_ema.decay": torch.tensor(0.9999), "model_ema.num_updates": torch.tensor(9)}
    return counters | found


def state_dict(layout: Layout, seed: int = 0) -> dict[str, Tensor]:
    return draw(first_stage(layout), seed)


class Callback:
    __module__ = "training_code"

    class Inner:
        __module__ = "training_code"

    def __init__(self):
        self.best = torch.tensor(0.5)
        self.folder = PurePosixPath("/somewhere")
        self.inner = self.Inner()


class Settings(dict):
    """A dictionary with attributes, as hyper-parameters are kept in."""

    __module__ = "training_code"


class Phase(enum.Enum):
    __module__ = "training_code"
    TRAIN = "train"


def save_lightning(path: Path, state: dict[str, Tensor], *, zipped: bool = True) -> None:
    """A PyTorch Lightning checkpoint whose callbacks come from a module that nobody else has."""
    module = types.ModuleType("training_code")
    module.Callback, module.Settings, module.Phase = Callback, Settings, Phase
    sys.modules[module.__name__] = module
    try:
        content = {"state_dict": state, **surroundings(state)}
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
    finally:
        del sys.modules[module.__name__]


def surroundings(state: dict[str, Tensor]) -> dict[str, Any]:
    """What is in such a file besides the weights."""
    settings = Settings(lr=4.5e-6)
    settings.frozen = True
    moments = {
        0: {"step": 3, "exp_avg": torch.zeros_like(next(iter(state.values())))},
        1: {"step": np.float64(3), "exp_avg": torch.nn.Parameter(torch.zeros(2))},
    }
    return {
        "epoch": 4,
        "global_step": 12_345,
        "callbacks": {Callback: {"best": Callback(), "phase": Phase.TRAIN}},
        "optimizer_states": [{"state": moments, "param_groups": [{"betas": (0.5, 0.9)}]}],
        "lr_schedulers": [defaultdict(list, counts={1, 2})],
        "hyper_parameters": settings,
        "kinds": [torch.float16, torch.Size([2, 3]), torch.device("cpu"), complex(1, 2)],
    }
