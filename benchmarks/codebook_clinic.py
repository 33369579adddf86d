"""Codebook clinic: a seeded collapse, and what each cure makes of it.

`python benchmarks/codebook_clinic.py` trains a VQVAE on digits with more codes than it can hold on
to. Prevention: the same start, with the cure from the first step. Rescue: the collapsed model,
trained on with the cure. Everything is measured on the 297 held-out digits.
"""

from dataclasses import replace

import torch
from record import table, write

from vqlib.compress import (
    VQVAE,
    EMACodes,
    NormalizedCodes,
    VQVAEConfig,
    code_counts,
    codebook_usage,
    perplexity,
    vqvae_digits,
)
from vqlib.data import digits
from vqlib.measure import psnr
from vqlib.train import VQVAERecipe, train_vqvae

RECIPE = VQVAERecipe(steps=400, batch_size=32, learning_rate=1e-3, seed=0, log_every=100)
CONFIG = replace(vqvae_digits(), num_codes=256)
RESTART, KMEANS = {"restart_every": 20}, {"kmeans_init": True}
# Name → (how codes are learned, options of the recipe).
CURES = {
    "none": (CONFIG.codes, {}),
    "EMA codes": (EMACodes(), {}),
    "k-means start": (CONFIG.codes, KMEANS),
    "restart of dead codes": (CONFIG.codes, RESTART),
    "normalised codes, d = 8": (NormalizedCodes(), {}),
    "EMA, k-means start, restart": (EMACodes(), KMEANS | RESTART),
}


def train(model: VQVAEConfig | VQVAE, changes: dict) -> VQVAE:
    """With a cure's options."""
    recipe = replace(RECIPE, **changes)
    options = {"device": "cpu", "progress": False}
    return train_vqvae(digits("train").images, model, recipe, **options).model


def with_codes(collapsed: VQVAE, config: VQVAEConfig) -> VQVAE:
    """The collapsed encoder and decoder with a quantizer of another kind.

    Codes of the same kind and EMA codes start where the collapsed ones are; normalised codes live
    in another space and start afresh.
    """
    torch.manual_seed(RECIPE.seed)
    model = VQVAE(config)
    model.encoder.load_state_dict(collapsed.encoder.state_dict())
    model.decoder.load_state_dict(collapsed.decoder.state_dict())
    if not isinstance(config.codes, NormalizedCodes):
        every = torch.arange(config.num_codes)
        model.quantizer.replace_codes(every, collapsed.quantizer.codebook.detach())
    return model


@torch.no_grad()
def measured(model: VQVAE) -> list[str]:
    """Usage, perplexity and PSNR on held-out digits, as table cells."""
    x = digits("held_out").images
    tokens = model.encode(x)
    counts = code_counts(tokens, model.config.num_codes)
    quality = psnr(model.decode(tokens), x).mean()
    return [f"{codebook_usage(counts):.1%}", f"{perplexity(counts):.1f}", f"{quality:.2f}"]


def main() -> None:
    """Collapse, then every cure both ways."""
    torch.set_num_threads(1)
    collapsed = train(CONFIG, {})
    rows = []
    for name, (codes, changes) in CURES.items():
        config = replace(CONFIG, codes=codes)
        prevention = collapsed if name == "none" else train(config, changes)
        rescue = train(with_codes(collapsed, config), changes)
        rows.append([name, *measured(prevention), *measured(rescue)])
        print(rows[-1], flush=True)
    header = ["cure", "usage", "perplexity", "PSNR", "rescue: usage", "perplexity", "PSNR"]
    write(
        "codebook_clinic",
        [
            f"{CONFIG.num_codes} codes, {RECIPE.steps} steps, seed {RECIPE.seed}. Left: the cure "
            f"from the start. Right: {RECIPE.steps} steps without it, then as many with it.",
            "",
            *table(header, rows),
        ],
    )


if __name__ == "__main__":
    main()
