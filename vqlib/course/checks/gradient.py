"""Whether a right value also has the right gradient: who trains through an answer needs it."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from vqlib.course.checks.report import Mistake, Reason, close, require


def gradients(scalar: Tensor, leaves: Sequence[Tensor]) -> list[Tensor]:
    """The gradient of `scalar` at each leaf, zeros where none arrives. The graph stays.

    An answer that has overwritten what the way back needs is named as such.
    """
    if not scalar.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    try:
        found = torch.autograd.grad(scalar, leaves, retain_graph=True, allow_unused=True)
    except RuntimeError as error:
        if "inplace operation" not in str(error):
            raise
        raise Mistake(
            "The value is right, but backward() fails: your function overwrites a tensor that the "
            "gradient still needs. Make a new tensor instead of changing one in place.",
            "数值正确，但 backward() 失败了：你的函数覆盖了求梯度还要用到的张量。"
            "请新建一个张量，不要就地修改。",
        ) from error
    pairs = zip(leaves, found, strict=True)
    return [torch.zeros_like(leaf) if g is None else g for leaf, g in pairs]


def require_gradients(
    got: Tensor, right: Tensor, at: Mapping[str, Tensor], asked: str, partly: Reason
) -> None:
    """The gradient of `got` at each named leaf must be that of `right`.

    Args:
        got: the learner's result, whose value is right.
        right: the same by the formula.
        at: the leaves, by the names that the learner knows them by.
        asked: the call, for the message.
        partly: what is probably wrong where a gradient arrives, but another one.
    """
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(right.shape, generator=generator).to(right)
    arriving = gradients((got.to(right) * weights).sum(), list(at.values()))
    wanted = gradients((right * weights).sum(), list(at.values()))
    for name, arrives, due in zip(at, arriving, wanted, strict=True):
        require(
            bool(arrives.any()) or not due.any(),
            f"{asked} has the right value, but no gradient reaches {name}: compute with the "
            "tensors themselves, without detach(), item() and no_grad().",
            f"{asked} 的数值正确，却没有梯度到达 {name}："
            "要用张量本身来算，不要用 detach()、item() 或 no_grad()。",
        )
        require(
            close(arrives, due, rtol=1e-3),
            f"{asked} has the right value, but the gradient at {name} is wrong. {partly[0]}",
            f"{asked} 的数值正确，但 {name} 处的梯度不对。{partly[1]}",
        )
