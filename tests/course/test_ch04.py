"""The checks of chapter 4 accept the right answers and name the usual mistakes."""

from math import ceil, exp, log, log2

import pytest
import torch

from tests.course.mistakes import mistake_of
from vqlib.compress import perplexity
from vqlib.course.checks import ch04

# --- 4.1 bits per image -------------------------------------------------------------------------

BITS = {
    "the course's": lambda h, w, K: h * w * log2(K),
    "a tensor": lambda h, w, K: h * w * torch.tensor(float(K), dtype=torch.float64).log2(),
    "another base": lambda h, w, K: h * w * log(K) / log(2),
}
WRONG_BITS = {
    "unfinished": (lambda h, w, K: ..., "returns nothing yet", "还没有返回值"),
    "K": (lambda h, w, K: h * w * K, "log2(K) bits, not K", "而不是 K 比特"),
    "one token": (lambda h, w, K: log2(K), "That is one token", "只是一个词元"),
    "one column": (lambda h, w, K: h * log2(K), "h * w tokens", "h * w 个"),
    "one row": (lambda h, w, K: w * log2(K), "h * w tokens", "h * w 个"),
    "nats": (lambda h, w, K: h * w * log(K), "natural logarithm", "自然对数"),
    "rounded up": (lambda h, w, K: h * w * ceil(log2(K)), "round log2(K) up", "向上取整"),
    "something else": (lambda h, w, K: h + w, "it should be 96", "应为 96"),
    "text": (lambda h, w, K: "96 bits", "it should be 96", "应为 96"),
}


@pytest.mark.parametrize("answer", BITS.values(), ids=BITS)
def test_bits_per_image_is_accepted(answer, capsys):
    ch04.check_bits_per_image(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_BITS.values(), ids=WRONG_BITS)
def test_mistake_in_bits_per_image_is_named(answer, en, zh):
    mistake = mistake_of(ch04.check_bits_per_image, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 4.2 compression ratio ----------------------------------------------------------------------


def ratio(size, C, f, K):
    return size * size * C * 8 / ((size // f) ** 2 * log2(K))


WRONG_RATIOS = {
    "unfinished": (lambda size, C, f, K: None, "returns nothing yet", "还没有返回值"),
    "no 8": (lambda *a: ratio(*a) / 8, "that factor is missing", "少乘了这个 8"),
    "numbers, not bits": (
        lambda size, C, f, K: size * size * C / (size // f) ** 2,
        "Compare bits",
        "要比较比特",
    ),
    "no channels": (lambda size, C, f, K: ratio(size, 1, f, K), "channels", "漏了通道"),
    "f once": (lambda size, C, f, K: ratio(size, C, f, K) / f, "falls by f²", "除以 f²"),
    "no f": (lambda size, C, f, K: ratio(size, C, 1, K), "f is not used", "没有用到 f"),
    "K": (lambda size, C, f, K: ratio(size, C, f, 2**K), "bits, not K", "而不是 K 比特"),
    "nats": (lambda *a: ratio(*a) / log(2), "natural logarithm", "自然对数"),
    "upside down": (lambda *a: 1 / ratio(*a), "Upside down", "除反了"),
    "something else": (lambda size, C, f, K: size, "it should be 42.6", "应为 42.6"),
}


def test_compression_ratio_is_accepted(capsys):
    ch04.check_compression_ratio(ratio)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_RATIOS.values(), ids=WRONG_RATIOS)
def test_mistake_in_the_ratio_is_named(answer, en, zh):
    mistake = mistake_of(ch04.check_compression_ratio, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 4.3 perplexity -----------------------------------------------------------------------------


def probabilities(counts):
    p = counts.double() / counts.sum()
    return p[p > 0]


def nats(counts):
    p = probabilities(counts)
    return -(p * p.log()).sum()


def unnormalised(counts):
    n = counts[counts > 0].double()
    return torch.exp(-(n * n.log()).sum())


def with_zeros(counts):
    p = counts.double() / counts.sum()
    return torch.exp(-(p * p.log()).sum())


PERPLEXITIES = {
    "vqlib's": perplexity,
    "nats": lambda counts: torch.exp(nats(counts)),
    "bits": lambda counts: 2 ** (nats(counts) / log(2)).item(),
    "float32": lambda counts: torch.exp(torch.special.entr(counts / counts.sum()).sum()),
    "an epsilon": lambda counts: torch.exp(
        -(counts / counts.sum() * (counts / counts.sum() + 1e-10).log()).sum()
    ),
}
WRONG_PERPLEXITIES = {
    "unfinished": (lambda counts: ..., "returns nothing yet", "还没有返回值"),
    "nan": (with_zeros, "gives nan", "得到 nan"),
    "log2 with exp": (lambda c: exp(nats(c) / log(2)), "exp wants nats", "exp 需要奈特"),
    "log with 2 **": (lambda c: 2 ** nats(c).item(), "wants bits", "需要比特"),
    "not normalised": (unnormalised, "not normalised", "没有归一化"),
    "entropy": (nats, "That is the entropy", "这是熵"),
    "no sign": (lambda c: torch.exp(-nats(c)), "The sign is missing", "漏了负号"),
    "mean": (lambda c: torch.exp(nats(c) / len(c)), "not a mean", "不是求平均"),
    "usage": (lambda c: (c > 0).sum(), "codes that occur", "出现过的编码"),
    "one per code": (lambda c: c / c.sum(), "return one number", "返回一个数"),
    "something else": (lambda c: c.max(), "it should be", "应为"),
}


@pytest.mark.parametrize("answer", PERPLEXITIES.values(), ids=PERPLEXITIES)
def test_perplexity_is_accepted(answer, capsys):
    ch04.check_perplexity(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "en", "zh"), WRONG_PERPLEXITIES.values(), ids=WRONG_PERPLEXITIES
)
def test_mistake_in_perplexity_is_named(answer, en, zh):
    mistake = mistake_of(ch04.check_perplexity, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 4.4 doubling f, doubling K -----------------------------------------------------------------


def predict(h, w, K, *, f=lambda b, n: b / 4, codes=lambda b, n: b + n, same=lambda K: K**4):
    """The right answer, or one with a part replaced: functions of bits b and tokens n, or of K."""
    bits = h * w * log2(K)
    return f(bits, h * w), codes(bits, h * w), same(K)


def with_wrong(**part):
    return lambda h, w, K: predict(h, w, K, **part)


WRONG_PREDICTIONS = {
    "unfinished": (lambda h, w, K: None, "returns nothing yet", "还没有返回值"),
    "one number": (lambda h, w, K: 24.0, "Return three numbers", "返回三个数"),
    "f halves": (with_wrong(f=lambda b, n: b / 2), "a quarter of the tokens", "只剩四分之一"),
    "f adds": (with_wrong(f=lambda b, n: 4 * b), "fewer tokens, not more", "而不是越多"),
    "f does nothing": (with_wrong(f=lambda b, n: b), "how many tokens", "决定词元有多少个"),
    "K doubles": (with_wrong(codes=lambda b, n: 2 * b), "inside the logarithm", "在对数里面"),
    "one bit": (with_wrong(codes=lambda b, n: b + 1), "Every token costs", "每个词元都多花"),
    "K does nothing": (with_wrong(codes=lambda b, n: b), "cost more bits", "要花的比特也多"),
    "4K": (with_wrong(same=lambda K: 4 * K), "add 2 bits", "只多 2 比特"),
    "2K": (with_wrong(same=lambda K: 2 * K), "add one bit", "只多 1 比特"),
    "K²": (with_wrong(same=lambda K: K * K), "twice its bits", "2 倍的比特"),
    "exchanged": (
        lambda h, w, K: (predict(h, w, K)[1], predict(h, w, K)[0], K**4),
        "it should be 24",
        "应为 24",
    ),
}


def test_right_prediction_is_accepted(capsys):
    ch04.check_predict(predict)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_PREDICTIONS.values(), ids=WRONG_PREDICTIONS)
def test_wrong_prediction_is_named(answer, en, zh):
    mistake = mistake_of(ch04.check_predict, answer)
    assert en in mistake.en
    assert zh in mistake.zh
