"""The weights released with *Taming Transformers* (Esser et al. 2021), in this library's modules.

The files hold the same layers under other names; `released_name` is the dictionary. Every tensor of
a file is accounted for: loaded, left out for a stated reason, or named in an error.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from vqlib.compress.discriminator import PatchDiscriminator
from vqlib.compress.gumbel import GumbelCodes
from vqlib.compress.quantize import GradientCodes
from vqlib.compress.vqgan_autoencoder import VQGANAutoencoderConfig
from vqlib.compress.vqvae import VQVAE, VQVAEConfig, label_maps
from vqlib.official.transfer import Source, check, fill, naming, numbers, part, shape

# A first stage with more channels than any picture reads one-hot label maps.
MOST_IMAGE_CHANNELS = 4
DISCRIMINATOR = "loss.discriminator.main."

# Our words on the left, the files' on the right.
PARTS = {
    "blocks": "block",
    "attention": "attn",
    "shortcut": "nin_shortcut",
    "query": "q",
    "key": "k",
    "value": "v",
    "out": "proj_out",
}
MIDDLE = {"block1": "block_1", "attention": "attn_1", "block2": "block_2"}
QUANTIZER = {"codebook": "embedding.weight"}
GUMBEL_QUANTIZER = {
    "codebook": "embed.weight",
    "to_logits.weight": "proj.weight",
    "to_logits.bias": "proj.bias",
}

# Names in the files that no model here takes, and why.
NOT_LOADED = {
    r"loss\.perceptual_loss\.scaling_layer\.(shift|scale)": "LPIPS, part of the training loss",
    r"loss\.perceptual_loss\.net\.slice[1-5]\.\d+\.(weight|bias)": "LPIPS's VGG network",
    r"loss\.perceptual_loss\.lin[0-4]\.model\.1\.weight": "LPIPS, part of the training loss",
    r"loss\.discriminator\.main\.\d+\.(weight|bias)": "discriminator, see load_discriminator",
    r"loss\.discriminator\.main\.\d+\.(running_mean|running_var|num_batches_tracked)": (
        "discriminator, see load_discriminator"
    ),
    "colorize": "random colours, to show label maps in",
}


def load_vqmodel(source: Source, *, prefix: str = "", image_size: int = 256) -> VQVAE:
    """A released first stage: VQGAN, its Gumbel variant, or one for label maps.

    Its shape is read from the tensors, so it may also be one trained by others with that code.

    Args:
        source: a checkpoint file, or what `read_checkpoint` gave.
        prefix: what the names of its tensors begin with, such as "first_stage_model." or
            "cond_stage_model." in a transformer's file.
        image_size: side of the training images, which no tensor tells.

    Returns:
        The model in float32 and eval mode; a `LabelMapVQVAE` where it has more than 4 channels.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a checkpoint; or a tensor is missing, unknown or of the wrong shape, or
            attention is where our levels have none, and the message names it.
    """
    state = part(source, prefix)
    with naming(source, prefix):
        model = _skeleton(state, image_size=image_size)
        names = _names(model)
        check(model, names, state, left_out=_reasons(state))
        fill(model, names, state)
    return model


def account(state: Mapping[str, Tensor], *, prefix: str = "") -> dict[str, str]:
    """What becomes of every tensor of a released first stage.

    Args:
        state: what `read_checkpoint` gave.
        prefix: the part to look at, as in `load_vqmodel`.

    Returns:
        For each name in the file the name in our model, or "not loaded: " and the reason.

    Raises:
        ValueError: as in `load_vqmodel`.
    """
    tensors = part(state, prefix)
    with naming(state, prefix):
        model = _skeleton(tensors)
        names, reasons = _names(model), _reasons(tensors)
        check(model, names, tensors, left_out=reasons)
    fates = {theirs: ours for ours, theirs in names.items()} | reasons
    return {prefix + name: fates[name] for name in tensors}


def load_discriminator(source: Source, *, prefix: str = "") -> PatchDiscriminator:
    """The discriminator that a VQGAN was trained with, from the same file.

    Args:
        source: a checkpoint file, or what `read_checkpoint` gave.
        prefix: what comes before "loss.discriminator.main." in the names.

    Returns:
        The discriminator in float32 and eval mode.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a checkpoint; or there is no discriminator in it, or a tensor is missing,
            unknown or of the wrong shape, and the message names it.
    """
    prefix += DISCRIMINATOR
    state = part(source, prefix)
    with naming(source, prefix):
        base_channels, image_channels = shape(state, "0.weight", 4)[:2]
        convolutions = [name for name, tensor in state.items() if tensor.ndim == 4]
        num_layers = len(convolutions) - 2  # the first is before them, the verdict after
        with torch.device("meta"):
            model = PatchDiscriminator(
                image_channels, base_channels=base_channels, num_layers=num_layers
            )
        names = {name: name.removeprefix("layers.") for name in model.state_dict()}
        check(model, names, state)
        fill(model, names, state)
    return model


def infer_config(state: Mapping[str, Tensor], *, image_size: int = 256) -> VQVAEConfig:
    """The configuration of a released first stage, from the names and shapes of its tensors.

    Raises:
        ValueError: a tensor that tells is missing, or attention is where our levels have none.
    """
    gumbel = "quantize.proj.weight" in state
    table = (GUMBEL_QUANTIZER if gumbel else QUANTIZER)["codebook"]
    num_codes, code_dim = shape(state, f"quantize.{table}", 2)
    base_channels, image_channels = shape(state, "encoder.conv_in.weight", 4)[:2]
    num_levels = len(numbers(state, r"encoder\.down\.(\d+)\.")) or 1
    firsts = [f"encoder.down.{i}.block.0.conv1.weight" for i in range(num_levels)]
    widths = [shape(state, first, 4)[0] for first in firsts]
    if any(width % base_channels for width in widths):
        raise ValueError(
            f"the levels have {widths} channels: no multiples of encoder.conv_in.weight's "
            f"{base_channels}"
        )
    _check_attention(state, num_levels - 1)
    autoencoder = VQGANAutoencoderConfig(
        image_channels=image_channels,
        base_channels=base_channels,
        channel_multipliers=tuple(width // base_channels for width in widths),
        num_res_blocks=len(numbers(state, r"encoder\.down\.0\.block\.(\d+)\.")),
        latent_channels=shape(state, "encoder.conv_out.weight", 4)[0],
        code_dim=code_dim,
    )
    codes = GumbelCodes() if gumbel else GradientCodes()
    return VQVAEConfig(autoencoder, num_codes=num_codes, image_size=image_size, codes=codes)


def released_name(name: str, config: VQVAEConfig) -> str:
    """What the files call a tensor of `VQVAE.state_dict()`.

    Our decoder's levels run as they are computed, from the lowest resolution; the files number them
    from the full one, as in the encoder.
    """
    last = len(config.autoencoder.channel_multipliers) - 1
    quantizer = GUMBEL_QUANTIZER if isinstance(config.codes, GumbelCodes) else QUANTIZER
    match name.split("."):
        case ["encoder", "levels", i, *parts]:
            return _join("encoder.down", i, *parts)
        case ["encoder", "downsamples", i, *parts]:
            return _join("encoder.down", i, "downsample", *parts)
        case ["decoder", "levels", i, *parts]:
            return _join("decoder.up", last - int(i), *parts)
        case ["decoder", "upsamples", i, *parts]:
            return _join("decoder.up", last - int(i), "upsample", *parts)
        case [half, "middle", block, *parts]:
            return _join(half, "mid", MIDDLE[block], *parts)
        case ["quantizer", *parts]:
            return _join("quantize", quantizer[".".join(parts)])
        case ["to_codes", kind]:
            return _join("quant_conv", kind)
        case ["from_codes", kind]:
            return _join("post_quant_conv", kind)
    return name  # conv_in, norm_out and conv_out of either half


def _join(*parts: str | int) -> str:
    return ".".join(PARTS.get(str(word), str(word)) for word in parts)


def _names(model: VQVAE) -> dict[str, str]:
    return {name: released_name(name, model.config) for name in model.state_dict()}


def _reasons(state: Mapping[str, Tensor]) -> dict[str, str]:
    return {
        name: f"not loaded: {reason}"
        for name in state
        for names, reason in NOT_LOADED.items()
        if re.fullmatch(names, name)
    }


def _skeleton(state: Mapping[str, Tensor], *, image_size: int = 256) -> VQVAE:
    """The model that the tensors belong to, without memory for its own."""
    config = infer_config(state, image_size=image_size)
    channels = config.autoencoder.image_channels
    if channels > MOST_IMAGE_CHANNELS:
        config = label_maps(config, channels)
    with torch.device("meta"):
        return config.build()


def _check_attention(state: Mapping[str, Tensor], last: int) -> None:
    for levels in ("encoder.down", "decoder.up"):
        elsewhere = numbers(state, rf"{levels}\.(\d+)\.attn\.") - {last}
        if elsewhere:
            raise ValueError(
                f"{levels}.{min(elsewhere)} has attention, but here only the lowest resolution has "
                f"it, which is {levels}.{last}; such a model cannot be loaded"
            )
