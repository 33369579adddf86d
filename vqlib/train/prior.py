"""The recipe of stage 2: train a prior on the tokens of a frozen codec."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vqlib.compress.processes import mean_over_processes
from vqlib.generate.prior import Prior, PriorConfig, evaluating, negative_log_likelihood
from vqlib.saved.model import save_model
from vqlib.saved.run_folder import BEST
from vqlib.tokens.data import TokenData
from vqlib.train.loop import Run, clip_gradients, mean_logs
from vqlib.train.recipe import Recipe, Trained
from vqlib.train.runtime import Runtime, start
from vqlib.train.stage1 import material_of


@dataclass(frozen=True)
class PriorRecipe(Recipe):
    """How a prior is trained."""

    max_grad_norm: float | None = 1.0
    """Longer gradients are shortened to this norm, all weights together; none: never."""
    weight_decay: float = 0.01
    """AdamW's weight decay on matrices (not on biases, norms and embeddings)."""
    pkeep: float = 1.0
    """Share of the input tokens that are kept; the others become random codes, so that the model
    learns to go on from mistakes. What it has to predict stays as it is."""
    condition_dropout: float = 0.0
    """Share of the pictures that are learned without their condition, for guidance."""
    validate_every: int | None = None
    """Steps between two looks at the held-out pictures; the best model is kept. none: never."""
    patience: int | None = None
    """Looks without improvement after which training ends; none goes on to the last step."""
    sample_every: int | None = None
    """Steps between two pictures of samples (in the run folder); none: never."""

    def __post_init__(self):
        super().__post_init__()
        self.check_not_negative("weight_decay")
        if not 0 < self.pkeep <= 1:
            raise ValueError(f"pkeep is {self.pkeep}; it must be in (0, 1]")
        if not 0 <= self.condition_dropout < 1:
            raise ValueError(f"condition_dropout is {self.condition_dropout}; use [0, 1)")
        for name in ("validate_every", "patience", "sample_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}; use at least 1, or none")
        if self.patience is not None and self.validate_every is None:
            raise ValueError("patience needs validate_every: how often to look")

    def looks_after(self, step: int) -> bool:
        """Whether held-out pictures are looked at after this step, counted from 0."""
        every, done = self.validate_every, step + 1
        return every is not None and (done % every == 0 or done == self.steps)


@dataclass(frozen=True)
class Watch:
    """What is looked at while a prior is trained."""

    held_out: TokenData | None = None
    """Pictures that it is not trained on."""
    draw: Callable[[Prior], Float[Tensor, "C H W"]] | None = None
    """Draws samples, for the pictures in the run folder."""


def train_prior(
    data: TokenData,
    config: PriorConfig,
    recipe: PriorRecipe,
    watch: Watch = Watch(),
    *,
    folder: str | Path | None = None,
    resume: bool = False,
    device: str | None = None,
    progress: bool = True,
) -> Trained[Prior]:
    """Train a prior from scratch.

    Args:
        data: tokens with their conditions.
        config: shape of the model, such as a `GPTConfig`.
        recipe: how to train it.
        watch: held-out pictures and a way to draw samples, if wanted.
        folder: where log, checkpoints and samples go; None saves nothing. With validation the best
            model is in "best" below it.
        resume: go on from the folder's latest checkpoint.
        device: such as "cuda:0"; by default the best there is.
        progress: show a bar.

    Returns:
        The model in eval mode, the best one where the recipe validates, and its history (loss:
        nats per image token; bits: the same in bits; held_out: nats per held-out token).

    Raises:
        ValueError: recipe, model and data do not fit together.
    """
    _check(config, recipe, watch)
    with start(device) as place:
        torch.manual_seed(recipe.seed)
        model = config.build().to(place.device).train()
        if recipe.compile:
            model.compile()
        torch.manual_seed(recipe.seed + place.rank)  # dropout differs between processes
        train_step = PriorStep(model, recipe, place)
        best = place.put(Best(model)) if recipe.validate_every else None
        parts = {"optimizer": train_step.optimizer} | ({} if best is None else {"best": best})
        options = {"folder": folder, "resume": resume, "progress": progress}
        with Run(model, parts, recipe, place, material=_material(data), **options) as run:
            if watch.draw is not None:
                run.preview(recipe.sample_every, watch.draw)
            if best is not None and best.exhausts(recipe.patience):  # it had ended before
                run.stop_early()
            asked = {"seed": recipe.seed, "device": place.device}
            batches = data.batches(run.draws(len(data)), config, **asked)
            for step, (tokens, ids) in run.steps(batches):
                logs = train_step(place.put(tokens), place.put(ids))
                if recipe.looks_after(step):
                    logs["held_out"] = _look(run, best, watch.held_out, recipe.patience)
                if recipe.looks_after(step) or run.logs_at(step):
                    run.log(step, logs)
        trained = run.result()
        if best is not None and best.looked:
            trained.model.load_state_dict(best.model.state_dict())
        return trained


class PriorStep:
    """One step: predict each token of some pictures from those before it.

    Args:
        model: on its device, in train mode.
        recipe: how to train it.
        place: this process.
    """

    def __init__(self, model: Prior, recipe: PriorRecipe, place: Runtime):
        self.model, self.recipe, self.place = model, recipe, place
        self.parallel = place.wrap(model)
        groups = parameter_groups(model, recipe.weight_decay)
        self.optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.95))

    def __call__(self, tokens: Int[Tensor, "B T"], ids: Int[Tensor, "B P"]) -> dict[str, Tensor]:
        """Move the model by one step; the losses, detached."""
        recipe, config, logs = self.recipe, self.model.config, []
        self.optimizer.zero_grad()
        prefixes = iter(ids.chunk(recipe.accumulate))
        for part in self.place.parts(tokens, recipe.accumulate, self.parallel):
            sequence = part[:, self.model.order.permutation(*config.grid)]
            seen = corrupted(sequence[:, :-1], config.num_codes, recipe.pkeep)
            prefix = dropped(next(prefixes), self.model, recipe.condition_dropout)
            with self.place.autocast(recipe.precision):
                logits = self.parallel(seen, prefix)  # (B, T, K)
            loss = negative_log_likelihood(logits, sequence)
            (loss / recipe.accumulate).backward()
            logs.append({"loss": loss.detach(), "bits": loss.detach() / math.log(2)})
        clip_gradients(self.model, recipe)
        self.optimizer.step()
        return mean_logs(logs)


class Best(nn.Module):
    """The model that has predicted held-out pictures best so far. Part of a checkpoint."""

    def __init__(self, model: Prior):
        super().__init__()
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.register_buffer("nll", torch.tensor(math.inf))
        self.register_buffer("waited", torch.tensor(0))

    @property
    def looked(self) -> bool:
        """Whether there is a best one yet."""
        return math.isfinite(self.nll.item())

    def exhausts(self, patience: int | None) -> bool:
        """Whether so many looks have brought no improvement."""
        return patience is not None and int(self.waited) >= patience

    def improved(self, model: Prior, nll: float) -> bool:
        """Keep the model if it is better than the one before."""
        rounded = self.nll.new_tensor(nll)  # or the same number could be below itself
        if not rounded < self.nll:
            self.waited += 1
            return False
        self.model.load_state_dict(model.state_dict())
        self.nll.copy_(rounded)
        self.waited.zero_()
        return True


def _material(data: TokenData) -> dict[str, str]:
    """What tells it from other data, as in `material_of`."""
    images = getattr(data, "images", None)
    return {"tokens": f"of {len(data)} pictures"} if images is None else material_of(images)


def _look(run: Run, best: Best, held_out: TokenData, patience: int | None) -> Tensor:
    """NLL of the held-out pictures; keeps the best model, and ends the run without improvement."""
    nll = torch.tensor(validation_nll(run.best_model, held_out), device=run.place.device)
    nll = mean_over_processes(nll).item()  # equal but for rounding; all must decide alike
    if best.improved(run.best_model, nll) and run.folder is not None and run.place.is_main:
        save_model(run.best_model, run.folder / BEST)
    if best.exhausts(patience):
        run.stop_early()
    return torch.tensor(nll)


def _check(config: PriorConfig, recipe: PriorRecipe, watch: Watch) -> None:
    if bool(recipe.condition_dropout) != config.guidance:
        raise ValueError(
            f"condition_dropout is {recipe.condition_dropout} and the model's guidance is "
            f"{config.guidance}: a model can be guided if and only if some pictures are learned "
            "without their condition"
        )
    if recipe.validate_every is not None and watch.held_out is None:
        raise ValueError("validate_every needs held-out pictures; give them in `watch`")


def corrupted(tokens: Int[Tensor, "B t"], num_codes: int, pkeep: float) -> Int[Tensor, "B t"]:
    """Input tokens of which some have become random codes.

    Source: the reference code of *Taming Transformers* (pkeep).
    """
    if pkeep == 1:
        return tokens
    kept = torch.rand(tokens.shape, device=tokens.device) < pkeep
    return torch.where(kept, tokens, torch.randint_like(tokens, num_codes))


def dropped(ids: Int[Tensor, "B P"], model: Prior, share: float) -> Int[Tensor, "B P"]:
    """Prefixes of which some have become the one that stands for no condition.

    Source: Ho and Salimans, *Classifier-Free Diffusion Guidance*, algorithm 1.
    """
    if share == 0:
        return ids
    gone = torch.rand(len(ids), 1, device=ids.device) < share
    return torch.where(gone, model.without_condition(), ids)


def parameter_groups(model: Prior, weight_decay: float) -> list[dict]:
    """Weight decay for the weights of linear layers and convolutions, none for the rest."""
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d)
    chosen = [m.weight for m in model.modules() if isinstance(m, kinds)]
    numbers = {id(weight) for weight in chosen}
    rest = [p for p in model.parameters() if id(p) not in numbers]
    return [
        {"params": chosen, "weight_decay": weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]


@torch.no_grad()
def validation_nll(model: Prior, data: TokenData, *, batch_size: int = 64) -> float:
    """Mean −log p(s | c) over a data set, in nats per image token, in eval mode."""
    total, count = 0.0, 0
    with evaluating(model):
        for tokens, ids in data.pictures(model.config, batch_size):
            sequence = tokens.to(model.device)[:, model.order.permutation(*model.config.grid)]
            logits = model(sequence[:, :-1], ids.to(model.device))
            total += negative_log_likelihood(logits, sequence).item() * len(tokens)
            count += len(tokens)
    return total / count
