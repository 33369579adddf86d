"""The checks of chapter 9 accept the right answers and name the usual mistakes."""

import pytest
import torch

from tests.course.mistakes import mistake_of
from vqlib.compress import adaptive_weight
from vqlib.course.checks import ch09

# --- 9.1 the adaptive weight --------------------------------------------------------------------


def gradients(rec, gan, layer, **options):
    options = {"retain_graph": True} | options
    return [torch.autograd.grad(loss, layer, **options)[0] for loss in (rec, gan)]


def weight(rec, gan, layer, delta):
    a, b = gradients(rec, gan, layer)
    return (a.norm() / (b.norm() + delta)).clamp(0, 1e4).detach()


def a_number(rec, gan, layer, delta):
    return weight(rec, gan, layer, delta).item()


def no_retain(rec, gan, layer, delta):
    a, b = gradients(rec, gan, layer, retain_graph=False)
    return (a.norm() / (b.norm() + delta)).clamp(0, 1e4)


def second_not_retained(rec, gan, layer, delta):
    (a,) = torch.autograd.grad(rec, layer, retain_graph=True)
    (b,) = torch.autograd.grad(gan, layer)
    return (a.norm() / (b.norm() + delta)).clamp(0, 1e4)


def with_backward(rec, gan, layer, delta):
    rec.backward(retain_graph=True)
    a = layer.grad.clone()
    layer.grad = None
    gan.backward(retain_graph=True)
    return (a.norm() / (layer.grad.norm() + delta)).clamp(0, 1e4)


def undetached(rec, gan, layer, delta):
    a, b = gradients(rec, gan, layer, create_graph=True)
    return (a.norm() / (b.norm() + delta)).clamp(0, 1e4)


def of_the_sum(rec, gan, layer, delta):
    return weight(rec + gan, gan, layer, delta)


def squared(rec, gan, layer, delta):
    a, b = gradients(rec, gan, layer)
    return (a.square().sum() / (b.square().sum() + delta)).clamp(0, 1e4)


def absolute(rec, gan, layer, delta):
    a, b = gradients(rec, gan, layer)
    return (a.abs().sum() / (b.abs().sum() + delta)).clamp(0, 1e4)


def unlimited(rec, gan, layer, delta):
    a, b = gradients(rec, gan, layer)
    return a.norm() / (b.norm() + delta)


WEIGHTS = {
    "the course's": weight,
    "vqlib's": lambda rec, gan, layer, delta: adaptive_weight(rec, gan, layer, delta=delta)[0],
    "a number": a_number,
}
WRONG_WEIGHTS = {
    "unfinished": (lambda rec, gan, layer, delta: ..., "returns nothing yet", "还没有返回值"),
    "graph lost at once": (no_retain, "threw the graph away", "把计算图扔掉了"),
    "graph lost after": (second_not_retained, "backward any more", "无法再反向传播"),
    "backward": (with_backward, "last_layer.grad", "last_layer.grad"),
    "not detached": (undetached, "detach it", "要 detach"),
    "no limit": (unlimited, "limit is missing", "少了上限"),
    "upside down": (lambda r, g, w, d: weight(g, r, w, d), "Upside down", "颠倒了"),
    "no delta": (lambda r, g, w, d: weight(r, g, w, 0.0), "δ is missing", "少了 δ"),
    "values": (lambda r, g, w, d: (r / (g + d)).clamp(0, 1e4).detach(), "values", "损失的值"),
    "squares": (squared, "squared lengths", "长度的平方"),
    "absolute": (absolute, "absolute values", "绝对值"),
    "of the sum": (of_the_sum, "rec_loss alone", "rec_loss 单独的梯度"),
    "losses changed": (
        lambda r, g, w, d: (weight(r, g, w, d), r.data.mul_(2))[0],
        "changes its arguments",
        "改动了传入的参数",
    ),
    "both": (lambda r, g, w, d: gradients(r, g, w), "return one number", "返回一个数"),
    "something else": (lambda r, g, w, d: torch.tensor(1.0), "it should be 100", "应为 100"),
}


@pytest.mark.parametrize("answer", WEIGHTS.values(), ids=WEIGHTS)
def test_adaptive_weight_is_accepted(answer, capsys):
    ch09.check_adaptive_weight(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_WEIGHTS.values(), ids=WRONG_WEIGHTS)
def test_mistake_in_the_adaptive_weight_is_named(answer, en, zh):
    mistake = mistake_of(ch09.check_adaptive_weight, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 9.2 the codec's whole loss -----------------------------------------------------------------


def codec_loss(step, terms, recipe, *, on=None, **changed):
    """The right answer, or one with a term or a weight replaced."""
    t = terms | {"beta": recipe.commitment_weight, "factor": recipe.disc_weight} | changed
    loss = t["rec"] + t["codebook"] + t["beta"] * t["commitment"]
    on = step >= recipe.disc_start if on is None else on
    return loss + t["factor"] * t["lam"] * t["gan"] if on else loss


def one_late(step, terms, recipe):
    return codec_loss(step - 1, terms, recipe)


def wrong_beta(step, t, recipe):
    return codec_loss(step, t, recipe, codebook=t["commitment"], commitment=t["codebook"])


def minus(step, t, recipe):
    return codec_loss(step, t, recipe, gan=-t["gan"])


def with_wrong(**changed):
    return lambda *args: codec_loss(*args, **changed)


WRONG_LOSSES = {
    "unfinished": (lambda *args: None, "returns nothing yet", "还没有返回值"),
    "always": (with_wrong(on=True), "not in yet", "还没有上场"),
    "one late": (one_late, "disc_start itself", "disc_start 这一步"),
    "never": (with_wrong(on=False), "has come in", "已经上场"),
    "no disc_weight": (with_wrong(factor=1.0), "disc_weight is missing", "少了 disc_weight"),
    "no lambda": (with_wrong(lam=1.0), "λ is missing", "少了 λ"),
    "sign": (minus, "The sign", "符号反了"),
    "beta on the codebook": (wrong_beta, "β stands on", "β 乘在承诺损失上"),
    "no beta": (with_wrong(beta=1.0), "β is missing", "少了 β"),
    "no codebook": (with_wrong(codebook=0, commitment=0), "codebook loss and", "少了码本损失"),
    "a float": (lambda *args: codec_loss(*args).item(), "no gradient reaches", "没有梯度到达"),
    "a term detached": (
        lambda step, t, recipe: codec_loss(step, t, recipe, codebook=t["codebook"].detach()),
        'no gradient reaches terms["codebook"]',
        '没有梯度到达 terms["codebook"]',
    ),
    "several": (lambda *args: torch.zeros(2), "return one number", "返回一个数"),
    "something else": (lambda *args: 7.0, "it should be 0.8125", "应为 0.8125"),
}


def test_codec_loss_is_accepted(capsys):
    ch09.check_codec_loss(codec_loss)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_LOSSES.values(), ids=WRONG_LOSSES)
def test_mistake_in_the_codec_loss_is_named(answer, en, zh):
    mistake = mistake_of(ch09.check_codec_loss, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 9.3 diagnosis ------------------------------------------------------------------------------

RIGHT = dict(ch09.TRUTH)
WRONG_DIAGNOSES = {
    "nothing": ({}, "no diagnosis yet", "还没有诊断"),
    "unfinished": ({"A": ...}, "no diagnosis yet", "还没有诊断"),
    "no such illness": ({"A": "measles"}, "is none of", "不在"),
    "A": (RIGHT | {"A": "healthy"}, "sticks at 1", "一直停在 1"),
    "B": (RIGHT | {"B": "critic_wins"}, "narrow band", "窄带"),
    "C": (RIGHT | {"C": "critic_wins"}, "usage falls", "码本利用率"),
    "D": (RIGHT | {"D": "codebook_collapse"}, "that of a coin", "抛硬币"),
}


def test_diagnosis_is_accepted(capsys):
    ch09.check_diagnosis(RIGHT)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_DIAGNOSES.values(), ids=WRONG_DIAGNOSES)
def test_wrong_diagnosis_is_named(answer, en, zh):
    mistake = mistake_of(ch09.check_diagnosis, answer)
    assert en in mistake.en
    assert zh in mistake.zh


def test_records_are_the_same_every_time_and_show_their_illness():
    first, second = ch09.flights(), ch09.flights()
    assert first == second
    last = {name: records[-1] for name, records in first.items()}
    assert last["A"]["accuracy"] == 1
    assert last["C"]["usage"] < 0.05 < last["B"]["usage"]
    assert last["D"]["lambda"] > 100 * last["B"]["lambda"]
