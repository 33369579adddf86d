"""The checks of chapter 5 accept the right answers and name the usual mistakes."""

import pytest
import torch

from tests.course.mistakes import mistake_of
from vqlib.compress import DeadCodeRestart, EMAVectorQuantizer, VectorQuantizer
from vqlib.course.checks import ch05
from vqlib.course.checks.report import Mistake

# --- 5.1 EMA update -----------------------------------------------------------------------------


def smoothed(N, epsilon):
    return (N + epsilon) / (N.sum() + len(N) * epsilon) * N.sum()


def ema(N, m, z, s, gamma, epsilon, *, K=None, mean=False, smooth=smoothed, keep=False):
    """The right update, or one with a part replaced."""
    K = len(N) if K is None else K
    n = torch.bincount(s, minlength=K).float()
    total = torch.zeros(len(n), z.shape[1]).index_add_(0, s, z)
    if mean:
        total = total / n.clamp(min=1)[:, None]
    new_N, new_m = gamma * N[: len(n)] + (1 - gamma) * n, gamma * m[: len(n)] + (1 - gamma) * total
    if keep:
        new_N, new_m = torch.where(n > 0, new_N, N), torch.where(n[:, None] > 0, new_m, m)
    return new_N, new_m, new_m / smooth(new_N, epsilon)[:, None]


def wrong(**part):
    return lambda *given: ema(*given, **part)


def exchanged(N, m, z, s, gamma, epsilon):
    return ema(N, m, z, s, 1 - gamma, epsilon)


def smoothed_state(N, m, z, s, gamma, epsilon):
    N, m, e = ema(N, m, z, s, gamma, epsilon)
    return smoothed(N, epsilon), m, e


def library(N, m, z, s, gamma, epsilon):
    """vqlib's own quantizer, made to choose the given codes."""
    q = EMAVectorQuantizer(len(N), z.shape[1], decay=gamma, epsilon=epsilon)
    q.cluster_size.copy_(N)
    q.latent_sum.copy_(m)
    q._update(z.T[None, :, :, None], s[None, :, None])
    return q.cluster_size, q.latent_sum, q.codebook


def in_place(N, m, z, s, gamma, epsilon):
    new = ema(N, m, z, s, gamma, epsilon)
    N.copy_(new[0])
    m.copy_(new[1])
    return N, m, new[2]


def code_by_code(N, m, z, s, gamma, epsilon):
    N, m = N.clone(), m.clone()
    for k in range(len(N)):
        N[k] = gamma * N[k] + (1 - gamma) * (s == k).sum()
        m[k] = gamma * m[k] + (1 - gamma) * z[s == k].sum(0)
    return N, m, m / smoothed(N, epsilon)[:, None]


UPDATES = {"the course's": ema, "vqlib's": library, "in place": in_place}
WRONG_UPDATES = {
    "unfinished": (lambda *given: ..., "returns nothing yet", "还没有返回值"),
    "codes only": (lambda *given: ema(*given)[2], "three tensors", "三个张量"),
    "no minlength": (wrong(K=0), "minlength=K", "minlength=K"),
    "γ exchanged": (exchanged, "are exchanged", "放反了"),
    "unused codes keep": (wrong(keep=True), "have to fade", "也要衰减"),
    "mean, not sum": (wrong(mean=True), "not their mean", "不是它们的平均"),
    "smoothed state": (smoothed_state, "smooth only what you divide by", "用来做除数"),
    "not smoothed": (wrong(smooth=lambda N, _: N), "not smoothed", "没有平滑"),
    "ε alone": (wrong(smooth=lambda N, eps: N + eps), "Scale them back", "缩放回"),
    "not divided": (wrong(smooth=lambda N, _: torch.ones_like(N)), "still the sum m", "还是总和"),
    "old m": (lambda N, m, *rest: (ema(N, m, *rest)[0], m, m), "new m is not", "新的 m 不等于"),
    "old N": (lambda N, m, *r: (2 * N, *ema(N, m, *r)[1:]), "new N is not", "新的 N 不等于"),
    "loop": (code_by_code, "that is a loop", "这是循环"),
    "lists": (lambda *given: [x.tolist() for x in ema(*given)], "three tensors", "三个张量"),
    "other codes": (
        lambda *given: (*ema(*given)[:2], ema(*given)[2] + 1),
        "N and m are right",
        "N 和 m 都对",
    ),
}


@pytest.mark.parametrize("answer", UPDATES.values(), ids=UPDATES)
def test_ema_update_is_accepted(answer, capsys):
    ch05.check_ema_update(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_UPDATES.values(), ids=WRONG_UPDATES)
def test_mistake_in_the_update_is_named(answer, en, zh):
    mistake = mistake_of(ch05.check_ema_update, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 5.2 diagnoses ------------------------------------------------------------------------------

RIGHT = {"P": "dying", "Q": "restarting", "R": "healthy", "S": "collapsed"}
WRONG_DIAGNOSES = {
    "unfinished": (RIGHT | {"Q": ...}, "Q has no diagnosis", "Q 还没有诊断"),
    "missing": ({"P": "dying"}, "Q has no diagnosis", "Q 还没有诊断"),
    "unknown": (RIGHT | {"P": "ill"}, "is not one of", "不在"),
    "dying is not collapsed": (RIGHT | {"P": "collapsed"}, "from the first steps", "最初几步"),
    "a saw is not dying": (RIGHT | {"Q": "dying"}, "none comes back", "一个也没有回来"),
    "a dip is not death": (RIGHT | {"R": "dying"}, "R is not dying", "R 不是 dying"),
    "one rise is no saw": (RIGHT | {"R": "restarting"}, "a saw", "锯齿"),
    "low is not healthy": (RIGHT | {"S": "healthy"}, "stays at K", "停在 K"),
}


def test_right_diagnoses_are_accepted(capsys):
    ch05.check_diagnoses(RIGHT)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_DIAGNOSES.values(), ids=WRONG_DIAGNOSES)
def test_wrong_diagnosis_is_named(answer, en, zh):
    mistake = mistake_of(ch05.check_diagnoses, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 5.3 restart of dead codes ------------------------------------------------------------------


def restart(e, counts, z, generator, *, rows=None, where=None, copy=True):
    """The right restart, or one with a part replaced."""
    dead = (counts == 0).nonzero().flatten() if where is None else where(counts)
    chosen = torch.randperm(len(z), generator=generator)[: len(dead)]
    e = e.clone() if copy else e
    e[dead] = z[chosen] if rows is None else rows(z, len(dead), generator)
    return e


def with_wrong(**part):
    return lambda *given: restart(*given, **part)


def library_restart(e, counts, z, generator):
    """vqlib's restart, whose choice follows a seed."""
    q = VectorQuantizer(*e.shape)
    q.codebook.data.copy_(e)
    care = DeadCodeRestart(len(e), 1, seed=int(torch.randint(1000, (), generator=generator)))
    care.counts.copy_(counts)
    care.restart(q, z.T[None, :, :, None], 0)
    return q.codebook.detach()


def no_shape(z, count, generator):
    return z[torch.randint(0, 2, (count,), generator=generator)]


def window(z, count, generator):
    start = torch.randint(len(z), (), generator=generator)
    return z.roll(-int(start), 0)[:count]


def any_subset(z, count, generator):
    return z[torch.randperm(len(z), generator=generator)[:count].sort().values]


def drawn_by_weight(z, count, generator):
    if count == 0:
        return z[:0]
    return z[torch.multinomial(torch.ones(len(z)), count, generator=generator)]


def anywhere(z, count, generator):
    return z[torch.randint(len(z), (count,), generator=generator)]


RESTARTS = {
    "the course's": restart,
    "vqlib's": library_restart,
    "multinomial": with_wrong(rows=drawn_by_weight),
    "a subset in its order": with_wrong(rows=any_subset),
}
WRONG_RESTARTS = {
    "unfinished": (lambda *given: None, "returns nothing yet", "还没有返回值"),
    "dead codes only": (lambda e, n, z, g: z[: int((n == 0).sum())], "whole codebook", "整个码本"),
    "in place": (with_wrong(copy=False), "work on a copy", "副本"),
    "live codes too": (with_wrong(where=lambda n: (n <= 1).nonzero()[:, 0]), "in use", "正在使用"),
    "all codes": (with_wrong(where=lambda n: torch.arange(len(n))), "in use", "正在使用"),
    "one dead code only": (
        with_wrong(where=lambda n: (n == 0).nonzero()[:1, 0]),
        "still where it was",
        "还在原处",
    ),
    "noise": (
        with_wrong(rows=lambda z, M, g: torch.randn(M, z.shape[1], generator=g)),
        "take rows of z",
        "取 z 的行",
    ),
    "one latent for all": (with_wrong(rows=lambda z, M, g: z[:1]), "different rows", "互不相同"),
    "drawn with replacement": (with_wrong(rows=anywhere), "different rows", "互不相同"),
    "rotating window": (with_wrong(rows=window), "not neighbouring rows", "不要取相邻的行"),
    "with replacement": (with_wrong(rows=no_shape), "different rows", "互不相同"),
    "the first latents": (with_wrong(rows=lambda z, M, g: z[:M]), "at random", "应当随机抽取"),
    "global generator": (
        with_wrong(rows=lambda z, M, g: z[torch.randperm(len(z))[:M]]),
        "generator=generator",
        "generator=generator",
    ),
}


@pytest.mark.parametrize("answer", RESTARTS.values(), ids=RESTARTS)
def test_restart_is_accepted(answer, capsys):
    for seed in range(3):
        ch05.check_restart_dead_codes(answer, seed=seed)
    assert capsys.readouterr().out.count("✓") == 3


@pytest.mark.parametrize("rows", [anywhere, window])
def test_restarts_that_are_not_random_enough_are_seen_with_every_seed(rows):
    for seed in range(20):
        with pytest.raises(Mistake):
            ch05.check_restart_dead_codes(with_wrong(rows=rows), seed=seed)


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_RESTARTS.values(), ids=WRONG_RESTARTS)
def test_mistake_in_the_restart_is_named(answer, en, zh):
    mistake = mistake_of(ch05.check_restart_dead_codes, answer)
    assert en in mistake.en
    assert zh in mistake.zh
