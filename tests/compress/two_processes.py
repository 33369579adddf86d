"""What each of two processes does in test_processes.py, with its half of a common batch.

Runs under torch.distributed.run; also imported, by path, for the same in one process.
"""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from vqlib.compress import (
    DeadCodeRestart,
    EMACodes,
    GradientCodes,
    NormalizedCodes,
    PatchDiscriminator,
    adaptive_weight,
    hinge_generator_loss,
    initialize_codes,
)
from vqlib.compress.discriminator import BatchNorm
from vqlib.compress.processes import (
    gather_over_processes,
    mean_over_processes,
    num_processes,
    sum_over_processes,
)

KINDS = (GradientCodes(), EMACodes(decay=0.8), NormalizedCodes(low_dim=3))


def everything(z: Tensor, x: Tensor) -> dict[str, Tensor]:
    """All results of one process; `z` are its latents (steps, B, D, h, w), `x` its images."""
    results = {"processes": torch.tensor(num_processes())}
    for part in (collectives, moving_averages, new_codes, normalisation, equal_pull):
        results |= {f"{part.__name__}.{name}": t.detach() for name, t in part(z, x).items()}
    return results


def collectives(z: Tensor, x: Tensor) -> dict[str, Tensor]:
    """Sum, mean and rows of all processes."""
    counts = torch.arange(3) + len(z)
    return {
        "sum": sum_over_processes(x.sum(0)),
        "mean": mean_over_processes(x.mean(0)),
        "gather": gather_over_processes(x),
        "transposed": gather_over_processes(x.transpose(2, 3)),  # not contiguous
        "counts": sum_over_processes(counts),
    }


def moving_averages(z: Tensor, x: Tensor) -> dict[str, Tensor]:
    """An EMA codebook after a few steps."""
    torch.manual_seed(1)
    quantizer = EMACodes(decay=0.8).build(6, z.shape[2])
    quantizer.replace_codes(torch.arange(6), torch.randn(6, z.shape[2]))
    for batch in z:
        quantizer(batch)
    return quantizer.state_dict()


def new_codes(z: Tensor, x: Tensor) -> dict[str, Tensor]:
    """Codebooks started by k-means, then with dead codes brought back."""
    codebooks, whole = {}, gather_over_processes(z[0])  # k-means wants the same latents on each
    for kind in KINDS:
        torch.manual_seed(2)
        quantizer = kind.build(12, z.shape[2])
        initialize_codes(quantizer, whole, generator=torch.Generator().manual_seed(3))
        name = type(kind).__name__
        codebooks[f"{name}.start"] = quantizer.codebook.clone()
        restarts = DeadCodeRestart(12, every=1, seed=4)
        restarts.count(quantizer.tokens(z[1] * 0.1))  # few codes are near such short latents
        codebooks[f"{name}.counts"] = restarts.counts.clone()
        codebooks[f"{name}.dead"] = torch.tensor(restarts.restart(quantizer, z[1], 0))
        codebooks[f"{name}.end"] = quantizer.codebook.clone()
    return codebooks


def normalisation(z: Tensor, x: Tensor) -> dict[str, Tensor]:
    """The critic's norm in training: output, gradients and running statistics."""
    norm = prepared(BatchNorm(x.shape[1]))
    x = x.clone().requires_grad_()
    y = norm(x)
    (y.sin() * y).sum().backward()  # any loss that is a sum over the batch
    return {
        "output": y,
        "to_input": x.grad,
        "to_weight": norm.weight.grad,
        "to_bias": norm.bias.grad,
        **norm.state_dict(),
        "evaluated": norm.eval()(x),
    }


def prepared(norm: nn.BatchNorm2d) -> nn.BatchNorm2d:
    """Weights that are not all equal."""
    with torch.no_grad():
        norm.weight.copy_(torch.linspace(0.5, 2.0, norm.num_features))
        norm.bias.copy_(torch.linspace(-1.0, 1.0, norm.num_features))
    return norm


def equal_pull(z: Tensor, x: Tensor) -> dict[str, Tensor]:
    """The adaptive weight, through a critic whose norm spans the processes."""
    torch.manual_seed(5)
    decoder, critic = nn.Conv2d(3, 3, 3, padding=1), PatchDiscriminator(base_channels=4)
    x_hat = decoder(x)
    losses = F.mse_loss(x_hat, x), hinge_generator_loss(critic(x_hat))
    names = ("lambda", "grad_rec", "grad_gan")
    return dict(zip(names, adaptive_weight(*losses, decoder.weight), strict=True))


if __name__ == "__main__":
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    folder = Path(sys.argv[1])
    common = torch.load(folder / "common.pt")
    half = everything(common["z"].chunk(2, dim=1)[rank], common["x"].chunk(2)[rank])
    torch.save(half, folder / f"{rank}.pt")
    dist.destroy_process_group()
