"""`python -m vqlib convert`: a released checkpoint becomes a model folder, or a whole pipeline."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor
from tyro.conf import Positional

from vqlib.compress.discriminator import PatchDiscriminator
from vqlib.compress.vqvae import VQVAE, LabelMapVQVAE
from vqlib.generate.condition import ClassCondition
from vqlib.official.choose import averaged, first_stages, transformers, without
from vqlib.official.net2net import FIRST, Net2Net, account_net2net, load_net2net
from vqlib.official.taming import (
    AVERAGED,
    DISCRIMINATOR,
    account,
    actnorm,
    infer_config,
    load_discriminator,
    load_vqmodel,
    why_not,
)
from vqlib.official.transfer import naming, part
from vqlib.official.unpickle import read_checkpoint
from vqlib.saved.files import written_whole
from vqlib.saved.model import save_model
from vqlib.saved.pipeline import ConditionKind, write_pipeline

State = Mapping[str, Tensor]

# What the errors of `vqlib.official` call by its name in Python, and what does it here.
FLAGS = {
    "to be left out": "to be left out by --ignore",
    r"(condition_)?grid( or condition_grid)?": "--image-size",
    "image_size": "--image-size",
    "num_heads": "--num-heads",
    r"num_classes( or sos_token)?": "--num-classes",
    "prefix_attention": "--prefix-attention",
}
# Names that tell of a file in no layout that is known here.
FOREIGN = {
    r"quantizer\.codebook|token_embedding\.weight": (
        "its tensors have this library's names already; give the folder that it is in as --model "
        "or --prior to the other commands"
    ),
    r"(encoder\.down|decoder\.up)_blocks\..+": (
        "its tensors have the names of the diffusers library; only those of taming-transformers "
        "are known"
    ),
}


@dataclass(frozen=True)
class Convert:
    """Turn a released VQGAN or transformer (taming-transformers, .ckpt) into a folder.

    Nothing in the file, which may also be a .safetensors, is executed. Of a VQGAN the folder is a
    --model for the other commands, of a transformer, which comes with its codecs, a --prior. The
    discriminator of a VQGAN goes into the folder critic inside.
    """

    checkpoint: Positional[Path]
    """The released file."""
    out: Positional[Path]
    """The folder to write."""
    prefix: str = ""
    """Where in the file a VQGAN is, such as first_stage_model. to take this part alone out of a
    transformer's file. What stands before all names, such as module., is found by itself."""
    ignore: tuple[str, ...] = ()
    """Names of tensors to leave out, where the file has some that are not known; * stands for
    anything, as in 'quantize.*_count'. What belongs to training is left out anyway."""
    ema: bool = False
    """Take the moving averages of the weights (model_ema.*) in place of the weights."""
    image_size: int = 256
    """Side of the pictures that the model was trained on."""
    num_heads: int | None = None
    """Of a transformer, which no tensor tells: attention heads; by default those that the released
    ones have."""
    num_classes: int | None = 1000
    """Of a transformer without a codec of conditions: classes; none if there are none either."""
    prefix_attention: Literal["causal", "full"] | None = None
    """Of a transformer: full if all ids of the condition see each other; by default read from the
    file."""

    def run(self) -> int:
        """Convert; an existing folder is never overwritten."""
        if self.out.exists():
            raise FileExistsError(f"{self.out} exists already; choose another folder")
        if (self.checkpoint / "config.json").is_file():
            raise IsADirectoryError(
                f"{self.checkpoint} is a model folder already; give it as --model or --prior to "
                "the other commands"
            )
        state = read_checkpoint(self.checkpoint)
        with naming(self.checkpoint, ""), speaking_of_flags():
            notes = []
            if self.ignore:
                kept = without(state, self.ignore)
                notes.append(f"left out as --ignore says: {len(state) - len(kept)}")
                state = kept
            prefix, state = self._model(state)
            refuse_foreign(state)
            if prefix and not self.prefix:
                notes.append(f"the model's names begin with {prefix}, which was taken off")
            if self.ema:
                state, num_averages = averaged(state)
                notes.append(f"moving averages taken for weights: {num_averages}")
            with naming({}, prefix):
                write = self._transformer if transformers(state) else self._codec
                print(*write(state), *notes, sep="\n")
        return 0

    def _model(self, state: State) -> tuple[str, dict[str, Tensor]]:
        """What stands before the names of the model, and the model's tensors without it."""
        if self.prefix:
            prefix = self.prefix if self.prefix.endswith(".") else self.prefix + "."
            return prefix, part(state, prefix)
        found = transformers(state) or first_stages(state) or [""]
        if len(found) > 1:
            raise ValueError(f"there are several models; give one as --prefix: {', '.join(found)}")
        (prefix,) = found
        beside = {name: it for name, it in state.items() if not name.startswith(prefix)}
        others = sorted({name.split(".")[0] for name in beside if not why_not(name)})
        if others:
            raise ValueError(
                f"beside {prefix} there are {', '.join(others)}; to take {prefix} alone give "
                f"--prefix {prefix}"
            )
        return prefix, beside | part(state, prefix)

    def _codec(self, state: State) -> list[str]:
        model = load_vqmodel(state, image_size=self.image_size)
        critic = find_critic(state)
        with written_whole(self.out) as folder:
            save_codec(folder, model, critic, record=self._record)
        fates = account(state)
        left_out = reasons(fates, critic)
        return [
            f"{self.out}: {len(fates) - left_out.total()} tensors loaded, {left_out.total()} of "
            "training left out",
            f"f = {model.config.downsampling_factor}, {model.config.num_codes} codes",
            *described(self.out, critic, left_out),
        ]

    def _transformer(self, state: State) -> list[str]:
        f = infer_config(part(state, FIRST)).downsampling_factor
        if self.image_size < f or self.image_size % f:
            raise ValueError(f"image_size is {self.image_size}; it must be a multiple of f = {f}")
        side = self.image_size // f
        told = {"grid": (side, side), "num_classes": self.num_classes}
        found = load_net2net(
            state, num_heads=self.num_heads, prefix_attention=self.prefix_attention, **told
        )
        critic, second = find_critic(state, FIRST), found.condition_stage
        kind = kind_of(found)
        with written_whole(self.out) as folder:
            save_model(found.prior, folder, record=self._record)
            save_codec(folder / "codec", found.first_stage, critic)
            if second is not None:
                save_model(second, folder / "condition_codec")
            name = None if second is None else "condition_codec"
            write_pipeline(folder, kind, "codec", name)
        config = found.prior.config
        return [
            f"{self.out}: {config.num_layers} layers of width {config.width}, {config.num_heads} "
            f"heads, which draw from {'nothing' if kind == 'none' else kind}",
            f"f = {f}, {config.num_codes} codes, {side}×{side} tokens",
            *described(self.out / "codec", critic, reasons(account_net2net(state, **told), critic)),
        ]

    @property
    def _record(self) -> dict[str, Any]:
        record: dict[str, Any] = {"converted_from": self.checkpoint.name}
        if self.ema:
            record["ema"] = True
        return record | ({"ignored": list(self.ignore)} if self.ignore else {})


def refuse_foreign(state: State) -> None:
    """Raise `ValueError` for a layout of others: what is missing of ours would tell less."""
    for names, reason in FOREIGN.items():
        if any(re.fullmatch(names, name) for name in state):
            raise ValueError(reason)


def find_critic(state: State, prefix: str = "") -> PatchDiscriminator | None:
    """The discriminator beside a VQGAN; None where there is none that we know."""
    names = [name for name in state if name.startswith(prefix + DISCRIMINATOR)]
    if not names or actnorm(part(state, prefix)):
        return None
    try:
        return load_discriminator(state, prefix=prefix)
    except ValueError as error:
        raise ValueError(f"{error}; to do without it: --ignore '*{DISCRIMINATOR}*'") from error


def save_codec(
    folder: Path,
    codec: VQVAE,
    critic: PatchDiscriminator | None,
    *,
    record: Mapping[str, Any] | None = None,
) -> None:
    """Write a codec's folder; the critic's is in it."""
    save_model(codec, folder, record=record)
    if critic is not None:
        save_model(critic, folder / "critic")


def reasons(fates: Mapping[str, str], critic: PatchDiscriminator | None) -> Counter[str]:
    """Why tensors are in no folder, and how many for each reason."""
    return Counter(
        fate.removeprefix("not loaded: ")
        for name, fate in fates.items()
        if fate.startswith("not loaded: ") and not (critic and DISCRIMINATOR in name)
    )


def described(
    folder: Path, critic: PatchDiscriminator | None, left_out: Mapping[str, int]
) -> list[str]:
    """Lines about the critic and about what is left out."""
    hints = {AVERAGED: " (--ema takes them)"}
    lines = [
        f"left out: {reason}{hints.get(reason, '')}: {count}" for reason, count in left_out.items()
    ]
    if critic is None:
        return lines
    field = critic.receptive_field
    return [f"{folder / 'critic'}: the discriminator, which judges {field}×{field} pixels", *lines]


@contextmanager
def speaking_of_flags() -> Iterator[None]:
    """Inside of it, a `ValueError` calls by their flags what it would call by arguments."""
    try:
        yield
    except ValueError as error:
        words = str(error)
        for argument, flag in FLAGS.items():
            words = re.sub(rf"\b({argument})\b", flag, words)
        raise ValueError(words) from error


def kind_of(found: Net2Net) -> ConditionKind:
    """What a released transformer draws from; of pictures, only depth was released."""
    if found.condition_stage is not None:
        return "segmentation" if isinstance(found.condition_stage, LabelMapVQVAE) else "depth"
    return "class" if isinstance(found.prior.config.condition, ClassCondition) else "none"
