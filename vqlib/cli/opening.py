"""The first lines of every training: with what, on what, how, and where to."""

from collections.abc import Sequence, Sized
from pathlib import Path

import torch
from torch import nn

from vqlib.compress.vqvae import VQVAEConfig
from vqlib.generate.prior import PriorConfig
from vqlib.saved.pipeline import ConditionKind
from vqlib.saved.run_folder import KEPT, latest_checkpoint, training_of
from vqlib.train.recipe import Recipe
from vqlib.train.vqgan import VQGANRecipe


def opening(lines: Sequence[tuple[str, str]]) -> None:
    """Print what there is to say about a run, one subject a line."""
    for subject, words in lines:
        print(f"{subject:<9}{words}")


def about_run(recipe: Recipe, device: torch.device, out: Path) -> list[tuple[str, str]]:
    """Device, steps, and where the run is kept.

    Args:
        recipe: of the run.
        device: that it runs on.
        out: its folder, which may hold a run to go on with.
    """
    name = f" ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else ""
    lines = [("device", f"{device}{name}, {recipe.precision}")]
    steps = f"{recipe.steps:,} steps of {recipe.batch_size}"
    latest = latest_checkpoint(out)
    if latest is not None:
        saved = training_of(latest)
        steps += f", going on after step {saved['step']:,}"
        before = saved["recipe"].get("steps", recipe.steps)
        if before != recipe.steps and recipe.schedule == "cosine":
            steps += (
                f"; the run was to have {before:,}, and its learning rate goes on along the "
                "cosine of the new number"
            )
    lines.append(("training", steps))
    if isinstance(recipe, VQGANRecipe):
        lines.append(("critic", _about_critic(recipe.settled(out))))
    every = f"every {recipe.save_every:,} steps and at the end"
    lines.append(("saving", f"in {out}, {every}; the last {KEPT} checkpoints are kept"))
    return lines


def _about_critic(recipe: VQGANRecipe) -> str:
    if not recipe.disc_weight:
        return "none, since --disc-weight is 0"
    if recipe.disc_start >= recipe.steps:
        return f"none: it would come in after step {recipe.disc_start:,} (--disc-start)"
    return f"comes in after step {recipe.disc_start:,} (--disc-start)"


def about_pictures(train: Sized, held_out: Sized | str) -> tuple[str, str]:
    """How many are learned from, held out and left out.

    Args:
        train: to learn from.
        held_out: to measure with, or why there is none.
    """
    skipped = len(getattr(train, "skipped", ())) + len(getattr(held_out, "skipped", ()))
    out = (
        f"none held out: {held_out}" if isinstance(held_out, str) else f"{len(held_out):,} held out"
    )
    words = [f"{len(train):,} to learn from", out]
    if skipped:
        words.append(f"{skipped:,} left out, since they cannot be read")
    words += [f"{n:,} {ending} not read" for ending, n in getattr(train, "unread", {}).items()]
    return "pictures", ", ".join(words)


def about_codec(config: VQVAEConfig) -> tuple[str, str]:
    """The model of stage 1: size and tokens."""
    with torch.device("meta"):  # its shape without its weights
        model = config.build()
    f, side = config.downsampling_factor, config.grid_size
    pixels = f"{config.image_size}×{config.image_size} pixels"
    tokens = f"{side}×{side} tokens of {config.num_codes:,} codes (f = {f})"
    return "codec", f"{_parameters(model)}; {pixels} become {tokens}"


def about_prior(config: PriorConfig, kind: ConditionKind) -> tuple[str, str]:
    """The model of stage 2: size, tokens, and what it draws from."""
    with torch.device("meta"):
        model = config.build()
    h, w = config.grid
    source = "nothing" if kind == "none" else kind.replace("_", " ")
    tokens = f"{h}×{w} tokens of {config.num_codes:,} codes"
    return "prior", f"{_parameters(model)}; {tokens}, drawn from {source}"


def _parameters(model: nn.Module) -> str:
    count = sum(p.numel() for p in model.parameters())
    return f"{count / 1e6:.1f} million parameters" if count >= 1e6 else f"{count:,} parameters"
