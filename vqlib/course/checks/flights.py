"""The made-up flight records of exercise 9.3."""

import torch

History = list[dict[str, int | float]]

TRUTH = {
    "A": "critic_wins",
    "B": "healthy",
    "C": "codebook_collapse",
    "D": "critic_dead",
}


def flights(steps: int = 200) -> dict[str, History]:
    """Four made-up records of exercise 9.3, one illness each, the same on every machine."""
    return {name: _flight(TRUTH[name], seed, steps) for seed, name in enumerate(TRUTH)}


def _flight(illness: str, seed: int, steps: int) -> History:
    noise = torch.randn(steps, 6, generator=torch.Generator().manual_seed(seed))
    return [_moment(illness, t, t / steps, noise[t].tolist()) for t in range(steps)]


def _moment(illness: str, t: int, done: float, n: list[float]) -> dict[str, int | float]:
    rec = 0.06 + 0.14 * 2 ** (-8 * done)
    usage, grad_rec, grad_gan = 0.93, 0.1, 0.6
    logit, accuracy = 0.5, 0.68
    ill = max(0.0, (done - 0.3) / 0.7)  # how far it has gone
    if illness == "critic_wins":
        logit, accuracy, grad_gan = 0.5 + 7 * ill, 0.68 + 0.32 * min(1.0, 4 * ill), 0.6 + 5 * ill
        rec += 0.05 * ill
    elif illness == "critic_dead":
        logit, accuracy = 0.5 * 2 ** (-40 * ill), 0.5 + 0.18 * 2 ** (-20 * ill)
        grad_gan = 0.6 * 2 ** (-18 * ill)
    elif illness == "codebook_collapse":
        usage, rec = 0.02 + 0.91 * 2 ** (-9 * ill), rec + 0.12 * min(1.0, 2 * ill)
    grad_rec, grad_gan = grad_rec * 1.3 ** n[0], grad_gan * 1.3 ** n[1]
    shake = 0.15 * min(1.0, logit * 2)
    real, fake = logit + shake * n[2], -logit + shake * n[3]
    return {
        "step": t + 1,
        "reconstruction": rec * 1.04 ** n[4],
        "critic": 0.5 * (max(0.0, 1 - real) + max(0.0, 1 + fake)),
        "lambda": grad_rec / (grad_gan + 1e-4),
        "grad_rec": grad_rec,
        "grad_gan": grad_gan,
        "real": real,
        "fake": fake,
        "accuracy": min(1.0, max(0.0, accuracy + 0.03 * n[5] * (accuracy < 0.99))),
        "usage": usage,
    }
