"""The checks of chapter 3 accept the right answers and name the usual mistakes."""

import pytest
import torch
from torch.nn import functional as F

from tests.course.mistakes import mistake_of
from vqlib.compress import straight_through
from vqlib.course.checks import ch03

# --- 3.1 straight_through -----------------------------------------------------------------------

STRAIGHT_THROUGH = {
    "the course's": straight_through,
    "exact to the last bit": lambda z, z_q: z_q.detach() + (z - z.detach()),
    "two detaches": lambda z, z_q: z + z_q.detach() - z.detach(),
}
NOT_STRAIGHT_THROUGH = {
    "unfinished": (lambda z, z_q: ..., "returns nothing yet", "还没有返回值"),
    "a number": (lambda z, z_q: z_q.sum(), "of the shape of z", "与 z 形状相同"),
    "swapped": (lambda z, z_q: z_q + (z - z_q).detach(), "the value of z.", "数值等于 z。"),
    "sum": (lambda z, z_q: z + z_q.detach(), "the value z + z_q", "数值是 z + z_q"),
    "sign": (lambda z, z_q: z + (z - z_q).detach(), "must be that of z_q", "应该等于 z_q"),
    "bare lookup": (lambda z, z_q: z_q, "detach() is missing", "缺少 detach()"),
    "no detach": (lambda z, z_q: z + (z_q - z), "detach() is missing", "缺少 detach()"),
    "all detached": (lambda z, z_q: z_q.detach(), "everything is detached", "都被 detach 了"),
    "z_q attached": (lambda z, z_q: z + z_q - z.detach(), "detach z_q too", "z_q 也要 detach"),
    "half of z": (
        lambda z, z_q: z / 2 + (z_q - z / 2).detach(),
        "0.5 times the one of the result",
        "0.5 倍",
    ),
}


@pytest.mark.parametrize("answer", STRAIGHT_THROUGH.values(), ids=STRAIGHT_THROUGH)
def test_straight_through_is_accepted(answer, capsys):
    ch03.check_straight_through(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "en", "zh"), NOT_STRAIGHT_THROUGH.values(), ids=NOT_STRAIGHT_THROUGH
)
def test_mistake_in_straight_through_is_named(answer, en, zh):
    mistake = mistake_of(ch03.check_straight_through, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 3.2 who moves ------------------------------------------------------------------------------

MOVES = {
    "reconstruction": {"encoder", "decoder"},
    "reconstruction_naive": {"codebook", "decoder"},
    "codebook": {"codebook"},
    "commitment": {"encoder"},
    "no_sg": {"encoder", "codebook"},
    "after_straight_through": {"encoder"},
}
WRONG_MOVES = {
    "one too many": (
        {"reconstruction": {"encoder", "codebook", "decoder"}},
        ('"reconstruction": codebook gets none', "keeps it from z_q"),
        "「reconstruction」这一项：codebook 没有梯度",
    ),
    "one too few": (
        {"reconstruction_naive": {"decoder"}},
        ('"reconstruction_naive": codebook gets a gradient too', "the argmin"),
        "codebook 也有梯度",
    ),
    "exchanged": (
        {"commitment": {"codebook"}},
        ('"commitment": encoder gets a gradient too. codebook gets none',),
        "encoder 也有梯度。codebook 没有梯度",
    ),
    "the trap": (
        {"after_straight_through": {"codebook"}},
        ("depends on z alone",),
        "只依赖 z",
    ),
    "unfilled": ({"no_sg": {...}}, ('"no_sg" is not filled in yet',), "还没有填"),
    "unfilled, no set": ({"no_sg": ...}, ('"no_sg" is not filled in yet',), "还没有填"),
    "unknown part": ({"codebook": {"codes"}}, ("holds ['codes']",), "['codes']"),
}


def test_right_moves_are_accepted(capsys):
    ch03.check_moves(MOVES)
    ch03.check_moves(MOVES | {"codebook": "codebook", "commitment": ["encoder"]})
    assert capsys.readouterr().out.count("✓") == 2


@pytest.mark.parametrize(("wrong", "en", "zh"), WRONG_MOVES.values(), ids=WRONG_MOVES)
def test_wrong_entry_is_named(wrong, en, zh):
    mistake = mistake_of(ch03.check_moves, MOVES | wrong)
    assert all(part in mistake.en for part in en)
    assert zh in mistake.zh


@pytest.mark.parametrize("answer", [..., {"reconstruction": {"encoder", "decoder"}}])
def test_missing_entry_is_named(answer):
    mistake = mistake_of(ch03.check_moves, answer)
    assert "is missing" in mistake.en
    assert "缺少" in mistake.zh


def test_every_term_is_explained():
    assert ch03.who_moves() == MOVES
    assert set(ch03.WHY) == set(MOVES)


# --- 3.3 the loss -------------------------------------------------------------------------------


def loss(codebook, commitment):
    """An answer from its two terms, each a function of z and z_q; the second is weighted by β."""
    return lambda x, x_hat, z, z_q, beta: (
        F.mse_loss(x_hat, x) + codebook(z, z_q) + beta * commitment(z, z_q)
    )


def stop_z(z, z_q):
    return F.mse_loss(z_q, z.detach())


def stop_z_q(z, z_q):
    return F.mse_loss(z, z_q.detach())


def stop_none(z, z_q):
    return F.mse_loss(z, z_q)


def stop_both(z, z_q):
    return F.mse_loss(z, z_q).detach()


def nothing(z, z_q):
    return 0.0


def right(x, x_hat, z, z_q, beta):
    return F.mse_loss(x_hat, x) + stop_z(z, z_q) + beta * stop_z_q(z, z_q)


WRONG_LOSSES = {
    "unfinished": (lambda *_: None, "returns nothing yet", "还没有返回值"),
    "three values": (
        lambda x, x_hat, z, z_q, beta: (F.mse_loss(x_hat, x), stop_z(z, z_q), stop_z_q(z, z_q)),
        "Return one number",
        "返回一个数",
    ),
    "β on the codebook": (
        lambda x, x_hat, z, z_q, beta: (
            F.mse_loss(x_hat, x) + beta * stop_z(z, z_q) + stop_z_q(z, z_q)
        ),
        "β stands on the wrong term",
        "β 放错了项",
    ),
    "sg swapped": (loss(stop_z_q, stop_z), "the two sg are swapped", "两个 sg 写反了"),
    "no sg[z]": (loss(stop_none, stop_z_q), "sg[z] is missing", "缺少 sg[z]"),
    "no sg[z_q]": (loss(stop_z, stop_none), "sg[z_q] is missing", "缺少 sg[z_q]"),
    "no sg": (loss(stop_none, stop_none), "No sg at all", "一个 sg 都没有"),
    "both stop z": (loss(stop_z, stop_z), "Both terms detach z;", "都 detach 了 z；"),
    "both stop z_q": (loss(stop_z_q, stop_z_q), "Both terms detach z_q;", "都 detach 了 z_q；"),
    "all stopped": (loss(stop_both, stop_both), "Neither z nor z_q", "z 和 z_q 都没有梯度"),
    "no codebook loss": (loss(nothing, stop_z_q), "the codebook loss is missing", "缺少码本损失"),
    "no commitment": (loss(stop_z, nothing), "the commitment loss is missing", "缺少承诺损失"),
    "no β": (
        lambda x, x_hat, z, z_q, beta: right(x, x_hat, z, z_q, 1.0),
        "β is missing",
        "缺少 β",
    ),
    "β on both": (
        lambda x, x_hat, z, z_q, beta: (
            F.mse_loss(x_hat, x) + beta * (stop_z(z, z_q) + stop_z_q(z, z_q))
        ),
        "β weighs both terms",
        "β 乘在了两项上",
    ),
    "x_hat detached": (
        lambda x, x_hat, z, z_q, beta: right(x, x_hat.detach(), z, z_q, beta),
        "x̂ gets no gradient",
        "x̂ 没有梯度",
    ),
    "sum over pixels": (
        lambda x, x_hat, z, z_q, beta: (
            right(x, x_hat, z, z_q, beta)
            - F.mse_loss(x_hat, x)
            + F.mse_loss(x_hat, x, reduction="sum")
        ),
        "The reconstruction term is a sum",
        "重建损失这一项是求和",
    ),
    "sum over latents": (
        lambda x, x_hat, z, z_q, beta: (
            F.mse_loss(x_hat, x) + z.numel() * (stop_z(z, z_q) + beta * stop_z_q(z, z_q))
        ),
        "The terms of z and z_q are sums",
        "两项是求和",
    ),
    "another weight": (
        loss(lambda z, z_q: 3 * stop_z(z, z_q), stop_z_q),
        "z_q towards z with weight 3",
        "权重是 3",
    ),
    "item": (lambda *given: right(*given).item(), "without item()", "不要用 item()"),
    "a constant": (
        lambda x, x_hat, z, z_q, beta: right(x, x_hat, z, z_q, beta) + stop_both(z, z_q),
        "a constant is added",
        "常数",
    ),
}


def test_right_loss_is_accepted(capsys):
    ch03.check_vqvae_loss(right)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_LOSSES.values(), ids=WRONG_LOSSES)
def test_mistake_in_the_loss_is_named(answer, en, zh):
    mistake = mistake_of(ch03.check_vqvae_loss, answer)
    assert en in mistake.en
    assert zh in mistake.zh


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (ch03.check_straight_through, straight_through),
        (ch03.check_moves, MOVES),
        (ch03.check_vqvae_loss, right),
    ],
)
def test_checks_leave_the_learners_randomness_alone(check, answer):
    before = torch.get_rng_state()
    check(answer)
    assert torch.equal(torch.get_rng_state(), before)
