"""The checks of chapter 2 accept the right answers and name the usual mistakes."""

import pytest
import torch

import vqlib.compress
from tests.course.mistakes import mistake_of
from vqlib.compress import nearest_code
from vqlib.course.checks import ch02


def squares(e):
    return e.square().sum(1)


def naive(z, e):
    return (z[:, None] - e).square().sum(2)


# --- 2.1 nearest code ---------------------------------------------------------------------------


def one_by_one(z, e):
    return torch.stack([(e - row).square().sum(1).argmin() for row in z])


def code_by_code(z, e):
    return torch.stack([(z - code).square().sum(1) for code in e], dim=1).argmin(1)


NEAREST = {
    "the course's": lambda z, e: (squares(e) - 2 * z @ e.T).argmin(1),
    "with ‖z‖²": lambda z, e: (z.square().sum(1, keepdim=True) - 2 * z @ e.T + squares(e)).argmin(
        dim=1
    ),
    "cdist": lambda z, e: torch.cdist(z, e).argmin(1),
    "vqlib's": vqlib.compress.nearest_code,
    "float64": lambda z, e: torch.cdist(z.double(), e.double()).argmin(1),
    "argmax of the negative": lambda z, e: (2 * z @ e.T - squares(e)).argmax(-1),
    "einsum": lambda z, e: (squares(e) - 2 * torch.einsum("nd,kd->nk", z, e)).min(1).indices,
}
WRONG_NEAREST = {
    "unfinished": (lambda z, e: ..., "returns nothing yet", "还没有返回值"),
    "scores": (lambda z, e: squares(e) - 2 * z @ e.T, "a score for each pair", "每一对的得分"),
    "wrong axis": (lambda z, e: torch.cdist(z, e).argmin(0), "wrong axis", "取错了轴"),
    "no axis": (lambda z, e: torch.cdist(z, e).argmin(), "A single number", "只有一个数"),
    "the codes": (lambda z, e: e[nearest_code(z, e)], "codes themselves", "嵌入向量本身"),
    "a list": (lambda z, e: nearest_code(z, e).tolist(), "Return a tensor", "请返回序号"),
    "min": (lambda z, e: torch.cdist(z, e).min(1).values, "not the min", "而不是 min"),
    "argmax": (lambda z, e: torch.cdist(z, e).argmax(1), "the farthest", "最远的编码"),
    "dot": (lambda z, e: (-z @ e.T).argmin(1), "‖e‖² is missing", "漏了 ‖e‖²"),
    "no 2": (lambda z, e: (squares(e) - z @ e.T).argmin(1), "factor 2", "系数 2"),
    "plus": (lambda z, e: (squares(e) + 2 * z @ e.T).argmin(1), "The sign", "符号错了"),
    "norm": (lambda z, e: (e.norm(dim=1) - 2 * z @ e.T).argmin(1), "not squared", "没有平方"),
    "absolute": (lambda z, e: (z[:, None] - e).abs().sum(2).argmin(1), "absolute", "绝对值"),
    "no square": (
        lambda z, e: (z[:, None] - e).sum(2).argmin(1),
        "without being squared",
        "没有平方就相加",
    ),
    "something else": (lambda z, e: nearest_code(z + 1, e), "is nearer", "更近"),
    "from 1": (lambda z, e: nearest_code(z, e) + 1, "from 0 to K − 1", "从 0 到 K − 1"),
    "loop over vectors": (one_by_one, "that is a loop", "这是循环"),
    "loop over codes": (code_by_code, "that is a loop", "这是循环"),
    "(N, K, D)": (lambda z, e: naive(z, e).argmin(1), "(N, K, D)", "(N, K, D)"),
}


@pytest.mark.parametrize("answer", NEAREST.values(), ids=NEAREST)
def test_nearest_code_is_accepted(answer, capsys):
    ch02.check_nearest_code(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_NEAREST.values(), ids=WRONG_NEAREST)
def test_mistake_in_nearest_code_is_named(answer, en, zh):
    mistake = mistake_of(ch02.check_nearest_code, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 2.2 scores ---------------------------------------------------------------------------------

SCORES = {
    "the course's": lambda z, e: squares(e) - 2 * z @ e.T,
    "float64": lambda z, e: squares(e.double()) - 2 * z.double() @ e.double().T,
    "distance minus ‖z‖²": lambda z, e: naive(z, e) - z.square().sum(1, keepdim=True),
}
WRONG_SCORES = {
    "unfinished": (lambda z, e: None, "returns nothing yet", "还没有返回值"),
    "‖z‖² still there": (naive, "still in it", "还在里面"),
    "half": (lambda z, e: squares(e) / 2 - z @ e.T, "Half of it", "这是一半"),
    "no 2": (lambda z, e: squares(e) - z @ e.T, "factor 2", "系数 2"),
    "plus": (lambda z, e: squares(e) + 2 * z @ e.T, "The sign", "符号错了"),
    "no ‖e‖²": (lambda z, e: -2 * z @ e.T, "‖e‖² is missing", "漏了 ‖e‖²"),
    "wrong square": (
        lambda z, e: z.square().sum(1, keepdim=True) - 2 * z @ e.T,
        "the wrong square",
        "丢错了一项",
    ),
    "on its side": (lambda z, e: (squares(e) - 2 * z @ e.T).T, "on its side", "放倒了"),
    "indices": (nearest_code, "a row for each vector", "每个向量一行"),
    "something else": (lambda z, e: z @ e.T, "plus ‖z‖²", "加上 ‖z‖²"),
}


@pytest.mark.parametrize("answer", SCORES.values(), ids=SCORES)
def test_scores_are_accepted(answer, capsys):
    ch02.check_scores(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_SCORES.values(), ids=WRONG_SCORES)
def test_mistake_in_scores_is_named(answer, en, zh):
    mistake = mistake_of(ch02.check_scores, answer)
    assert en in mistake.en
    assert zh in mistake.zh


RIGHT = {name: right for name, (right, _, _) in ch02.SAME_ARGMIN.items()}


def test_the_table_of_argmins_is_true():
    z = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    e = torch.randn(12, 2, generator=torch.Generator().manual_seed(1))
    a, dot = torch.tensor([0.3, -0.7]), z @ e.T
    scores = {
        "root": naive(z, e).sqrt(),
        "half": squares(e) / 2 - dot,
        "dot": -dot,
        "no_codes": z.square().sum(1, keepdim=True) - 2 * dot,
        "absolute": (z[:, None] - e).abs().sum(2),
        "cosine": -dot / (z.norm(dim=1, keepdim=True) * e.norm(dim=1)),
        "moved": naive(z + a, e + a),
        "doubled": naive(2 * z, e),
    }
    right = naive(z, e).argmin(1)
    assert {name: torch.equal(score.argmin(1), right) for name, score in scores.items()} == RIGHT


def test_right_predictions_are_accepted(capsys):
    ch02.check_same_argmin(RIGHT)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize("name", RIGHT)
def test_wrong_prediction_is_named_with_its_reason(name):
    mistake = mistake_of(ch02.check_same_argmin, RIGHT | {name: not RIGHT[name]})
    assert mistake.en.startswith(f"{name} should be {RIGHT[name]}: ")
    assert mistake.zh.startswith(f"{name} 应为 {RIGHT[name]}：")
    assert ch02.SAME_ARGMIN[name][1] in mistake.en


@pytest.mark.parametrize("value", [..., None, "True", 1])
def test_missing_prediction_is_named(value):
    mistake = mistake_of(ch02.check_same_argmin, RIGHT | {"dot": value})
    assert "answer True or False" in mistake.en
    assert "请回答" in mistake.zh


# --- 2.3 one step of k-means --------------------------------------------------------------------


def parts(points, e):
    s = nearest_code(points, e)
    counts = torch.bincount(s, minlength=len(e))[:, None]
    return s, counts, torch.zeros_like(e).index_add_(0, s, points)


def step(points, e):
    _, counts, sums = parts(points, e)
    return torch.where(counts > 0, sums / counts.clamp(min=1), e)


def one_hot(points, e):
    chosen = torch.nn.functional.one_hot(nearest_code(points, e), len(e)).T.float()  # (K, N)
    counts = chosen.sum(1, keepdim=True)
    return torch.where(counts > 0, chosen @ points / counts, e)


def in_place(points, e):
    e.copy_(step(points, e))
    return e


def loop(points, e):
    s, e = nearest_code(points, e), e.clone()
    for k in range(len(e)):
        if (s == k).any():
            e[k] = points[s == k].mean(0)
    return e


def with_empty_at(place):
    def answer(points, e):
        _, counts, _ = parts(points, e)
        return torch.where(counts > 0, step(points, e), place(points))

    return answer


STEPS = {"the course's": step, "one-hot": one_hot}
WRONG_STEPS = {
    "unfinished": (lambda p, e: None, "returns nothing yet", "还没有返回值"),
    "nan": (lambda p, e: parts(p, e)[2] / parts(p, e)[1], "nan", "nan"),
    "in place": (in_place, "has changed", "码本变了"),
    "tokens": (nearest_code, "Return the new codebook", "返回新的码本"),
    "nothing moves": (lambda p, e: e.clone(), "No code has moved", "没有一个编码动过"),
    "sums": (lambda p, e: parts(p, e)[2], "These are sums", "这是点的和"),
    "over N": (lambda p, e: parts(p, e)[2] / len(p), "divide by N", "你除的是 N"),
    "origin": (
        with_empty_at(lambda p: torch.zeros(p.shape[1])),
        "went to the origin",
        "跑到原点去了",
    ),
    "to a point": (with_empty_at(lambda p: p[0]), "codes without points moved", "编码动了"),
    "half way": (lambda p, e: (e + step(p, e)) / 2, "not the means of", "不是各自的点的均值"),
    "something else": (lambda p, e: e + 1, "not the means of the points", "不是选中各个编码"),
    "loop": (loop, "a loop over the codes", "对编码的循环"),
}


@pytest.mark.parametrize("answer", STEPS.values(), ids=STEPS)
def test_lloyd_step_is_accepted(answer, capsys):
    ch02.check_lloyd_step(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_STEPS.values(), ids=WRONG_STEPS)
def test_mistake_in_lloyd_step_is_named(answer, en, zh):
    mistake = mistake_of(ch02.check_lloyd_step, answer)
    assert en in mistake.en
    assert zh in mistake.zh
