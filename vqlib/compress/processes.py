"""Sums over the processes that train together; the identity where one trains alone."""

import torch
import torch.distributed as dist
from jaxtyping import Shaped
from torch import Tensor


def num_processes() -> int:
    """How many train together: 1 without a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def sum_over_processes(x: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
    """The sum of every process's `x`, the same on each; no gradient passes."""
    if num_processes() == 1:
        return x.detach()
    total = x.detach().clone()
    dist.all_reduce(total)
    return total


def mean_over_processes(x: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
    """The mean of every process's `x`, the same on each; no gradient passes."""
    return sum_over_processes(x) / num_processes() if num_processes() > 1 else x.detach()


def gather_over_processes(x: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
    """Every process's rows, in the order of the processes; no gradient passes."""
    if num_processes() == 1:
        return x.detach()
    parts = [torch.empty_like(x) for _ in range(num_processes())]
    dist.all_gather(parts, x.detach().contiguous())
    return torch.cat(parts)


def most_over_processes(number: int) -> int:
    """The largest of every process's `number`, the same on each. Waits for no GPU."""
    if num_processes() == 1:
        return number
    largest = torch.tensor(number)  # on the CPU, whatever the device that trains
    dist.all_reduce(largest, op=dist.ReduceOp.MAX)
    return int(largest)


class _DifferentiableSum(torch.autograd.Function):
    """y = Σ x over the processes, so ∂L/∂x is the sum of every process's ∂L/∂y."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return sum_over_processes(x)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return sum_over_processes(grad)


def differentiable_sum(x: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
    """Like `sum_over_processes`, with the gradient that belongs to it."""
    return x if num_processes() == 1 else _DifferentiableSum.apply(x)
