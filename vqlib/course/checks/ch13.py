"""Checks of chapter 13, *How does one ask a GPT for something?*, and what its lab says."""

import math
from collections.abc import Callable
from random import Random
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.course.checks.cases import cases
from vqlib.course.checks.diagnosis import judge
from vqlib.course.checks.report import Mistake, close, compare, correct, require, run

# --- what the stubs of the lesson make ------------------------------------------------------------


def sentence(
    c: Int[Tensor, "B P"], s: Int[Tensor, "B T"]
) -> tuple[Int[Tensor, "B S"], Int[Tensor, "B S"]]:
    """What a decoder-only model reads, and what it has to say at each place; −100 is nothing.

    Args:
        c: ids of the condition.
        s: whole pictures.

    Returns:
        two rows of S = P + T − 1: all but the last token; and the next token, or −100 where the
        next is a part of the condition, which is given and counts in no loss.
    """
    nothing = torch.full_like(c[:, 1:], -100)
    return torch.cat([c, s[:, :-1]], dim=1), torch.cat([nothing, s], dim=1)


def information(log_p: Float[Tensor, "B V T"], c: Int[Tensor, " B"]) -> Float[Tensor, "B T"]:
    """What the first tokens say about the class, in nats: ln V + ln p(c | s up to here).

    Args:
        log_p: log p(sᵢ | s₍<ᵢ₎, c′) of each token under each of the V classes, all equally likely.
        c: the true classes.
    """
    B, V, _ = log_p.shape
    so_far = log_p.cumsum(dim=-1)  # log p(s up to here | c')
    log_posterior = so_far.log_softmax(dim=1)
    return math.log(V) + log_posterior[torch.arange(B), c]


# --- Exercise 13.1 ------------------------------------------------------------------------------


def check_class_posterior(answer: Callable[[Tensor, Tensor], Tensor], *, seed: int = 0) -> None:
    """Exercise 13.1: p(c | s) of log p(s | c) and p(c), by Bayes; large pictures, too."""
    shown = [(1, (1.0, 1.0, 1.0)), (2, (8.0, 1.0, 1.0)), (3, (1.0, 2.0, 3.0, 4.0))]
    for B, weights in cases(seed, shown, _priors):
        prior = torch.tensor(weights, dtype=torch.float64) / sum(weights)
        generator = torch.Generator().manual_seed(seed)
        shape = B, len(weights)
        near = 2 * torch.randn(shape, generator=generator, dtype=torch.float64) - 48
        _check_posterior(answer, near, prior, f"log_p of {B} × {len(weights)}")
        far = near - 2500  # 256 tokens of a large codebook
        _check_posterior(answer, far, prior, "log_p near −2,500, a picture of 256 tokens")
    correct()


def _priors(draw: Random) -> list[tuple[int, tuple[float, ...]]]:
    """Numbers of pictures, and how frequent the classes are: alike, then not."""
    sizes = draw.sample(range(3, 12), 3)
    equal = (draw.randint(2, 5), (1.0,) * sizes[0])
    unequal = [
        (draw.randint(2, 5), tuple(float(w) for w in draw.sample(range(1, 60), V)))
        for V in sizes[1:]
    ]
    return [equal, *unequal]


def _check_posterior(
    answer: Callable[[Tensor, Tensor], Tensor], log_p: Tensor, prior: Tensor, what: str
) -> None:
    right = (log_p + prior.log()).softmax(dim=-1)
    got = _tensor(run(answer, log_p, prior), log_p.shape, what)
    require(
        bool(got.isfinite().all()),
        f"With {what} the result is not finite: exp(log_p) is 0 there, and 0 / 0 is no number. "
        "Stay with logarithms: a softmax subtracts the largest first.",
        f"{what} 时结果不是有限的数：exp(log_p) 在那里等于 0，而 0 / 0 不是数。"
        "请一直用对数来算：softmax 会先减去最大的那个。",
    )
    if close(got, right):
        return
    for wrong, en, zh in _posterior_mistakes(log_p, prior, right):
        if close(got, wrong):
            raise Mistake(f"{what}: {en}", f"{what}：{zh}")
    raise Mistake(
        f"With {what} the result differs from Bayes' rule by up to "
        f"{(got - right).abs().max().item():.3g}.",
        f"{what} 时，结果与贝叶斯公式最多相差 {(got - right).abs().max().item():.3g}。",
    )


def _posterior_mistakes(log_p: Tensor, prior: Tensor, right: Tensor) -> list:
    joint = log_p + prior.log()
    return [
        (
            log_p.softmax(dim=-1),
            "the frequency of the classes is not in it. Add log p(c) to log p(s | c).",
            "没有用上各类的频率。要在 log p(s | c) 上加 log p(c)。",
        ),
        (
            (log_p + prior).softmax(dim=-1),
            "you add p(c) to a logarithm. Add log p(c).",
            "把 p(c) 加到了对数上。要加 log p(c)。",
        ),
        (
            log_p.softmax(dim=-1) * prior,
            "the rows do not sum to 1: after weighting by p(c), divide by the sum.",
            "每行之和不是 1：乘上 p(c) 以后，还要除以总和。",
        ),
        (
            joint.softmax(dim=0),
            "you normalise over the pictures. Normalise over the classes, the last axis.",
            "你沿图像那一维归一化了。要沿类别那一维，也就是最后一维。",
        ),
        (
            joint.log_softmax(dim=-1),
            "that is log p(c | s). Return the probability itself.",
            "这是 log p(c | s)。请返回概率本身。",
        ),
        (
            joint,
            "that is log p(s, c), not yet divided by p(s).",
            "这是 log p(s, c)，还没有除以 p(s)。",
        ),
        (
            F.one_hot(right.argmax(dim=-1), len(prior)),
            "that is the most likely class. Asked are the probabilities of all of them.",
            "这是最可能的类别。题目要的是所有类别的概率。",
        ),
    ]


# --- Exercise 13.2 ------------------------------------------------------------------------------

# Five real runs: the GPT of the lesson (1 block of width 48, 200 steps of 64 digits, seed 0), and
# the same with one thing wrong. NLL in nats per token; saved: nats per picture that the class saves
# in the model itself; read: share of 200 samples read as the class asked for, and of the 20 zeros.
LOG_COLUMNS = ("run", "first", "train", "val", "saved_train", "saved_val", "read", "read_0")
LOGS = {
    "healthy": (4.17, 2.696, 3.034, 2.23, 1.86, 0.855, 0.95),
    "off_by_one": (4.17, 2.724, 4.253, 2.19, -17.19, 0.025, 0.00),
    "class_ignored": (4.17, 2.929, 3.204, 0.00, 0.00, 0.110, 0.05),
    "none_is_zero": (4.17, 2.750, 3.052, 2.17, 1.76, 0.745, 0.20),
    "labels_shuffled": (4.17, 2.912, 3.192, 0.07, -0.02, 0.075, 0.10),
}
BUGS = {"A": "off_by_one", "B": "class_ignored", "C": "none_is_zero", "D": "labels_shuffled"}
NAMES = ("class_ignored", "labels_shuffled", "none_is_zero", "not_shifted", "off_by_one")


def logs() -> list[tuple]:
    """The rows of the table: the run without a mistake, then A to D."""
    named = {"healthy": "healthy"} | BUGS
    return [(letter, *LOGS[bug]) for letter, bug in named.items()]


# What speaks against a name, in each run.
NOT_SHIFTED = (
    "then the answer stands in the question, and the NLL would be near 0",
    "那样答案就在题目里，NLL 会接近 0",
)
AGAINST = {
    ("A", "class_ignored"): (
        "a model that cannot see the class saves 0; this one loses nats by it, so it sees it well",
        "看不到类别的模型，节省的是 0；它却因为类别而亏了，可见它看得很清楚",
    ),
    ("A", "labels_shuffled"): (
        "from labels at random nothing can be learned that costs several nats on new pictures; "
        "this model has learned something definite, and on held-out labels it is wrong",
        "从随机的标签里，学不到什么能在新图像上亏掉好几个奈特的东西；"
        "这个模型学到的是确定的东西，只是在留出的标签上是错的",
    ),
    ("A", "none_is_zero"): (
        "then nine of ten classes would be drawn as asked",
        "那样的话，十类里有九类会画得对",
    ),
    ("B", "labels_shuffled"): (
        "shuffled labels can still be seen, and a little of them is memorised: then the saving on "
        "training pictures is not exactly 0",
        "打乱的标签模型还是看得到，也会记住一点：那样训练图像上的节省不会正好是 0",
    ),
    ("B", "off_by_one"): (
        "then the class would change the NLL; here it changes nothing at all",
        "那样的话，类别会影响 NLL；这里它什么也不改变",
    ),
    ("B", "none_is_zero"): (
        "then nine of ten classes would be drawn as asked",
        "那样的话，十类里有九类会画得对",
    ),
    ("C", "off_by_one"): (
        "then no class would be drawn as asked; here only the zeros are missing",
        "那样的话，哪一类都画不对；这里只有 0 不对",
    ),
    ("C", "class_ignored"): (
        "then the class would save nothing",
        "那样的话，类别什么也省不下来",
    ),
    ("C", "labels_shuffled"): (
        "then no class would be drawn as asked; here only the zeros are missing",
        "那样的话，哪一类都画不对；这里只有 0 不对",
    ),
    ("D", "class_ignored"): (
        "then the class would change nothing at all; here it saves a little on training pictures",
        "那样的话，类别什么也不改变；这里它在训练图像上省了一点",
    ),
    ("D", "off_by_one"): (
        "then the class would save as much on training pictures as in the healthy run",
        "那样的话，类别在训练图像上省下的会和正常的一样多",
    ),
    ("D", "none_is_zero"): (
        "then nine of ten classes would be drawn as asked",
        "那样的话，十类里有九类会画得对",
    ),
}


def check_diagnosis(answer: Any, *, seed: int = 0) -> None:
    """Exercise 13.2: which mistake made each of the four logs. The same for every seed."""
    judge(
        answer,
        BUGS,
        NAMES,
        lambda *pair: AGAINST.get(pair, NOT_SHIFTED),
    )


# --- Exercise 13.3, and the lab -------------------------------------------------------------------


def check_label_information(answer: Callable[[int, float], float], *, seed: int = 0) -> None:
    """Exercise 13.3: what a label still says when a share q of them names another class."""
    shown = [(10, 0.3), (10, 0.0), (10, 0.9), (2, 0.5), (1000, 0.1)]
    for V, q in cases(seed, shown, _noises):
        asked = f"label_information({V}, {q:g})"
        got = run(answer, V, q)
        _explain_nan(got, asked)
        compare(got, _label_information(V, q), _label_mistakes(V, q), asked)
    correct()


def _noises(draw: Random) -> list[tuple[int, float]]:
    """Numbers of classes with a share of wrong labels; none; and so many that nothing is left."""
    V, W = draw.randint(3, 30), draw.randint(3, 30)
    return [(draw.randint(3, 40), draw.randint(1, 60) / 100), (V, 0.0), (W, (W - 1) / W)]


def _label_information(V: int, q: float) -> float:
    return math.log(V) - _entropy(1 - q) - (V - 1) * _entropy(q / (V - 1))


def _entropy(p: float) -> float:
    return -p * math.log(p) if p > 0 else 0.0


def _explain_nan(got: object, asked: str) -> None:
    value = float(got) if isinstance(got, int | float | Tensor) else 0.0
    require(
        not math.isnan(value),
        f"{asked} is not a number: 0 · log 0 has the limit 0, but has to be written so. "
        "torch.special.entr(p) does it.",
        f"{asked} 不是数：0 · log 0 的极限是 0，但要特别处理。torch.special.entr(p) 会处理好。",
    )


def _label_mistakes(V: int, q: float) -> list[tuple[float, str, str]]:
    two = _entropy(q) + _entropy(1 - q)
    every = (1 - q) * math.log(V)
    spread = math.log(V) - _entropy(1 - q + q / V) - (V - 1) * _entropy(q / V)
    right = _label_information(V, q)
    return [
        (
            every,
            "That takes the right share of the labels as whole and the rest as nothing. But nobody "
            "says which labels are right, and that uncertainty costs, too.",
            "这等于把对的那部分标签全算上，错的一点不算。可是没有人告诉你哪些是对的，"
            "这种不确定也要付代价。",
        ),
        (
            math.log(V) - two,
            f"That is whether the label is right. If it is wrong, there are also {V - 1} classes "
            f"it may be: q · ln {V - 1} more.",
            f"这只算了标签对不对。如果错了，还不知道是另外 {V - 1} 类中的哪一类：还要减 "
            f"q · ln {V - 1}。",
        ),
        (
            spread,
            f"A wrong label names one of the {V - 1} other classes; you let it hit the right one "
            "as well.",
            f"错的标签说的是另外 {V - 1} 类之一；你让它也可能碰巧说对。",
        ),
        (
            right / math.log(2),
            "That is in bits. Asked are nats: the natural logarithm.",
            "这是比特。题目要奈特，用自然对数。",
        ),
        (
            math.log(V) - right,
            "That is what the label leaves open, H. Subtract it from ln V.",
            "这是标签没有说出来的，H。要用 ln V 减去它。",
        ),
        (math.log(V), "That is a label without mistakes.", "这是没有错的标签。"),
    ]


STATED = {"nats": 1.0, "read_1": 0.5, "read_5": 0.7}
"""What the lab runs with where nobody predicts; it is as wrong as a first guess."""


def mislabelled(labels: Int[Tensor, " N"], share: float, *, seed: int = 0) -> Int[Tensor, " N"]:
    """The labels, of which a share names one of the nine other digits."""
    generator = torch.Generator().manual_seed(seed)
    wrong = torch.rand(len(labels), generator=generator) < share
    other = (labels + torch.randint(1, 10, labels.shape, generator=generator)) % 10
    return torch.where(wrong, other, labels)


def _tensor(got: object, shape: torch.Size, what: str) -> Tensor:
    if isinstance(got, Tensor) and got.shape == shape:
        return got.detach()
    found = tuple(got.shape) if isinstance(got, Tensor) else type(got).__name__
    raise Mistake(
        f"With {what} the result is {found}; return a tensor of the shape {tuple(shape)}.",
        f"{what} 时得到 {found}；要返回形状为 {tuple(shape)} 的张量。",
    )
