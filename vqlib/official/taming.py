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
from vqlib.official.choose import AVERAGES
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

# Names in the files that no model here takes, and why; the first pattern that fits counts.
AVERAGED = "moving averages of the weights"
NOT_LOADED = {
    r"loss\.perceptual_loss\..+": "LPIPS, part of the training loss",
    re.escape(DISCRIMINATOR) + ".+": "discriminator, see load_discriminator",
    r"loss\..+": "part of the training loss",
    re.escape(AVERAGES) + ".+": AVERAGED,
    r"quantize\.(embedding\.)?(cluster_size|embed_avg)": "statistics by which codes are learned",
    "colorize": "random colours, to show label maps in",
}
ACTNORM = "discriminator with ActNorm, a network of another kind than ours"


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
        ValueError: not a checkpoint; or a tensor is missing, unknown, of the wrong shape or not
            finite, or encoder and decoder have attention at different levels, and the message
            names it.
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
        ValueError: not a checkpoint; or there is no discriminator in it, or one with ActNorm; or a
            tensor is missing, unknown, of the wrong shape or not finite, and the message names it.
    """
    prefix += DISCRIMINATOR
    state = part(source, prefix)
    with naming(source, prefix):
        if actnorm(state):
            raise ValueError(f"this is a {ACTNORM}")
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


def why_not(name: str) -> str | None:
    """The reason why no model here takes what has this name; None where one may."""
    fitting = (reason for names, reason in NOT_LOADED.items() if re.fullmatch(names, name))
    return next(fitting, None)


def actnorm(state: Mapping[str, Tensor]) -> bool:
    """Whether a discriminator shifts and scales by ActNorm, where ours has batch normalisation."""
    return any(re.fullmatch(r"\d+\.loc", name.removeprefix(DISCRIMINATOR)) for name in state)


def infer_config(state: Mapping[str, Tensor], *, image_size: int = 256) -> VQVAEConfig:
    """The configuration of a released first stage, from the names and shapes of its tensors.

    Raises:
        ValueError: a tensor that tells is missing, or encoder and decoder have attention at
            different levels.
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
    attention_levels, middle_attention = _attention(state)
    autoencoder = VQGANAutoencoderConfig(
        image_channels=image_channels,
        base_channels=base_channels,
        channel_multipliers=tuple(width // base_channels for width in widths),
        num_res_blocks=len(numbers(state, r"encoder\.down\.0\.block\.(\d+)\.")),
        latent_channels=shape(state, "encoder.conv_out.weight", 4)[0],
        code_dim=code_dim,
        attention_levels=None if attention_levels == (num_levels - 1,) else attention_levels,
        middle_attention=middle_attention,
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
    """For each name that no model here takes "not loaded: " and why."""
    reasons = {name: why_not(name) for name in state}
    if actnorm(state):
        discriminator = [name for name in state if name.startswith(DISCRIMINATOR)]
        reasons |= dict.fromkeys(discriminator, ACTNORM)
    return {name: f"not loaded: {reason}" for name, reason in reasons.items() if reason}


def _skeleton(state: Mapping[str, Tensor], *, image_size: int = 256) -> VQVAE:
    """The model that the tensors belong to, without memory for its own."""
    config = infer_config(state, image_size=image_size)
    channels = config.autoencoder.image_channels
    if channels > MOST_IMAGE_CHANNELS:
        config = label_maps(config, channels)
    with torch.device("meta"):
        return config.build()


def _attention(state: Mapping[str, Tensor]) -> tuple[tuple[int, ...], bool]:
    """At which levels there is attention, 0 being the full resolution; and whether at the bottom.

    Encoder and decoder must say the same.
    """
    told = [
        (
            tuple(sorted(numbers(state, rf"{half}\.{levels}\.(\d+)\.attn\."))),
            any(name.startswith(f"{half}.mid.attn_1.") for name in state),
        )
        for half, levels in (("encoder", "down"), ("decoder", "up"))
    ]
    if told[0] != told[1]:
        raise ValueError(
            f"encoder has attention at levels {_levels(*told[0])}, decoder at {_levels(*told[1])}; "
            "both must have it at the same ones"
        )
    return told[0]


def _levels(levels: tuple[int, ...], middle: bool) -> str:
    return f"{list(levels)}{' and mid' if middle else ''}"
