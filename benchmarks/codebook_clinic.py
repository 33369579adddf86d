"""Codebook clinic: a seeded collapse, and what each cure makes of it.

`python benchmarks/codebook_clinic.py` trains a VQVAE on digits with more codes than it can hold on
to, with three seeds. Prevention: the same start, with the cure from the first step. Rescue: the
collapsed model, trained on with the cure. Everything is measured on the 297 held-out digits, on
codes that the last fifth of the training has not moved.
"""

from dataclasses import replace

import torch
from record import spread, table, to_the_end, write

from vqlib.compress import (
    VQVAE,
    EMACodes,
    GradientCodes,
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
SEEDS = (0, 1, 2)
RESTART, KMEANS = {"restart_every": 20}, {"kmeans_init": True}
# A plain autoencoder for a quarter of the steps; then the codes start where its latents are.
WARM_UP = {"autoencoder_steps": 100, "kmeans_init": True}
# Name → (how codes are learned, options of the recipe).
CURES = {
    "none": (CONFIG.codes, {}),
    "wide start": (GradientCodes(wide=True), {}),
    "EMA codes": (EMACodes(), {}),
    "k-means start": (CONFIG.codes, KMEANS),
    "warm-up without codes, then k-means": (CONFIG.codes, WARM_UP),
    "restart of dead codes": (CONFIG.codes, RESTART),
    "normalised codes, d = 8": (NormalizedCodes(), {}),
    "EMA, k-means start, restart": (EMACodes(), KMEANS | RESTART),
    "EMA, warm-up, restart": (EMACodes(), WARM_UP | RESTART),
}


def train(model: VQVAEConfig | VQVAE, changes: dict, seed: int) -> VQVAE:
    """With a cure's options."""
    recipe = replace(RECIPE, **changes, seed=seed)
    options = {"device": "cpu", "progress": False}
    return to_the_end(train_vqvae(digits("train").images, model, recipe, **options)).model


def with_codes(collapsed: VQVAE, config: VQVAEConfig, seed: int) -> VQVAE:
    """The collapsed encoder and decoder with a quantizer of another kind.

    Codes of the same kind and EMA codes start where the collapsed ones are; normalised codes live
    in another space and start afresh, as do wide ones.
    """
    torch.manual_seed(seed)
    model = VQVAE(config)
    model.encoder.load_state_dict(collapsed.encoder.state_dict())
    model.decoder.load_state_dict(collapsed.decoder.state_dict())
    if config.codes not in (NormalizedCodes(), GradientCodes(wide=True)):
        every = torch.arange(config.num_codes)
        model.quantizer.replace_codes(every, collapsed.quantizer.codebook.detach())
    return model


@torch.no_grad()
def measured(model: VQVAE) -> tuple[float, float, float]:
    """Usage in percent, perplexity and PSNR on held-out digits."""
    x = digits("held_out").images
    tokens = model.encode(x)
    counts = code_counts(tokens, model.config.num_codes)
    quality = psnr(model.decode(tokens), x).mean().item()
    return 100 * codebook_usage(counts), perplexity(counts), quality


def main() -> None:
    """Collapse, then every cure both ways, with every seed."""
    torch.set_num_threads(1)
    collapsed = {seed: train(CONFIG, {}, seed) for seed in SEEDS}
    rows = []
    for name, (codes, changes) in CURES.items():
        config, found = replace(CONFIG, codes=codes), []
        for seed in SEEDS:
            prevention = collapsed[seed] if name == "none" else train(config, changes, seed)
            rescue = train(with_codes(collapsed[seed], config, seed), changes, seed)
            found.append([*measured(prevention), *measured(rescue)])
        rows.append([name, *(spread(list(values)) for values in zip(*found, strict=True))])
        print(rows[-1], flush=True)
    header = ["cure", "usage, %", "perplexity", "PSNR, dB"]
    header += ["rescue: usage, %", "perplexity", "PSNR, dB"]
    write(
        "codebook_clinic",
        [
            f"{CONFIG.num_codes} codes, {RECIPE.steps} steps, {len(SEEDS)} seeds: the mean, and "
            "the smallest and largest in brackets. Left: the cure from the start. Right: "
            f"{RECIPE.steps} steps without it, then as many with it.",
            "",
            *table(header, rows),
        ],
    )


if __name__ == "__main__":
    main()
