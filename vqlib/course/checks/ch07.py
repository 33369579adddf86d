"""Checks of chapter 7, *Why is squared error blind?*"""

from collections.abc import Callable
from random import Random
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from vqlib.course.checks.cases import cases, leaves
from vqlib.course.checks.gradient import require_gradients
from vqlib.course.checks.report import close, compare, correct, require, run

EPSILON = 1e-10
Answer = Callable[..., Any]


def check_unit_normalise(answer: Answer, *, seed: int = 0) -> None:
    """Exercise 7.1: every position's channel vector gets length 1, and zero stays harmless."""
    asked = "unit_normalise(features)"
    for B, C, h, w in cases(seed, [(2, 3, 4, 5)], _shapes):
        (f,) = leaves(seed, (B, C, h, w))
        f.data[:, :, 0, 0] = torch.tensor([3.0, 4.0, *(C - 2) * [0.0]])
        right = _unit(f)
        got = _tensor(run(answer, f), f.shape, asked)
        for wrong, en, zh in _unit_mistakes(f.detach()):
            require(not close(got, wrong) or close(wrong, right), en, zh)
        require(
            close(got, right),
            f"A position with the features {_numbers(f[0, :, 0, 0])} becomes "
            f"{_numbers(got[0, :, 0, 0])}; it should be {_numbers(right[0, :, 0, 0])}.",
            f"特征是 {_numbers(f[0, :, 0, 0])} 的位置变成了 {_numbers(got[0, :, 0, 0])}；"
            f"应为 {_numbers(right[0, :, 0, 0])}。",
        )
        detached = (
            "The length depends on the features, too: compute it without detach().",
            "长度也取决于特征：算长度时不要 detach()。",
        )
        require_gradients(got, right, {"features": f}, asked, detached)
        _check_zero(answer, C)
    correct()


def _shapes(draw: Random) -> list[tuple[int, int, int, int]]:
    """Two shapes of features; height, width and channels differ."""
    return [(draw.randint(2, 4), *draw.sample(range(3, 9), 3)) for _ in range(2)]


def check_layer_distance(answer: Answer, *, seed: int = 0) -> None:
    """Exercise 7.2: one layer of LPIPS, equation 1, with a weight for each channel."""
    for B, C, h, w in cases(seed, [(2, 3, 4, 5)], _shapes):
        f_hat, f = leaves(seed + 1, *2 * [(B, C, h, w)])
        weights = torch.tensor([0.5, 2.0, 1.0, 3.0, 0.25, 1.5, 2.5, 0.75][:C])
        right = _layer(f_hat, f, weights)
        got = run(answer, f_hat, f, weights)
        require(
            isinstance(got, Tensor) and got.shape == (B,),
            f"{_shape(got)} comes back. One distance for each pair of images is asked: shape "
            f"({B},). Take no mean over the batch, but one over the positions.",
            f"返回的是 {_shape(got)}。每对图像各要一个距离，形状是 ({B},)："
            "不要对批次取平均，要对位置取平均。",
        )
        for wrong, en, zh in _layer_mistakes(f_hat, f, weights):
            require(not close(got, wrong), en, zh)
        require(
            close(got, right),
            f"layer_distance gives {_numbers(got)}, it should be {_numbers(right)}.",
            f"layer_distance 得到 {_numbers(got)}，应为 {_numbers(right)}。",
        )
        detached = (
            "Something on the way from it is detached; the codec learns through this distance.",
            "从它到结果的路上有 detach；编解码器要靠这个距离来学习。",
        )
        require_gradients(got, right, {"f_hat": f_hat}, "layer_distance(f_hat, f, w)", detached)
    correct()


def _predictions(draw: Random) -> list[tuple[float, float, float, float]]:
    """(variance, rho, share, b), each with two decimals."""
    limits = ((5, 95), (60, 95), (10, 45), (10, 45))
    return [tuple(draw.randint(*ends) / 100 for ends in limits) for _ in range(2)]


def check_predict(answer: Answer, *, seed: int = 0) -> None:
    """Exercise 7.3: the squared error of a shift, a blank part and a change of brightness."""
    shown = ((0.8, 0.7, 0.4, 0.3), (0.09, 0.9, 0.25, 0.1))
    for variance, rho, share, b in cases(seed, shown, _predictions):
        asked = f"predict({variance}, {rho}, {share}, {b})"
        got = run(answer, variance, rho, share, b)
        require(
            isinstance(got, tuple | list) and len(got) == 3,
            f"{asked} gives {got}. Return three numbers: shifted, blanked, brighter.",
            f"{asked} 得到 {got}。要返回三个数：shifted、blanked、brighter。",
        )
        shifted = 2 * variance * (1 - rho)
        compare(got[0], shifted, _shift_mistakes(variance, rho), f"{asked}[0]")
        compare(got[1], share * variance, _blank_mistakes(variance, share), f"{asked}[1]")
        compare(got[2], b**2, _brighter_mistakes(b), f"{asked}[2]")
    correct()


def _unit(f: Tensor) -> Tensor:
    return f / (f.square().sum(1, keepdim=True) + EPSILON).sqrt()


def _layer(f_hat: Tensor, f: Tensor, w: Tensor) -> Tensor:
    squares = (_unit(f_hat) - _unit(f)).square()
    return (w.view(1, -1, 1, 1) * squares).sum(1).mean((1, 2))


def _unit_mistakes(f: Tensor) -> list[tuple[Tensor, str, str]]:
    squares = f.square()
    return [
        (
            f / squares.sum(1, keepdim=True),
            "You divide by the squared length: take its root first.",
            "你除以的是长度的平方：先开方。",
        ),
        (
            f / f.abs().sum(1, keepdim=True),
            "That is the sum of the absolute values. The length is the root of the sum of squares.",
            "你用的是绝对值之和。长度是平方和的平方根。",
        ),
        (
            f / squares.sum((2, 3), keepdim=True).sqrt(),
            "You sum over the positions of a channel. Sum over the channels of a position: dim 1.",
            "你是在每个通道内对位置求和。要在每个位置上对通道求和：第 1 维。",
        ),
        (
            f / squares.sum((1, 2, 3), keepdim=True).sqrt(),
            "You give the whole picture the length 1. Every position gets its own length: dim 1.",
            "你让整张图的长度变成了 1。每个位置要各自归一化：第 1 维。",
        ),
        (
            f / squares.mean(1, keepdim=True).sqrt(),
            "You take the mean of the squares. The length needs their sum.",
            "你对平方取了平均。长度要的是平方和。",
        ),
        (
            (f - f.mean(1, keepdim=True)) / f.std(1, keepdim=True),
            "That subtracts the mean, as a normalisation layer does. Only the length changes here.",
            "你还减去了均值，那是归一化层的做法。这里只改变长度。",
        ),
    ]


def _check_zero(answer: Answer, channels: int) -> None:
    zero = torch.zeros(1, channels, 1, 1, requires_grad=True)
    got = run(answer, zero)
    require(
        bool(torch.isfinite(got).all()),
        "Where all features are zero, the result is nan: 0 / 0. Add a small ε under the root.",
        "特征全为零的地方，结果是 nan：0 / 0。在根号里加一个很小的 ε。",
    )
    require(
        not got.any(),
        "Where all features are zero, the result is not zero.",
        "特征全为零的地方，结果却不是零。",
    )
    got.sum().backward()
    require(
        zero.grad is not None and bool(torch.isfinite(zero.grad).all()),
        "Where all features are zero, the value is fine, but its gradient is nan: the slope of √ "
        "at 0 is infinite. Put ε under the root, not beside it.",
        "特征全为零的地方，数值没有问题，梯度却是 nan：√ 在 0 处的斜率是无穷大。"
        "把 ε 放进根号里面，而不是外面。",
    )


def _layer_mistakes(f_hat: Tensor, f: Tensor, w: Tensor) -> list[tuple[Tensor, str, str]]:
    w4 = w.view(1, -1, 1, 1)
    difference = _unit(f_hat) - _unit(f)
    weighed = w4 * difference.square()
    positions = f.shape[2] * f.shape[3]
    raw = w4 * (f_hat - f).square()
    whole = w4 * (F.normalize(f_hat.flatten(1)) - F.normalize(f.flatten(1))).view_as(f).square()
    return [
        (
            weighed.mean((1, 2, 3)),
            "You take the mean over the channels too. Sum over the channels, mean over positions.",
            "你对通道也取了平均。对通道求和，只对位置取平均。",
        ),
        (
            weighed.sum((1, 2, 3)),
            f"You sum over the positions. Take their mean: divide by h · w = {positions}.",
            f"你对位置求了和。要取平均：除以 h · w = {positions}。",
        ),
        (
            raw.sum(1).mean((1, 2)),
            "The features are not normalised: bring each position's vectors to length 1 first.",
            "特征没有归一化：先把每个位置的向量变成长度 1。",
        ),
        (
            whole.sum(1).mean((1, 2)),
            "You normalise the whole feature map at once. Each position has its own length.",
            "你把整张特征图一起归一化了。每个位置各有自己的长度。",
        ),
        (
            (w4 * difference).square().sum(1).mean((1, 2)),
            "The weights are squared too: multiply the squared difference by w.",
            "权重也跟着平方了：应当用 w 去乘差的平方。",
        ),
        (
            (w4 * difference.abs()).sum(1).mean((1, 2)),
            "You take absolute values. The differences are squared.",
            "你取的是绝对值。这里要取差的平方。",
        ),
        (
            difference.square().sum(1).mean((1, 2)),
            "The weights of the channels are missing.",
            "漏了各通道的权重。",
        ),
        (
            weighed.sum(1).mean((1, 2)).sqrt(),
            "You take a root at the end. LPIPS leaves the square.",
            "你最后又开了方。LPIPS 不开方。",
        ),
    ]


def _shift_mistakes(variance: float, rho: float) -> list[tuple[float, str, str]]:
    return [
        (
            variance * (1 - rho),
            "A factor of 2 is missing: both pixels vary, and their variances add up.",
            "少了因子 2：两个像素各有各的方差，要相加。",
        ),
        (
            2 * variance * rho,
            "The other way round: the more alike neighbours are, the cheaper the shift.",
            "反了：相邻像素越相像，平移的代价越小。",
        ),
        (
            2 * variance,
            "That holds for neighbours without any correlation. Here it is rho.",
            "那是相邻像素毫不相关时的结果。这里它们的相关系数是 rho。",
        ),
        (
            2 * variance * (1 - rho**2),
            "rho is not squared: the mean of the product of two neighbours is rho · variance.",
            "rho 不用平方：两个相邻像素乘积的平均是 rho · variance。",
        ),
    ]


def _blank_mistakes(variance: float, share: float) -> list[tuple[float, str, str]]:
    return [
        (
            (1 - share) * variance,
            "Only the blanked share is wrong; the rest costs nothing.",
            "错的只有抹掉的那部分；其余的没有代价。",
        ),
        (
            share**2 * variance,
            "The share counts once: it is the share of the pixels that are wrong.",
            "比例只乘一次：它就是出错的像素所占的比例。",
        ),
        (
            2 * share * variance,
            "The blank is constant, at the mean: only the picture varies, so there is no factor 2.",
            "抹成的是均值，是常数：只有原图在变，没有因子 2。",
        ),
        (
            variance,
            "That blanks the whole picture. Only a share of it is blank.",
            "那是整张抹掉。这里只抹掉一部分。",
        ),
    ]


def _brighter_mistakes(b: float) -> list[tuple[float, str, str]]:
    return [
        (
            b,
            "Every pixel is off by b: the error is squared.",
            "每个像素都差 b：误差要平方。",
        ),
        (
            2 * b**2,
            "The added b is the same everywhere: nothing varies, so there is no factor 2.",
            "加上的 b 处处相同，没有变化，所以没有因子 2。",
        ),
    ]


def _tensor(got: Any, shape: torch.Size, asked: str) -> Tensor:
    require(
        isinstance(got, Tensor) and got.shape == shape,
        f"{asked} gives {_shape(got)}; the shape of the input {tuple(shape)} should stay.",
        f"{asked} 得到 {_shape(got)}；形状应当和输入一样：{tuple(shape)}。",
    )
    return got


def _shape(value: Any) -> str:
    return f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)


def _numbers(values: Tensor) -> str:
    return "(" + ", ".join(f"{v:.3g}" for v in values.detach().tolist()) + ")"
