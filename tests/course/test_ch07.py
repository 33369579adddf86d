"""The checks of chapter 7 accept the right answers and name the usual mistakes."""

import pytest
import torch
from torch.nn import functional as F

from tests.course.mistakes import mistake_of
from vqlib.compress.perceptual import unit_normalized
from vqlib.course.checks import ch07


def accepts(check, answer, capsys):
    check(answer)
    return "✓" in capsys.readouterr().out


# --- 7.1 unit length ----------------------------------------------------------------------------


def root(squares, eps=1e-10):
    return (squares + eps).sqrt()


UNIT = {
    "vqlib's": unit_normalized,
    "the course's": lambda f: f / root(f.square().sum(1, keepdim=True)),
    "a larger ε": lambda f: f / root(f.square().sum(1, keepdim=True), 1e-8),
    "torch's": lambda f: F.normalize(f, dim=1),
}
WRONG_UNIT = {
    "unfinished": (lambda f: ..., "returns nothing yet", "还没有返回值"),
    "no root": (lambda f: f / (f.square().sum(1, keepdim=True) + 1e-10), "squared", "长度的平方"),
    "absolute": (lambda f: f / f.abs().sum(1, keepdim=True), "absolute values", "绝对值之和"),
    "positions": (
        lambda f: f / root(f.square().sum((2, 3), keepdim=True)),
        "over the channels of a position",
        "在每个位置上对通道求和",
    ),
    "picture": (
        lambda f: f / root(f.square().sum((1, 2, 3), keepdim=True)),
        "whole picture",
        "整张图",
    ),
    "mean": (lambda f: f / root(f.square().mean(1, keepdim=True)), "needs their sum", "平方和"),
    "layer norm": (
        lambda f: (f - f.mean(1, keepdim=True)) / f.std(1, keepdim=True),
        "subtracts the mean",
        "减去了均值",
    ),
    "0 / 0": (lambda f: f / f.square().sum(1, keepdim=True).sqrt(), "0 / 0", "0 / 0"),
    "ε beside": (
        lambda f: f / (f.square().sum(1, keepdim=True).sqrt() + 1e-10),
        "not beside it",
        "而不是外面",
    ),
    "length detached": (
        lambda f: f / root(f.square().sum(1, keepdim=True)).detach(),
        "The length depends on the features",
        "长度也取决于特征",
    ),
    "all detached": (lambda f: unit_normalized(f.detach()), "no gradient", "没有梯度"),
    "in place": (
        lambda f: f.div_(root(f.square().sum(1, keepdim=True))),
        "instead of changing one in place",
        "不要就地修改",
    ),
    "not zero": (
        lambda f: unit_normalized(f) + (f.square().sum(1, keepdim=True) == 0),
        "the result is not zero",
        "结果却不是零",
    ),
    "shape": (lambda f: f.square().sum(1), "should stay", "应当和输入一样"),
    "a large ε": (lambda f: f / root(f.square().sum(1, keepdim=True), 1.0), "0.6", "应为"),
}


@pytest.mark.parametrize("answer", UNIT.values(), ids=UNIT)
def test_unit_normalise_is_accepted(answer, capsys):
    assert accepts(ch07.check_unit_normalise, answer, capsys)


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_UNIT.values(), ids=WRONG_UNIT)
def test_mistake_in_unit_normalise_is_named(answer, en, zh):
    mistake = mistake_of(ch07.check_unit_normalise, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 7.2 one layer of LPIPS ---------------------------------------------------------------------


def weighed(f_hat, f, w, *, unit=unit_normalized, power=lambda d: d.square()):
    return w.view(1, -1, 1, 1) * power(unit(f_hat) - unit(f))


def layer(f_hat, f, w, **parts):
    return weighed(f_hat, f, w, **parts).sum(1).mean((1, 2))


LAYER = {
    "the course's": layer,
    "the picture detached": lambda a, b, w: layer(a, b.detach(), w),
    "float64": lambda a, b, w: layer(a.double(), b.double(), w.double()),
    "einsum": lambda a, b, w: (
        torch.einsum("c,bchw->b", w, (unit_normalized(a) - unit_normalized(b)).square()) / 20
    ),
}
WRONG_LAYER = {
    "unfinished": (lambda a, b, w: None, "returns nothing yet", "还没有返回值"),
    "one number": (lambda a, b, w: layer(a, b, w).mean(), "each pair of images", "每对图像"),
    "a map": (lambda a, b, w: weighed(a, b, w).sum(1), "one over the positions", "对位置取平均"),
    "channels": (lambda a, b, w: weighed(a, b, w).mean((1, 2, 3)), "over the channels", "对通道"),
    "positions": (lambda a, b, w: weighed(a, b, w).sum((1, 2, 3)), "h · w = 20", "h · w = 20"),
    "raw": (lambda a, b, w: layer(a, b, w, unit=lambda f: f), "not normalised", "没有归一化"),
    "all at once": (
        lambda a, b, w: layer(a, b, w, unit=lambda f: F.normalize(f.flatten(1)).view_as(f)),
        "whole feature map",
        "整张特征图",
    ),
    "squared weights": (lambda a, b, w: layer(a, b, w.square()), "weights are squared", "权重也"),
    "absolute": (lambda a, b, w: layer(a, b, w, power=torch.abs), "absolute values", "绝对值"),
    "no weights": (lambda a, b, w: layer(a, b, torch.ones_like(w)), "are missing", "漏了"),
    "root": (lambda a, b, w: layer(a, b, w).sqrt(), "root at the end", "又开了方"),
    "detached": (lambda a, b, w: layer(a.detach(), b, w), "reaches f_hat", "到达 f_hat"),
    "half detached": (
        lambda a, b, w: (layer(a, b, w) + layer(a, b, w).detach()) / 2,
        "Something on the way",
        "路上有 detach",
    ),
    "something else": (lambda a, b, w: w[:2], "it should be", "应为"),
}


@pytest.mark.parametrize("answer", LAYER.values(), ids=LAYER)
def test_layer_distance_is_accepted(answer, capsys):
    assert accepts(ch07.check_layer_distance, answer, capsys)


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_LAYER.values(), ids=WRONG_LAYER)
def test_mistake_in_layer_distance_is_named(answer, en, zh):
    mistake = mistake_of(ch07.check_layer_distance, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 7.3 what squared error charges -------------------------------------------------------------


def predict(
    variance,
    rho,
    share,
    b,
    *,
    shifted=lambda v, r: 2 * v * (1 - r),
    blanked=lambda v, a: a * v,
    brighter=lambda b: b**2,
):
    """The right answer, or one with a part replaced."""
    return shifted(variance, rho), blanked(variance, share), brighter(b)


def with_wrong(**part):
    return lambda *numbers: predict(*numbers, **part)


WRONG_PREDICTIONS = {
    "unfinished": (lambda *_: None, "returns nothing yet", "还没有返回值"),
    "one number": (lambda *_: 0.5, "Return three numbers", "返回三个数"),
    "no 2": (with_wrong(shifted=lambda v, r: v * (1 - r)), "factor of 2", "因子 2"),
    "rho": (with_wrong(shifted=lambda v, r: 2 * v * r), "other way round", "反了"),
    "no rho": (with_wrong(shifted=lambda v, r: 2 * v), "without any correlation", "毫不相关"),
    "rho²": (with_wrong(shifted=lambda v, r: 2 * v * (1 - r * r)), "not squared", "不用平方"),
    "the rest": (
        lambda v, r, a, b: predict(v, r, a, b, blanked=lambda v, a: (1 - a) * v),
        "the rest costs nothing",
        "其余的没有代价",
    ),
    "share²": (with_wrong(blanked=lambda v, a: a * a * v), "counts once", "只乘一次"),
    "twice": (with_wrong(blanked=lambda v, a: 2 * a * v), "constant, at the mean", "是常数"),
    "b": (with_wrong(brighter=lambda b: b), "the error is squared", "误差要平方"),
    "2b²": (with_wrong(brighter=lambda b: 2 * b * b), "nothing varies", "没有变化"),
    "exchanged": (lambda v, r, a, b: predict(v, r, a, b)[::-1], "it should be", "应为"),
}


def test_right_prediction_is_accepted(capsys):
    assert accepts(ch07.check_predict, predict, capsys)


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_PREDICTIONS.values(), ids=WRONG_PREDICTIONS)
def test_wrong_prediction_is_named(answer, en, zh):
    mistake = mistake_of(ch07.check_predict, answer)
    assert en in mistake.en
    assert zh in mistake.zh
