"""Checks of chapter 3, *How do gradients pass an argmin?*

Each measures the gradients of the learner's answer instead of reading its code.
"""

from collections.abc import Callable
from random import Random
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from vqlib.compress import nearest_code, straight_through
from vqlib.course.checks.cases import cases, leaves
from vqlib.course.checks.gradient import gradients
from vqlib.course.checks.report import Mistake, close, correct, require, run
from vqlib.course.checks.who_moves import check_who_moves

PARTS = ("encoder", "codebook", "decoder")


# --- Exercise 3.1 -------------------------------------------------------------------------------


def check_straight_through(answer: Callable[[Tensor, Tensor], Tensor], *, seed: int = 0) -> None:
    """The value must be z_q's, the gradient must reach z unchanged and z_q not at all."""
    # Vectors in the plane; latents (B, D, h, w).
    for shape in cases(seed, ((5, 2), (2, 3, 4, 4)), _shapes):
        z, z_q, w = leaves(seed, shape, shape, shape)
        y = run(answer, z, z_q)
        _require_value(y, z, z_q)
        w = w.detach()
        _require_slopes(*_slopes((y * w).sum(), (z, z_q), w))
    correct()


def _shapes(draw: Random) -> list[tuple[int, ...]]:
    """Vectors, and latents."""
    sizes = [draw.randint(2, 6) for _ in range(6)]
    return [tuple(sizes[:2]), tuple(sizes[2:])]


def _require_value(y: Any, z: Tensor, z_q: Tensor) -> None:
    require(
        isinstance(y, Tensor) and y.shape == z.shape,
        f"The result must be a tensor of the shape of z, {tuple(z.shape)}.",
        f"结果应该是与 z 形状相同的张量，即 {tuple(z.shape)}。",
    )
    require(
        not close(y, z),
        "The result has the value of z. The decoder must see z_q: exchange z and z_q.",
        "结果的数值等于 z。解码器应该看到 z_q：把 z 和 z_q 的位置对调。",
    )
    require(
        not close(y, z + z_q),
        "The result has the value z + z_q. Inside sg[·] stands the difference z_q − z.",
        "结果的数值是 z + z_q。sg[·] 里面应该是两者之差 z_q − z。",
    )
    require(
        close(y, z_q),
        "The value must be that of z_q: z and −z have to cancel.",
        "结果的数值应该等于 z_q：z 与 −z 要相互抵消。",
    )


def _require_slopes(to_z: float, to_z_q: float) -> None:
    require(
        (to_z, to_z_q) != (0, 0),
        "The value is right, but no gradient arrives anywhere: everything is detached. "
        "One z has to stay outside detach().",
        "数值正确，但梯度哪里也到不了：所有东西都被 detach 了。要有一个 z 留在 detach() 外面。",
    )
    require(
        (to_z, to_z_q) != (0, 1),
        "The value is right, but the gradient goes to z_q and none reaches z: detach() is "
        "missing. Without it, z + (z_q − z) is z_q and nothing else.",
        "数值正确，但梯度全部流向 z_q，z 什么也得不到：缺少 detach()。"
        "没有它，z + (z_q − z) 就只是 z_q。",
    )
    require(
        (to_z, to_z_q) != (1, 1),
        "The gradient reaches z, and z_q as well: detach z_q too. The codebook learns from its "
        "own loss, not from the reconstruction.",
        "梯度到达了 z，但也到达了 z_q：z_q 也要 detach。码本由它自己的损失来学习，不靠重建损失。",
    )
    require(
        (to_z, to_z_q) == (1, 0),  # nan, no multiple at all, ends here too
        f"The gradient that reaches z is {to_z:g} times the one of the result, and {to_z_q:g} "
        "times at z_q; it should be 1 and 0.",
        f"到达 z 的梯度是结果处梯度的 {to_z:g} 倍，到达 z_q 的是 {to_z_q:g} 倍；"
        "应该是 1 倍和 0 倍。",
    )


# --- Exercise 3.2 -------------------------------------------------------------------------------

WHY = {
    "reconstruction": (
        "x̂ comes from the decoder; the straight-through step hands the gradient to z, hence to "
        "the encoder, and keeps it from z_q.",
        "x̂ 来自解码器；直通那一步把梯度交给 z，也就是编码器，而不给 z_q。",
    ),
    "reconstruction_naive": (
        "The lookup e[s] is differentiable in e: the codebook gets a gradient. The way to z ends "
        "at the argmin.",
        "查表 e[s] 对 e 可导，所以码本有梯度。通往 z 的路断在 argmin。",
    ),
    "codebook": (
        "sg[z] stops the way to the encoder; the decoder does not occur in this term.",
        "sg[z] 断开了通往编码器的路；解码器不在这一项里。",
    ),
    "commitment": (
        "sg[z_q] stops the way to the codebook; the decoder does not occur in this term.",
        "sg[z_q] 断开了通往码本的路；解码器不在这一项里。",
    ),
    "no_sg": (
        "Without any sg the difference pulls at both of its ends, z and z_q.",
        "没有 sg，这个差同时拉动两端：z 和 z_q。",
    ),
    "after_straight_through": (
        "y = z + sg[z_q − z] depends on z alone: the codebook gets nothing, and the encoder is "
        "pushed although sg[z] was meant to spare it. Compute the losses before the "
        "straight-through step.",
        "y = z + sg[z_q − z] 只依赖 z：码本什么也得不到，而 sg[z] 本想放过的编码器反而被推动。"
        "损失要在直通那一步之前计算。",
    ),
}


def check_moves(answer: Any, *, seed: int = 0) -> None:
    """Each entry of {term: set of parts} must hold just what a backward pass gives a gradient.

    Another seed runs the passes with other weights and sizes; what moves stays the same.
    """
    check_who_moves(answer, who_moves(seed), WHY, parts=PARTS, called=("parts", "部分"))


def who_moves(seed: int = 0) -> dict[str, set[str]]:
    """Which parts get a gradient from each term, found by running each backward."""
    ((K, C, D, N),) = cases(seed, [(6, 4, 2, 5)], lambda draw: [draw.sample(range(2, 9), 4)])
    encoder, e, decoder, x = leaves(seed, (C, D), (K, D), (D, C), (N, C))
    x = x.detach()
    z = x @ encoder
    z_q = e[nearest_code(z, e)]
    y = straight_through(z, z_q)
    terms = {
        "reconstruction": F.mse_loss(y @ decoder, x),
        "reconstruction_naive": F.mse_loss(z_q @ decoder, x),
        "codebook": F.mse_loss(z_q, z.detach()),
        "commitment": F.mse_loss(z, z_q.detach()),
        "no_sg": F.mse_loss(z, z_q),
        "after_straight_through": F.mse_loss(y, z.detach()),
    }
    weights = (encoder, e, decoder)
    moved = {}
    for term, loss in terms.items():
        found = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
        moved[term] = {part for part, g in zip(PARTS, found, strict=True) if g is not None}
    return moved


# --- Exercise 3.3 -------------------------------------------------------------------------------

LossFunction = Callable[[Tensor, Tensor, Tensor, Tensor, float], Tensor]


def check_vqvae_loss(answer: LossFunction, *, seed: int = 0) -> None:
    """Compare value and gradients of answer(x, x_hat, z, z_q, beta) with the three terms."""
    shown = [(beta, (2, 1, 8, 8), (2, 3, 4, 4)) for beta in (0.25, 0.6)]
    for beta, images, latents in cases(seed, shown, _weights_and_shapes):
        x, x_hat, z, z_q = leaves(seed, images, images, latents, latents)
        x = x.detach()
        loss = run(answer, x, x_hat, z, z_q, beta)
        require(
            not isinstance(loss, float),
            "The loss is a float, so nothing can learn from it: return the tensor, without item().",
            "损失是一个 float，没有东西能从它学习：返回张量本身，不要用 item()。",
        )
        require(
            isinstance(loss, Tensor) and loss.ndim == 0,
            "Return one number: the sum of the three terms, each a mean over all elements.",
            "应该返回一个数：三项之和，每一项都对所有元素取平均。",
        )
        _require_reconstruction(loss, x, x_hat)
        towards = 2 * (z - z_q).detach() / z.numel()  # gradient of mean (z − z_q)² at z
        to_z, to_z_q = _slopes(loss, (z, z_q), towards)
        _require_pulls(to_z, -to_z_q, beta, z.numel())
        _require_loss_value(loss, x, x_hat, z, z_q, beta)
    correct()


def _weights_and_shapes(draw: Random) -> list[tuple[float, tuple[int, ...], tuple[int, ...]]]:
    """Two β, each with the shapes of images and latents."""
    betas = [draw.randint(10, 40) / 100, draw.randint(50, 90) / 100]
    return [(beta, _shapes(draw)[1], _shapes(draw)[1]) for beta in betas]


def _require_reconstruction(loss: Tensor, x: Tensor, x_hat: Tensor) -> None:
    slope = 2 * (x_hat - x).detach() / x.numel()
    (to_x_hat,) = _slopes(loss, (x_hat,), slope)
    require(
        to_x_hat != 0,
        "x̂ gets no gradient, so the decoder would not learn: is ‖x − x̂‖² there, without detach?",
        "x̂ 没有梯度，解码器学不到东西：‖x − x̂‖² 在不在？是不是误用了 detach？",
    )
    require(
        to_x_hat != x.numel(),
        "The reconstruction term is a sum; take the mean over all elements (F.mse_loss).",
        "重建损失这一项是求和；应该对所有元素取平均（F.mse_loss）。",
    )
    require(
        to_x_hat == 1,
        f"The gradient at x̂ is {to_x_hat:g} times that of the mean of (x − x̂)²; "
        "that term has weight 1.",
        f"x̂ 处的梯度是 (x − x̂)² 的平均值之梯度的 {to_x_hat:g} 倍；这一项的权重是 1。",
    )


def _require_pulls(to_z: float, to_z_q: float, beta: float, z_elements: int) -> None:
    """`to_z`: how hard z is pulled to z_q, and `to_z_q` the reverse; right are β and 1."""
    pulls = to_z, to_z_q
    if pulls == (beta, 1):
        return
    sums = round(z_elements * beta, 4), z_elements
    require(
        pulls != sums,
        "The terms of z and z_q are sums; take the mean over all elements (F.mse_loss).",
        "z 与 z_q 的两项是求和；应该对所有元素取平均（F.mse_loss）。",
    )
    for (z_pull, z_q_pull), en, zh in _usual_pulls(beta):
        if pulls == (round(z_pull, 4), round(z_q_pull, 4)):
            raise Mistake(en, zh)
    raise Mistake(
        f"With β = {beta}, z is pulled towards z_q with weight {to_z:g} and z_q towards z with "
        f"weight {to_z_q:g}; it should be β = {beta} and 1.",
        f"β = {beta} 时，z 被拉向 z_q 的权重是 {to_z:g}，z_q 被拉向 z 的权重是 {to_z_q:g}；"
        f"应该是 β = {beta} 和 1。",
    )


def _usual_pulls(beta: float) -> list[tuple[tuple[float | int, float | int], str, str]]:
    return [
        (
            (1, beta),
            "β weakens the gradient of the codebook, it should weaken that of z: β stands on the "
            "wrong term, or the two sg are swapped (both come to the same).",
            "β 减弱的是码本的梯度，它本该减弱 z 的梯度："
            "β 放错了项，或者两个 sg 写反了（两者效果相同）。",
        ),
        (
            (1 + beta, 1),
            "z is pulled by both terms: in the codebook loss sg[z] is missing, detach z there.",
            "两项都在拉 z：码本损失里缺少 sg[z]，请在那里 detach z。",
        ),
        (
            (beta, 1 + beta),
            "z_q is pulled by both terms: in the commitment loss sg[z_q] is missing, detach z_q "
            "there.",
            "两项都在拉 z_q：承诺损失里缺少 sg[z_q]，请在那里 detach z_q。",
        ),
        (
            (1 + beta, 1 + beta),
            "No sg at all: each of the two terms pulls at z and at z_q. One detach in each.",
            "一个 sg 都没有：两项都同时拉 z 和 z_q。每一项里要有一个 detach。",
        ),
        ((1, 1), "β is missing on the commitment loss.", "承诺损失前缺少 β。"),
        (
            (beta, beta),
            "β weighs both terms; the codebook loss has weight 1.",
            "β 乘在了两项上；码本损失的权重是 1。",
        ),
        (
            (beta, 0),
            "z_q gets no gradient, so the codes would never move: the codebook loss is missing, "
            "or z_q is detached in it.",
            "z_q 没有梯度，码本永远不会动：缺少码本损失，或者在其中 detach 了 z_q。",
        ),
        (
            (0, 1),
            "z is not held back: the commitment loss is missing, or z is detached in it.",
            "没有东西拉住 z：缺少承诺损失，或者在其中 detach 了 z。",
        ),
        (
            (0, 1 + beta),
            "Both terms detach z; in the commitment loss sg stands around z_q.",
            "两项都 detach 了 z；在承诺损失里，sg 应该套在 z_q 上。",
        ),
        (
            (1 + beta, 0),
            "Both terms detach z_q; in the codebook loss sg stands around z.",
            "两项都 detach 了 z_q；在码本损失里，sg 应该套在 z 上。",
        ),
        (
            (0, 0),
            "Neither z nor z_q gets a gradient: detach one of the two in each term, not both.",
            "z 和 z_q 都没有梯度：每一项里只 detach 其中一个，不要两个都 detach。",
        ),
    ]


def _require_loss_value(loss: Tensor, x, x_hat, z, z_q, beta: float) -> None:
    expected = F.mse_loss(x_hat, x) + (1 + beta) * F.mse_loss(z, z_q)
    require(
        close(loss, expected),
        f"The gradients are right, but the loss is {loss.item():.4f} instead of "
        f"{expected.item():.4f}: a constant is added or missing.",
        f"梯度都对，但损失是 {loss.item():.4f}，应为 {expected.item():.4f}：多了或少了一个常数。",
    )


# --- Measuring ----------------------------------------------------------------------------------


def _slopes(scalar: Tensor, at: tuple[Tensor, ...], unit: Tensor) -> tuple[float, ...]:
    """The gradient of `scalar` at each leaf in multiples of `unit`; nan where it is none."""
    return tuple(_multiple(gradient, unit) for gradient in gradients(scalar, at))


def _multiple(gradient: Tensor, unit: Tensor) -> float:
    factor = (gradient * unit).sum() / unit.square().sum()
    if not close(gradient, factor * unit, rtol=1e-3, atol=1e-6):
        return float("nan")
    return round(factor.item(), 4) + 0.0  # no −0
