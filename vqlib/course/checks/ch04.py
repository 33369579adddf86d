"""Checks of chapter 4, *How few numbers can hold a picture?*"""

from collections.abc import Callable
from math import ceil, exp, isnan, log, log2
from random import Random

import torch
from torch import Tensor

from vqlib.course.checks.cases import cases
from vqlib.course.checks.report import compare, correct, number, require, run


def check_bits_per_image(answer: Callable[[int, int, int], float], *, seed: int = 0) -> None:
    """Exercise 4.1: h·w tokens of log₂ K bits each."""
    for h, w, K in cases(seed, ((4, 4, 64), (8, 8, 512), (3, 5, 1000)), _grids):
        mistakes = [
            (
                h * w * K,
                "A token out of K codes costs log2(K) bits, not K.",
                "从 K 个编码里选一个，要 log2(K) 比特，而不是 K 比特。",
            ),
            (
                log2(K),
                "That is one token. There are h * w of them.",
                "这只是一个词元的比特数。词元一共有 h * w 个。",
            ),
            (
                h * log2(K),
                "That is one column of the grid: there are h * w tokens.",
                "这只是网格的一列：词元一共有 h * w 个。",
            ),
            (
                w * log2(K),
                "That is one row of the grid: there are h * w tokens.",
                "这只是网格的一行：词元一共有 h * w 个。",
            ),
            (
                h * w * log(K),
                "That is counted in nats: log is the natural logarithm, bits need log2.",
                "这样算出来的单位是奈特：log 是自然对数，比特要用 log2。",
            ),
            (
                h * w * ceil(log2(K)),
                "You round log2(K) up, as a code of fixed length has to. Leave it as it is.",
                "你把 log2(K) 向上取整了，定长编码才需要这样。这里不取整。",
            ),
        ]
        got = run(answer, h, w, K)
        compare(got, h * w * log2(K), mistakes, f"bits_per_image({h}, {w}, {K})")
    correct()


def _grids(draw: Random) -> list[tuple[int, int, int]]:
    """Sides of a grid, even ones, and a number of codes that is no power of two."""
    evens = range(2, 21, 2)
    return [(*draw.sample(evens, 2), 2 * draw.randint(10, 1000) + 1) for _ in range(3)]


def check_compression_ratio(
    answer: Callable[[int, int, int, int], float], *, seed: int = 0
) -> None:
    """Exercise 4.2: bits of the pixels over bits of the tokens."""
    shown = ((128, 3, 4, 512), (32, 1, 8, 64), (256, 3, 16, 1024))
    for size, C, f, K in cases(seed, shown, _codecs):
        pixels, tokens = size * size * C, (size // f) ** 2
        right = 8 * pixels / (tokens * log2(K))
        mistakes = [
            (
                pixels / (tokens * log2(K)),
                "A pixel of one channel has 8 bits: that factor is missing.",
                "一个像素的一个通道占 8 比特：少乘了这个 8。",
            ),
            (
                pixels / tokens,
                "You compare how many numbers there are. Compare bits: 8 for each pixel and "
                "channel, log2(K) for each token.",
                "你比较的是数的个数。要比较比特："
                "每个像素的每个通道 8 比特，每个词元 log2(K) 比特。",
            ),
            (
                right / C,
                "The channels are missing: a colour pixel has three numbers.",
                "漏了通道：彩色图像的一个像素有三个数。",
            ),
            (
                right / f,
                "f shortens the height and the width: the number of tokens falls by f².",
                "f 同时缩短高和宽：词元数要除以 f²。",
            ),
            (
                right / f**2,
                "f is not used: there are (image_size / f)² tokens.",
                "没有用到 f：词元一共有 (image_size / f)² 个。",
            ),
            (
                8 * pixels / (tokens * K),
                "A token out of K codes costs log2(K) bits, not K.",
                "从 K 个编码里选一个，要 log2(K) 比特，而不是 K 比特。",
            ),
            (
                8 * pixels / (tokens * log(K)),
                "log is the natural logarithm, bits need log2.",
                "log 是自然对数，比特要用 log2。",
            ),
            (
                1 / right,
                "Upside down: divide the bits of the pixels by those of the tokens.",
                "除反了：应当用像素的比特数除以词元的比特数。",
            ),
        ]
        got = run(answer, size, C, f, K)
        compare(got, right, mistakes, f"compression_ratio({size}, {C}, {f}, {K})")
    correct()


def _codecs(draw: Random) -> list[tuple[int, int, int, int]]:
    """(image_size, channels, f, num_codes)."""
    factors = [draw.randint(2, 16) for _ in range(3)]
    return [
        (f * draw.randint(2, 20), C, f, draw.randint(20, 2000))
        for f, C in zip(factors, (3, 1, 4), strict=True)
    ]


def check_perplexity(answer: Callable[[Tensor], float], *, seed: int = 0) -> None:
    """Exercise 4.3: exp of the entropy of the code frequencies."""
    shown = ([5, 2, 1], [5, 5, 5, 5], [6, 2, 0, 0], [0, 0, 9], [4, 0, 1, 1, 2])
    for counts in cases(seed, shown, _counts):
        asked = f"perplexity(torch.tensor({counts}))"
        got = run(answer, torch.tensor(counts))
        require(
            not isnan(number(got)),
            f"{asked} gives nan: 0 · log 0 is nan in floating point. A code that never occurs "
            "adds 0 to the entropy: leave it out.",
            f"{asked} 得到 nan：在浮点数里 0 · log 0 是 nan。"
            "从未出现的编码对熵的贡献是 0：把它去掉。",
        )
        compare(got, exp(_nats(counts)), _perplexity_mistakes(counts), asked)
    correct()


def _counts(draw: Random) -> list[list[int]]:
    """Counts of 3 to 8 codes: all of them in use, and some not."""
    in_use = [[draw.randint(1, 20) for _ in range(draw.randint(3, 8))] for _ in range(3)]
    return [*in_use, [*in_use[0], 0], [0, *in_use[1], 0, 0]]


def check_predict(
    answer: Callable[[int, int, int], tuple[float, float, float]], *, seed: int = 0
) -> None:
    """Exercise 4.4: bits with 2f, bits with 2K, and the K that pays for 2f."""
    for h, w, K in cases(seed, ((4, 4, 64), (8, 8, 16), (6, 2, 512)), _grids):
        asked = f"predict({h}, {w}, {K})"
        got = run(answer, h, w, K)
        require(
            isinstance(got, tuple | list) and len(got) == 3,
            f"{asked} gives {got}. Return three numbers: bits_2f, bits_2K, same_bits_K.",
            f"{asked} 得到 {got}。要返回三个数：bits_2f、bits_2K、same_bits_K。",
        )
        before = h * w * log2(K)
        compare(got[0], before / 4, _doubled_f_mistakes(before), f"{asked}[0]")
        compare(got[1], before + h * w, _doubled_codes_mistakes(before), f"{asked}[1]")
        compare(got[2], K**4, _same_bits_mistakes(K), f"{asked}[2]")
    correct()


def _nats(counts: list[int]) -> float:
    """Entropy of the frequencies."""
    total = sum(counts)
    return -sum(n / total * log(n / total) for n in counts if n)


def _perplexity_mistakes(counts: list[int]) -> list[tuple[float | int, str, str]]:
    nats, used = _nats(counts), sum(n > 0 for n in counts)
    return [
        (
            exp(nats / log(2)),
            "Two bases are mixed: with log2 the entropy is in bits, and exp wants nats. "
            "Take log with exp, or log2 with 2 ** entropy.",
            "混用了两种底：用 log2 算出的熵以比特为单位，而 exp 需要奈特。"
            "log 配 exp，log2 配 2 ** 熵。",
        ),
        (
            2**nats,
            "Two bases are mixed: with log the entropy is in nats, and 2 ** entropy wants bits. "
            "Take log with exp, or log2 with 2 ** entropy.",
            "混用了两种底：用 log 算出的熵以奈特为单位，而 2 ** 熵 需要比特。"
            "log 配 exp，log2 配 2 ** 熵。",
        ),
        (
            _exp(-sum(n * log(n) for n in counts if n)),
            "The counts are not normalised: divide them by their sum first.",
            "计数没有归一化：先除以它们的总和。",
        ),
        (
            nats,
            "That is the entropy. The perplexity is its exp.",
            "这是熵。困惑度是熵的 exp。",
        ),
        (
            exp(-nats),
            "The sign is missing: the entropy is −Σ p log p.",
            "漏了负号：熵是 −Σ p log p。",
        ),
        (
            exp(nats / len(counts)),
            "The entropy is a sum over the codes, not a mean.",
            "熵是对所有编码求和，不是求平均。",
        ),
        (
            used,
            "That counts the codes that occur. A rare code counts less than a frequent one.",
            "这是出现过的编码的个数。少见的编码应当比常见的算得少。",
        ),
    ]


def _doubled_f_mistakes(before: float) -> list[tuple[float | int, str, str]]:
    return [
        (
            before / 2,
            "Doubling f halves the height and the width of the grid: a quarter of the tokens.",
            "f 加倍，网格的高和宽都减半：词元只剩四分之一。",
        ),
        (
            before * 4,
            "A larger f means fewer tokens, not more.",
            "f 越大，词元越少，而不是越多。",
        ),
        (
            before,
            "f decides how many tokens there are: the bits change with it.",
            "f 决定词元有多少个：比特数会跟着变。",
        ),
    ]


def _doubled_codes_mistakes(before: float) -> list[tuple[float | int, str, str]]:
    return [
        (
            before * 2,
            "K stands inside the logarithm: log2(2K) = log2(K) + 1.",
            "K 在对数里面：log2(2K) = log2(K) + 1。",
        ),
        (
            before + 1,
            "Every token costs one bit more, not only one of them.",
            "每个词元都多花一比特，而不是只有一个词元多花。",
        ),
        (
            before,
            "More codes to choose from cost more bits per token.",
            "可选的编码多了，每个词元要花的比特也多。",
        ),
    ]


def _same_bits_mistakes(K: int) -> list[tuple[float | int, str, str]]:
    return [
        (
            4 * K,
            "Four times as many codes add 2 bits to a token; it has to carry 4 times its bits.",
            "编码数变成 4 倍，每个词元只多 2 比特；而它要承担的是原来 4 倍的比特。",
        ),
        (
            K**2,
            "With K² codes a token carries twice its bits. It has to carry 4 times as many, "
            "because a quarter of the tokens is left.",
            "有 K² 个编码时，一个词元承担原来 2 倍的比特。词元只剩四分之一，所以每个要承担 4 倍。",
        ),
        (
            2 * K,
            "Twice as many codes add one bit to a token; it has to carry 4 times its bits.",
            "编码数加倍，每个词元只多 1 比特；而它要承担的是原来 4 倍的比特。",
        ),
    ]


def _exp(x: float) -> float:
    return exp(min(x, 700.0))
