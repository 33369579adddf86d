"""Checks of chapter 1, *Why not let a transformer draw the pixels?*"""

from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import torch
from torch import Tensor

from vqlib.compress import VQVAE, AutoencoderConfig, VQVAEConfig
from vqlib.course.checks.cases import cases
from vqlib.course.checks.diagnosis import judge
from vqlib.course.checks.report import (
    Mistake,
    close,
    compare,
    correct,
    require,
    require_whole,
    run,
)
from vqlib.course.experiments import experiment_record
from vqlib.course.pretrained import load_pretrained
from vqlib.generate import GPT, ClassCondition, GPTConfig

Draw = Callable[[VQVAE, GPT, Tensor, int], Tensor]


def check_num_tokens(answer: Callable[[int, int], int], *, seed: int = 0) -> None:
    """Exercise 1.1: tokens of a square image."""
    for size, f in cases(seed, ((256, 16), (32, 8), (96, 4)), _sizes):
        side, expected = size // f, (size // f) ** 2
        mistakes = [
            (
                side,
                "That is one side of the grid: square it.",
                "这只是网格的一条边：还要平方。",
            ),
            (
                size * size // f,
                "f shortens the height and the width: divide by f twice.",
                "高和宽都要缩小为 1/f：应当除以 f 两次。",
            ),
            (
                size * size,
                "Those are the pixels: f is not used.",
                "这是像素数：还没有用到 f。",
            ),
        ]
        got = run(answer, size, f)
        compare(got, expected, mistakes, f"num_tokens({size}, {f})")
        require_whole(got, f"num_tokens({size}, {f})")
    correct()


def check_attention_pairs(answer: Callable[[int], int], *, seed: int = 0) -> None:
    """Exercise 1.1: pairs that causal attention computes."""
    for T in cases(seed, (4, 1, 16, 256), lambda draw: draw.sample(range(3, 300), 3)):
        mistakes = [
            (
                T * T,
                "That counts the future too: position t sees only positions up to t.",
                "这把未来的位置也算进去了：位置 t 只能看到不晚于 t 的位置。",
            ),
            (
                T * (T - 1) // 2,
                "Every position also sees itself: add the diagonal.",
                "每个位置也能看到自己：还要加上对角线。",
            ),
            (
                T * (T + 1),
                "Twice too many: each pair is counted two times.",
                "多了一倍：每一对都数了两次。",
            ),
            (
                T,
                "That is the last row alone: add up the rows of all positions.",
                "这只是最后一行：要把所有位置的行加起来。",
            ),
        ]
        got = run(answer, T)
        compare(got, T * (T + 1) // 2, mistakes, f"attention_pairs({T})")
        require_whole(got, f"attention_pairs({T})")
    correct()


def check_block_cost(answer: Callable[[int, int], tuple[int, int]], *, seed: int = 0) -> None:
    """Exercise 1.2: multiplications of a transformer block, in its layers and in its attention."""
    for T, C in cases(seed, ((16, 64), (1024, 64), (256, 1024)), _lengths_and_widths):
        asked = f"block_cost({T}, {C})"
        got = run(answer, T, C)
        require(
            isinstance(got, tuple | list) and len(got) == 2,
            f"{asked} gives {got}. Return two numbers: layers, attention.",
            f"{asked} 得到 {got}。要返回两个数：各层、注意力。",
        )
        _compare_layers(got[0], T, C, asked)
        _compare_attention(got[1], T, C, asked)
    correct()


def check_draw_new_images(answer: Draw, *, seed: int = 0) -> None:
    """Exercise 1.3: stage 2, then the decoder of stage 1."""
    codec, prior = _pretrained()
    (labels,) = cases(seed, [[3, 0, 7, 7, 1]], lambda draw: [draw.sample(range(10), 4)])
    _compare_drawn(answer, codec, prior, torch.tensor(labels), seed + 1)
    _check_other_grid(answer, seed)
    correct()


FAULTS = {
    "healthy": "nothing is wrong",
    "labels_shuffled": "the transformer learned from tokens with other pictures' labels",
    "other_codec": "another codec decodes than the one whose tokens the transformer learned",
    "columns_first": "the grid was read column by column when drawing",
    "too_short": "the transformer had 20 steps",
}
TRUTH = {"A": "other_codec", "B": "columns_first", "C": "labels_shuffled", "D": "healthy"}
# What in the numbers of the program with this fault speaks against every other name.
AGAINST = {
    "other_codec": (
        "its transformer predicts held-out tokens as well as any here, and no reading of its "
        "pictures, upright or turned, shows digits",
        "它的 Transformer 预测留出词元的本事不比别的差，而它的图不论正着看还是转着看，都不是数字",
    ),
    "columns_first": (
        "its pictures are not recognised as they are, but they are with rows and columns exchanged",
        "它的图照原样认不出，行列对调以后却认得出",
    ),
    "labels_shuffled": (
        "it predicts held-out tokens worse than the others, though not as badly as one that has "
        "learned nothing, and neither reading shows what was asked for",
        "它预测留出词元比别的差，又没有差到什么都没学会的地步，而且正着看、转着看都不是所要的数字",
    ),
    "healthy": (
        "it predicts as well as the best, and most of its pictures show what was asked for",
        "它预测得和最好的一样，画出的图大多正是所要的数字",
    ),
}


def check_faults(answer: Any, *, seed: int = 0) -> None:
    """Exercise 1.3: what is wrong with each program; `seed` changes nothing, the logs are fixed."""
    judge(answer, TRUTH, FAULTS, lambda log, said: AGAINST[TRUTH[log]])


PROGRAMS = {"A": 0, "B": 1, "C": 2, "D": 2}  # with which seed of the experiment each was trained


def logs() -> dict[str, dict[str, float]]:
    """What is known of each program: its transformer's surprise, and two shares of its pictures.

    Nats for each held-out token with its class; per cent of 400 pictures in which a classifier sees
    the digit that was asked for, as they are and with rows and columns exchanged.
    """
    parts = experiment_record("two_stages")["parts"]
    return {
        name: {
            key: parts[f"seed {seed}"]["found"][f"{TRUTH[name]}_{key}"]
            for key in ("nats", "share", "turned")
        }
        for name, seed in PROGRAMS.items()
    }


STATED = {"other": 40.0, "tuned": 40.0}
"""The prediction with which book and tests run the lab."""


@cache
def _pretrained() -> tuple[VQVAE, GPT]:
    with torch.random.fork_rng(devices=[]):
        return load_pretrained("digits_vqvae"), load_pretrained("digits_gpt")


def _sizes(draw: Random) -> list[tuple[int, int]]:
    """Three sides of images, each with an f that divides it."""
    factors = [draw.randint(2, 16) for _ in range(3)]
    return [(f * draw.randint(2, 20), f) for f in factors]


def _lengths_and_widths(draw: Random) -> list[tuple[int, int]]:
    return [(draw.randint(3, 900), 8 * draw.randint(2, 64)) for _ in range(3)]


def _compare_layers(layers: Any, T: int, C: int, asked: str) -> None:
    mistakes = [
        (
            12 * C * C,
            "That is one position; every position passes through the layers: times T.",
            "这是一个位置的；每个位置都要经过各层：还要乘以 T。",
        ),
        (
            8 * T * C * C,
            "The four projections of attention (queries, keys, values, output) are missing: 4·C².",
            "少了注意力的四个投影（查询、键、值、输出）：4·C²。",
        ),
        (
            4 * T * C * C,
            "The perceptron is missing: C → 4C and 4C → C are 8·C².",
            "少了感知机：C → 4C 和 4C → C，共 8·C²。",
        ),
        (
            8 * T * C * C + T * C * C,
            "Attention has four projections, not one: queries, keys, values and the output.",
            "注意力有四个投影，不是一个：查询、键、值，还有输出。",
        ),
        (
            11 * T * C * C,
            "Attention has a fourth projection, of its output.",
            "注意力还有第四个投影：输出。",
        ),
        (
            6 * T * C * C,
            "The perceptron is four times as wide inside: C → 4C and 4C → C.",
            "感知机的中间是四倍宽：C → 4C，4C → C。",
        ),
        (
            12 * T * C,
            "A layer from C numbers to C numbers has C² weights, not C.",
            "从 C 个数到 C 个数的一层有 C² 个权重，不是 C 个。",
        ),
    ]
    compare(layers, 12 * T * C * C, mistakes, f"{asked}[0]")


def _compare_attention(attention: Any, T: int, C: int, asked: str) -> None:
    right = T * (T + 1) * C
    mistakes = [
        (
            2 * T * T * C,
            "That counts the future too: a causal pair has s ≤ t, T(T + 1)/2 of them.",
            "这把未来的位置也算进去了：因果的位置对满足 s ≤ t，共 T(T + 1)/2 对。",
        ),
        (
            right // 2,
            "A pair costs twice: once for the product of query and key, once to add up the value.",
            "一对要算两次：查询和键的内积一次，把值加起来又一次。",
        ),
        (
            T * T * C,
            "Two mistakes that nearly cancel: causal pairs are T(T + 1)/2, and each costs 2·C.",
            "两个错误几乎抵消：因果的位置对是 T(T + 1)/2，每对要 2·C 次。",
        ),
        (
            T * (T - 1) * C,
            "Every position also sees itself: add the diagonal.",
            "每个位置也能看到自己：还要加上对角线。",
        ),
        (
            T * (T + 1),
            "A pair compares vectors of C numbers: times C.",
            "一对比较的是 C 维的向量：还要乘以 C。",
        ),
        (
            12 * T * C * C,
            "The two numbers are exchanged: layers first.",
            "两个数的顺序反了：先是各层。",
        ),
    ]
    compare(attention, right, mistakes, f"{asked}[1]")


class _WatchedCodec:
    """A codec that looks at what it is asked to decode and names what is wrong with it."""

    def __init__(self, codec: VQVAE):
        self._codec = codec

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codec, name)

    def decode(self, tokens: Any) -> Tensor:
        require(
            not (isinstance(tokens, Tensor) and tokens.is_floating_point()),
            "decode was given floating-point numbers (logits or probabilities). It takes tokens: "
            "let sample draw them.",
            "传给 decode 的是浮点数（logits 或概率）。它需要的是词元：请用 sample 采样得到词元。",
        )
        require(
            isinstance(tokens, Tensor) and tokens.ndim == 3,
            f"decode was given a tensor of shape {_shape(tokens)}, it takes a grid (B, h, w): "
            "reshape the sequence first.",
            f"传给 decode 的张量形状是 {_shape(tokens)}，它需要网格 (B, h, w)：先给序列变形。",
        )
        return self._codec.decode(tokens)


def _shape(value: Any) -> tuple[int, ...] | str:
    return tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__


def _draw(answer: Draw, codec: VQVAE, prior: GPT, labels: Tensor, seed: int) -> Tensor:
    """The learner's images, if they are images at all."""
    images = run(answer, _WatchedCodec(codec), prior, labels, seed)
    require(
        isinstance(images, Tensor) and images.is_floating_point(),
        "The result holds no images: tokens become an image through codec.decode.",
        "返回的不是图像：词元要经过 codec.decode 才变成图像。",
    )
    return images


def _grid(tokens: Tensor, codec: VQVAE) -> Tensor:
    return tokens.view(-1, codec.config.grid_size, codec.config.grid_size)


def _compare_drawn(answer: Draw, codec: VQVAE, prior: GPT, labels: Tensor, seed: int) -> None:
    images = _draw(answer, codec, prior, labels, seed)
    tokens = prior.sample(labels, seed=seed)
    expected = codec.decode(_grid(tokens, codec))
    require(
        images.shape == expected.shape,
        f"The result has shape {_shape(images)}; {len(labels)} labels should give "
        f"{_shape(expected)}.",
        f"结果的形状是 {_shape(images)}；{len(labels)} 个标签应当得到 {_shape(expected)}。",
    )
    if not close(images, expected, atol=1e-4):
        transposed = codec.decode(_grid(tokens, codec).transpose(1, 2))
        require(
            not close(images, transposed, atol=1e-4),
            "Rows and columns are exchanged: tokens come row by row, view(B, h, w) needs no "
            "transpose.",
            "行和列弄反了：词元是逐行排列的，用 view(B, h, w) 即可，不需要转置。",
        )
        _name_difference(answer, codec, prior, labels, seed, images)


def _name_difference(
    answer: Draw, codec: VQVAE, prior: GPT, labels: Tensor, seed: int, images: Tensor
) -> None:
    """Raise the mistake that explains why the images are not the expected ones."""
    other_seed = _draw(answer, codec, prior, labels, seed + 1)
    require(
        not torch.equal(images, other_seed),
        "Every seed gives the same images: pass seed=seed to sample, and draw each token at random "
        "instead of taking the most likely one.",
        "换了种子，图像却不变：要把 seed=seed 传给 sample；"
        "每个词元要随机采样，不能总取概率最大的。",
    )
    other_labels = _draw(answer, codec, prior, (labels + 1) % 10, seed)
    require(
        not torch.equal(images, other_labels),
        "Other labels give the same images: pass labels to sample, they are the condition.",
        "换了标签，图像却不变：要把 labels 传给 sample，它们就是约束。",
    )
    raise Mistake(
        "These are not the images that sample, a reshape and decode give with this seed: use "
        "temperature 1 and no top-k.",
        "用这个种子依次做 sample、变形、decode，得到的不是这些图像：温度取 1，不用 top-k。",
    )


def _check_other_grid(answer: Draw, seed: int) -> None:
    """An untrained codec with another grid: its size must not be written down as a number."""
    (side,) = cases(seed, [3], lambda draw: [draw.choice((2, 3, 5))])
    codec, prior = _untrained(side, seed)
    labels = torch.arange(5)
    try:
        images = _draw(answer, codec, prior, labels, seed)
    except RuntimeError:  # a view that does not fit
        images = torch.empty(0)
    expected = codec.decode(_grid(prior.sample(labels, seed=seed), codec))
    require(
        close(images, expected, atol=1e-4),
        f"Right for 4×4 tokens, not for {side}×{side}: read the side from codec.config.grid_size.",
        f"4×4 个词元时正确，换成 {side}×{side} 的模型就错了："
        "边长要从 codec.config.grid_size 读取。",
    )


def _untrained(side: int, seed: int) -> tuple[VQVAE, GPT]:
    """Small models for side × side tokens; the learner's random numbers stay as they are."""
    small = AutoencoderConfig(
        image_channels=1, hidden_channels=8, res_channels=8, num_res_blocks=1, num_downsamplings=2,
        code_dim=4,
    )  # fmt: skip
    config = GPTConfig(8, (side, side), ClassCondition(10), num_layers=1, num_heads=1, width=8)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        codec = VQVAE(VQVAEConfig(small, num_codes=8, image_size=4 * side))
        return codec.eval(), GPT(config).eval()
