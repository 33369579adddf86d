"""The recipe of stage 2: train a GPT on the tokens of a frozen codec."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.compress.vqvae import VQVAE
from vqlib.generate.gpt import GPT, GPTConfig, negative_log_likelihood
from vqlib.train.loop import Run, mean_logs
from vqlib.train.recipe import Recipe, Trained
from vqlib.train.runtime import start


@dataclass(frozen=True)
class PriorRecipe(Recipe):
    """How a prior is trained."""

    weight_decay: float = 0.01
    """AdamW's weight decay on matrices (not on biases, norms and embeddings)."""

    def __post_init__(self):
        super().__post_init__()
        self.check_not_negative("weight_decay")


def train_prior(
    tokens: Int[Tensor, "N T"],
    conditions: Int[Tensor, " N"],
    config: GPTConfig,
    recipe: PriorRecipe,
    *,
    folder: str | Path | None = None,
    resume: bool = False,
    device: str | None = None,
    progress: bool = True,
) -> Trained[GPT]:
    """Train a GPT from scratch.

    Args:
        tokens: one picture per row in raster order, int64 in [0, num_codes), T = num_tokens.
        conditions: one id per picture, int64 in [0, num_conditions).
        config: shape of the model.
        recipe: how to train it.
        folder: where log and checkpoints go; None saves nothing.
        resume: go on from the folder's latest checkpoint.
        device: such as "cuda:0"; by default the best there is.
        progress: show a bar.

    Returns:
        The model in eval mode and its history (loss: nats per token).
    """
    with start(device) as place:
        torch.manual_seed(recipe.seed)
        model = GPT(config).to(place.device).train()
        if recipe.compile:
            model.compile()
        torch.manual_seed(recipe.seed + place.rank)  # dropout differs between processes
        parallel = place.wrap(model)
        optimizer = torch.optim.AdamW(
            parameter_groups(model, recipe.weight_decay), lr=recipe.learning_rate, betas=(0.9, 0.95)
        )

        def train_step(batch: Tensor) -> dict[str, Tensor]:
            logs = []
            optimizer.zero_grad()
            for part in place.parts(batch, recipe.accumulate, parallel):
                s, c = place.put(tokens[part]), place.put(conditions[part])
                with place.autocast(recipe.precision):
                    logits = parallel(s[:, :-1], c)  # (B, T, K)
                loss = F.cross_entropy(logits.float().flatten(0, 1), s.flatten())
                (loss / recipe.accumulate).backward()
                logs.append({"loss": loss.detach()})
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            return mean_logs(logs)

        options = {"folder": folder, "resume": resume, "progress": progress}
        with Run(model, {"optimizer": optimizer}, recipe, place, **options) as run:
            for step, batch in run.batches(len(tokens)):
                logs = train_step(batch)
                if run.logs_at(step):
                    run.log(step, logs)
        return run.result()


def parameter_groups(model: GPT, weight_decay: float) -> list[dict]:
    """Weight decay for the matrices of linear layers, none for the rest (as in GPT-2's family)."""
    linear = [m.weight for m in model.modules() if isinstance(m, torch.nn.Linear)]
    chosen = {id(weight) for weight in linear}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return [
        {"params": linear, "weight_decay": weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]


@torch.no_grad()
def tokenize(
    codec: VQVAE, images: Float[Tensor, "N C H W"], *, batch_size: int = 256
) -> Int[Tensor, "N T"]:
    """Tokens of many images in raster order, T = h·w, on the CPU.

    Args:
        codec: a trained stage 1.
        images: in [-1, 1], on any device.
        batch_size: images encoded at once.
    """
    device = next(codec.parameters()).device
    parts = [codec.encode(part.to(device)).flatten(1).cpu() for part in images.split(batch_size)]
    return torch.cat(parts)


@torch.no_grad()
def validation_nll(
    model: GPT, tokens: Int[Tensor, "N T"], conditions: Int[Tensor, " N"], *, batch_size: int = 256
) -> float:
    """Mean −log p(s | c) over a data set, in nats per image token, in eval mode."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    total = 0.0
    for s, c in zip(tokens.split(batch_size), conditions.split(batch_size), strict=True):
        total += negative_log_likelihood(model, s.to(device), c.to(device)).item() * len(s)
    model.train(was_training)
    return total / len(tokens)
