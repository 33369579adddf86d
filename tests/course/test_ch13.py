"""The checks of chapter 13 accept the right answers and name the usual mistakes."""

import math

import pytest
import torch
from torch.nn import functional as F

from tests.course.mistakes import mistake_of
from vqlib.course.checks import ch13

# --- 13.1 the class, given the picture ------------------------------------------------------------


def posterior(log_p, prior):
    return (log_p + prior.log()).softmax(dim=-1)


def by_hand(log_p, prior):
    joint = log_p + torch.log(prior)
    return (joint - joint.logsumexp(-1, keepdim=True)).exp()


def subtracted(log_p, prior):
    shares = prior * (log_p - log_p.amax(-1, keepdim=True)).exp()
    return shares / shares.sum(-1, keepdim=True)


def exp_first(log_p, prior):
    joint = log_p.exp() * prior
    return joint / joint.sum(-1, keepdim=True)


def hard(log_p, prior):
    return F.one_hot(posterior(log_p, prior).argmax(-1), len(prior))


# The first case has equal classes, with which those that forget them are right.
WRONG_POSTERIOR = {
    "no prior": (lambda a, p: a.softmax(-1), "frequency of the classes", "各类的频率"),
    "p for log p": (
        lambda a, p: (a + p).softmax(-1),
        "you add p(c) to a logarithm",
        "加到了对数上",
    ),
    "not normalised": (lambda a, p: a.softmax(-1) * p, "do not sum to 1", "每行之和不是 1"),
    "over pictures": (lambda a, p: (a + p.log()).softmax(0), "over the pictures", "图像那一维"),
    "logarithm": (lambda a, p: (a + p.log()).log_softmax(-1), "log p(c | s)", "log p(c | s)"),
    "joint": (lambda a, p: a + p.log(), "not yet divided by p(s)", "还没有除以 p(s)"),
    "hard": (hard, "the most likely class", "最可能的类别"),
    "exp first": (exp_first, "is not finite", "不是有限的数"),
    "shape": (lambda a, p: posterior(a, p)[0], "return a tensor of the shape", "形状为"),
    "unfinished": (lambda a, p: ..., "returns nothing yet", "还没有返回值"),
    "something else": (
        lambda a, p: posterior(a / 2, p),
        "differs from Bayes' rule",
        "与贝叶斯公式",
    ),
}


@pytest.mark.parametrize("answer", [posterior, by_hand, subtracted])
def test_posterior_is_accepted(answer, capsys):
    for seed in range(10):
        ch13.check_class_posterior(answer, seed=seed)
    assert capsys.readouterr().out.count("✓") == 10


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_POSTERIOR.values(), ids=WRONG_POSTERIOR)
def test_mistake_in_the_posterior_is_named(answer, en, zh):
    mistake = mistake_of(ch13.check_class_posterior, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 13.2 four logs -------------------------------------------------------------------------------

WRONG_DIAGNOSES = {
    "A class_ignored": ({"A": "class_ignored"}, "this one loses nats", "因为类别而亏了"),
    "A labels_shuffled": ({"A": "labels_shuffled"}, "something definite", "确定的东西"),
    "B labels_shuffled": ({"B": "labels_shuffled"}, "is not exactly 0", "不会正好是 0"),
    "C off_by_one": ({"C": "off_by_one"}, "only the zeros", "只有 0 不对"),
    "D class_ignored": ({"D": "class_ignored"}, "saves a little", "省了一点"),
    "not shifted": ({"D": "not_shifted"}, "near 0", "接近 0"),
    "unknown": ({"C": "collapse"}, "is none of", "不在"),
    "missing": ({"C": None}, "C has no diagnosis yet", "C 还没有诊断"),
}


@pytest.mark.parametrize(("change", "en", "zh"), WRONG_DIAGNOSES.values(), ids=WRONG_DIAGNOSES)
def test_wrong_diagnosis_is_named(change, en, zh):
    mistake = mistake_of(ch13.check_diagnosis, ch13.BUGS | change)
    assert en in mistake.en
    assert zh in mistake.zh


def test_each_wrong_name_has_its_reason():
    for letter, right in ch13.BUGS.items():
        for name in set(ch13.NAMES) - {right}:
            mistake = mistake_of(ch13.check_diagnosis, ch13.BUGS | {letter: name})
            assert mistake.en.startswith(f"{letter} is not {name}")


def test_incomplete_diagnosis_is_refused():
    assert "one name for each" in mistake_of(ch13.check_diagnosis, {"A": "off_by_one"}).en
    assert "one name for each" in mistake_of(ch13.check_diagnosis, {...}).en


def test_the_logs_have_a_number_for_each_column():
    for row in ch13.logs():
        assert len(row) == len(ch13.LOG_COLUMNS)


# --- 13.3 what a wrong label still says -----------------------------------------------------------


def entropy(*p):
    return -sum(x * math.log(x) for x in p if x > 0)


def information(V, q):
    return math.log(V) - entropy(1 - q, *(V - 1) * [q / (V - 1)])


def with_torch(V, q):
    p = torch.tensor([1 - q] + (V - 1) * [q / (V - 1)], dtype=torch.float64)
    return math.log(V) - torch.special.entr(p).sum()


def short(V, q):
    return math.log(V) - entropy(q, 1 - q) - q * math.log(V - 1)


def without_limit(V, q):
    p = torch.tensor([1 - q] + (V - 1) * [q / (V - 1)], dtype=torch.float64)
    return math.log(V) + (p * p.log()).sum()


WRONG_INFORMATION = {
    "linear": (
        lambda V, q: (1 - q) * math.log(V),
        "nobody says which labels are right",
        "哪些是对的",
    ),
    "two outcomes": (lambda V, q: math.log(V) - entropy(q, 1 - q), "there are also 9", "另外 9 类"),
    "spread over all": (
        lambda V, q: math.log(V) - entropy(1 - q + q / V, *(V - 1) * [q / V]),
        "hit the right one as well",
        "碰巧说对",
    ),
    "bits": (lambda V, q: information(V, q) / math.log(2), "That is in bits", "这是比特"),
    "entropy": (
        lambda V, q: entropy(1 - q, *(V - 1) * [q / (V - 1)]),
        "what the label leaves open",
        "没有说出来",
    ),
    "no mistakes": (lambda V, q: math.log(V), "without mistakes", "没有错的标签"),
    "nan": (without_limit, "0 · log 0", "0 · log 0"),
    "something else": (lambda V, q: V * q, "it should be", "应为"),
    "unfinished": (lambda V, q: None, "returns nothing yet", "还没有返回值"),
}


@pytest.mark.parametrize("answer", [information, with_torch, short])
def test_information_is_accepted(answer, capsys):
    if answer is short:
        answer = lambda V, q: short(V, q)  # noqa: E731
    for seed in range(10):
        ch13.check_label_information(answer, seed=seed)
    assert capsys.readouterr().out.count("✓") == 10


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_INFORMATION.values(), ids=WRONG_INFORMATION)
def test_mistake_in_the_information_is_named(answer, en, zh):
    mistake = mistake_of(ch13.check_label_information, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- the lesson's own -----------------------------------------------------------------------------


def test_a_sentence_asks_nothing_of_the_condition():
    read, targets = ch13.sentence(torch.tensor([[7, 3]]), torch.tensor([[5, 1, 7, 2]]))
    assert read.tolist() == [[7, 3, 5, 1, 7]]
    assert targets.tolist() == [[-100, 5, 1, 7, 2]]


def test_information_ends_at_most_at_the_logarithm_of_the_number_of_classes():
    generator = torch.Generator().manual_seed(0)
    log_p = torch.randn(5, 4, 6, generator=generator) - 3
    c = torch.tensor([0, 1, 2, 3, 0])
    found = ch13.information(log_p, c)
    assert found.shape == (5, 6)
    assert bool((found <= math.log(4) + 1e-6).all())
    last = math.log(4) + log_p.sum(-1).softmax(1)[torch.arange(5), c].log()
    torch.testing.assert_close(found[:, -1], last)


def test_classes_that_say_nothing_have_no_information():
    log_p = torch.zeros(2, 3, 4) - 1
    assert ch13.information(log_p, torch.tensor([0, 2])).abs().max() < 1e-6


def test_mislabelled_changes_the_share_asked_for_and_never_to_the_same():
    labels = torch.arange(10).repeat(200)
    wrong = ch13.mislabelled(labels, 0.3)
    assert 0.25 < (wrong != labels).float().mean() < 0.35
    assert torch.equal(ch13.mislabelled(labels, 0.0), labels)
    assert bool((ch13.mislabelled(labels, 1.0) != labels).all())
    assert set(wrong.tolist()) == set(range(10))
