"""Gaussians fitted to a stream of features, and the Fréchet distance between two of them.

Source: Dowson & Landau, *The Fréchet distance between multivariate normal distributions* (1982);
Heusel et al., *GANs Trained by a Two Time-Scale Update Rule* (2017), equation 6.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def frechet_distance(
    mean_1: Float[Tensor, " F"],
    cov_1: Float[Tensor, "F F"],
    mean_2: Float[Tensor, " F"],
    cov_2: Float[Tensor, "F F"],
) -> float:
    """Squared Fréchet distance between the Gaussians N(μ₁, Σ₁) and N(μ₂, Σ₂).

    d² = ‖μ₁ − μ₂‖² + Tr(Σ₁ + Σ₂ − 2 (Σ₁^½ Σ₂ Σ₁^½)^½)

    Heusel et al. write (Σ₁Σ₂)^½, which has the same trace; but Σ₁Σ₂ is not symmetric, and its
    root comes out complex when rounding makes an eigenvalue negative. Here no such root is taken:
    with Σ = R Rᵀ, the trace of the root is the sum of the singular values of R₁ᵀR₂. These are real
    and not negative, also where the covariances are singular (fewer images than features).

    Args:
        mean_1: μ₁, any floating dtype; all is computed in float64.
        cov_1: Σ₁, symmetric and positive semi-definite.
        mean_2: μ₂.
        cov_2: Σ₂.

    Returns:
        d² ≥ 0. As usual for FID, the square is reported and not its root.

    Raises:
        ValueError: the shapes do not fit, an entry is not finite, or a matrix is no covariance.
    """
    dim = len(mean_1)
    for name, value, shape in (
        ("mean_1", mean_1, (dim,)),
        ("cov_1", cov_1, (dim, dim)),
        ("mean_2", mean_2, (dim,)),
        ("cov_2", cov_2, (dim, dim)),
    ):
        if value.shape != shape:
            raise ValueError(f"{name} has shape {tuple(value.shape)}, mean_1 calls for {shape}")
        if not value.isfinite().all():
            raise ValueError(f"{name} has entries that are not finite")
    mean_1, cov_1, mean_2, cov_2 = (a.cpu().double() for a in (mean_1, cov_1, mean_2, cov_2))
    overlap = torch.linalg.svdvals(_factor(cov_1).T @ _factor(cov_2)).sum()
    d_squared = (mean_1 - mean_2).square().sum() + cov_1.trace() + cov_2.trace() - 2 * overlap
    return max(0.0, d_squared.item())  # rounding may leave −1e-15


def _factor(cov: Float[Tensor, "F F"]) -> Float[Tensor, "F rank"]:
    """R with R Rᵀ = Σ, one column for each eigenvalue that is more than rounding."""
    eigenvalues, eigenvectors = torch.linalg.eigh(cov)  # ascending
    low, high = eigenvalues[0].item(), eigenvalues[-1].item()
    if low < -1e-5 * high or high < 0:
        raise ValueError(
            f"not a covariance: its eigenvalues range from {low:.3g} to {high:.3g}, "
            "but none may be negative"
        )
    kept = eigenvalues > len(cov) * torch.finfo(torch.float64).eps * high
    return eigenvectors[:, kept] * eigenvalues[kept].sqrt()


class GaussianStatistics:
    """Mean and covariance of features that arrive in batches, in float64, on the CPU.

    The result does not depend on how the features were split into batches, up to rounding. Sums of
    squares are kept around the running mean, which stays exact where the mean is far from zero
    (Chan, Golub & LeVeque 1979, *Updating formulae and a pairwise algorithm for computing sample
    variances*).

    Args:
        dim: F, the number of features.
    """

    def __init__(self, dim: int):
        if dim < 1:
            raise ValueError(f"dim is {dim}; there must be at least 1 feature")
        self.dim, self.count = dim, 0
        self.mean = torch.zeros(dim, dtype=torch.float64)
        self._scatter = torch.zeros(dim, dim, dtype=torch.float64)  # Σ (f − μ)(f − μ)ᵀ

    def update(self, features: Float[Tensor, "B F"]) -> None:
        """Add a batch, any floating dtype; raises `ValueError` on a wrong F or NaN or infinity."""
        if features.shape[1] != self.dim:
            raise ValueError(f"there are {features.shape[1]} features, expected dim={self.dim}")
        if not features.isfinite().all():
            raise ValueError("some features are not finite; look at the images they came from")
        features = features.detach().cpu().double()
        if len(features):
            mean = features.mean(0)
            centred = features - mean
            self._add(len(features), mean, centred.T @ centred)

    def merge(self, other: "GaussianStatistics") -> None:
        """Add all that `other` has seen, for example in another process."""
        if other.dim != self.dim:
            raise ValueError(f"the other statistics have dim={other.dim}, these have {self.dim}")
        if other.count:
            self._add(other.count, other.mean, other._scatter)

    @property
    def covariance(self) -> Float[Tensor, "F F"]:
        """Unbiased, divided by N − 1; raises `ValueError` for N < 2."""
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 samples, there are {self.count}")
        return self._scatter / (self.count - 1)

    def _add(self, count: int, mean: Tensor, scatter: Tensor) -> None:
        total = self.count + count
        step = mean - self.mean
        self.mean = self.mean + step * (count / total)
        self._scatter = self._scatter + scatter
        self._scatter.addr_(step, step, alpha=self.count * count / total)
        self.count = total
