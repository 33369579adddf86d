"""Against codebook collapse: start the codes where the latents are, bring dead ones back."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vqlib.compress.processes import gather_over_processes, sum_over_processes
from vqlib.compress.quantize import Quantizer, nearest_code


@torch.no_grad()
def kmeans(
    points: Float[Tensor, "N D"],
    num_clusters: int,
    *,
    iterations: int = 20,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "K D"]:
    """Lloyd's algorithm: assign each point to its nearest centre, move centres to their means.

    Starts at randomly chosen points; a centre without points moves to a random point.

    Args:
        points: float32.
        num_clusters: K; with fewer points than that, points are repeated with a little noise.
        iterations: rounds of assigning and moving.
        generator: of the random choices, on the CPU.

    Returns:
        The centres.
    """
    centres = random_rows(points.float(), num_clusters, generator)
    if len(points) <= num_clusters:
        return centres  # each point is one already
    for _ in range(iterations):
        nearest = nearest_code(points, centres)
        counts = torch.bincount(nearest, minlength=num_clusters)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points.float())
        empty = (counts == 0).nonzero().flatten()
        centres = sums / counts.clamp(min=1)[:, None]
        centres[empty] = random_rows(points.float(), len(empty), generator)
    return centres


def initialize_codes(
    quantizer: Quantizer,
    latents: Float[Tensor, "B D h w"],
    *,
    generator: torch.Generator | None = None,
) -> None:
    """Data-dependent start: the codes become the k-means centres of some latents.

    Processes that train together must give the same latents and equal generators.

    Args:
        quantizer: any; its codes are replaced in place.
        latents: of one or more batches, best ten times as many positions as codes or more.
        generator: of k-means, on the CPU.
    """
    rows = rows_of(latents)
    centres = kmeans(rows, quantizer.num_codes, generator=generator)
    quantizer.replace_codes(torch.arange(quantizer.num_codes, device=rows.device), centres)


class DeadCodeRestart(nn.Module):
    """Every so many steps, codes that no latent has chosen since move to random latents.

    (Dhariwal et al. 2020, Jukebox, section 3.1.) The counts are a buffer: part of a checkpoint.

    Args:
        num_codes: K, the number of codes.
        every: steps between two restarts.
        until: the step from which on there are no restarts, so that every code is trained where it
            is when the run ends; None for restarts to the end.
        seed: of the choice of latents.
    """

    def __init__(self, num_codes: int, every: int, *, until: int | None = None, seed: int = 0):
        super().__init__()
        if every < 1:
            raise ValueError(f"every is {every}; it must be at least 1")
        self.every, self.until, self.seed = every, until, seed
        self.register_buffer("counts", torch.zeros(num_codes, dtype=torch.int64))

    @torch.no_grad()
    def count(self, tokens: Int[Tensor, "B h w"]) -> None:
        """Note which codes a batch has chosen, on all processes together."""
        K = len(self.counts)
        self.counts += sum_over_processes(torch.bincount(tokens.flatten(), minlength=K))

    def due(self, step: int) -> bool:
        """Whether a restart comes before this step, counted from 0."""
        ended = self.until is not None and step >= self.until
        return step > 0 and step % self.every == 0 and not ended

    @torch.no_grad()
    def restart(self, quantizer: Quantizer, latents: Float[Tensor, "B D h w"], step: int) -> int:
        """Move the codes without a count to random latents and count from zero again.

        To be called before a step, which then trains on the new codes: what counts codes never
        meets one that has not been trained on.

        Args:
            quantizer: whose codes are replaced in place.
            latents: of any batch.
            step: which choice of latents to make.

        Returns:
            How many codes were dead.
        """
        dead = (self.counts == 0).nonzero().flatten()
        self.counts.zero_()
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        rows = gather_over_processes(rows_of(latents))
        quantizer.replace_codes(dead, random_rows(rows, len(dead), generator))
        return len(dead)


def rows_of(z: Float[Tensor, "B D h w"]) -> Float[Tensor, "N D"]:
    """One float32 row per position, N = B·h·w."""
    return z.detach().float().permute(0, 2, 3, 1).flatten(0, 2)


def random_rows(
    points: Float[Tensor, "N D"], count: int, generator: torch.Generator | None
) -> Float[Tensor, "M D"]:
    """`count` different rows at random; where there are too few, repeated with a little noise."""
    N, D = points.shape
    order = torch.randperm(N, generator=generator)
    chosen = points[order[torch.arange(count) % N].to(points.device)].clone()
    if count > N:
        noise = torch.randn(count - N, D, generator=generator).to(points)
        chosen[N:] += 0.01 * points.std() * noise
    return chosen
