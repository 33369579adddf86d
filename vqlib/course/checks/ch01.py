"""Checks of chapter 1, *Why not let a transformer draw the pixels?*"""

from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import torch
from torch import Tensor

from vqlib.compress import VQVAE, AutoencoderConfig, VQVAEConfig
from vqlib.course.checks.cases import cases
from vqlib.course.checks.report import (
    Mistake,
    close,
    compare,
    correct,
    require,
    require_whole,
    run,
)
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


def check_compare_costs(
    answer: Callable[[int, int], tuple[int, int, int]], *, seed: int = 0
) -> None:
    """Exercise 1.2: positions as pixels, as tokens, and how many times more pairs."""
    for size, f in cases(seed, ((1024, 16), (256, 16), (32, 8)), _sizes):
        asked = f"compare_costs({size}, {f})"
        got = run(answer, size, f)
        require(
            isinstance(got, tuple | list) and len(got) == 3,
            f"{asked} gives {got}. Return three numbers: pixels, tokens, ratio.",
            f"{asked} 得到 {got}。要返回三个数：像素数、词元数、倍数。",
        )
        pixels, tokens, ratio = got
        _compare_counts(pixels, tokens, size, f, asked)
        _compare_ratio(ratio, f, asked)
    correct()


def check_draw_new_images(answer: Draw, *, seed: int = 0) -> None:
    """Exercise 1.3: stage 2, then the decoder of stage 1."""
    codec, prior = _pretrained()
    (labels,) = cases(seed, [[3, 0, 7, 7, 1]], lambda draw: [draw.sample(range(10), 4)])
    _compare_drawn(answer, codec, prior, torch.tensor(labels), seed + 1)
    _check_other_grid(answer, seed)
    correct()


@cache
def _pretrained() -> tuple[VQVAE, GPT]:
    with torch.random.fork_rng(devices=[]):
        return load_pretrained("digits_vqvae"), load_pretrained("digits_gpt")


def _sizes(draw: Random) -> list[tuple[int, int]]:
    """Three sides of images, each with an f that divides it."""
    factors = [draw.randint(2, 16) for _ in range(3)]
    return [(f * draw.randint(2, 20), f) for f in factors]


def _compare_counts(pixels: Any, tokens: Any, size: int, f: int, asked: str) -> None:
    channels = (
        3 * size * size,
        "Count positions, not channels: one per pixel.",
        "数的是位置，不是通道：每个像素算一个。",
    )
    one_side = (size, "That is one side: square it.", "这只是一条边：还要平方。")
    compare(pixels, size * size, [channels, one_side], f"{asked}[0]")
    one_side = (size // f, "That is one side: square it.", "这只是一条边：还要平方。")
    once = (
        size * size // f,
        "f shortens the height and the width: divide by f twice.",
        "高和宽都要缩小为 1/f：应当除以 f 两次。",
    )
    compare(tokens, (size // f) ** 2, [one_side, once], f"{asked}[1]")


def _compare_ratio(ratio: Any, f: int, asked: str) -> None:
    mistakes = [
        (
            f**2,
            "That is how many times more positions; pairs grow as their square.",
            "这是位置数的倍数；位置对的个数随位置数的平方增长。",
        ),
        (
            f,
            "That is how many times longer one side is; square it for positions, again for pairs.",
            "这是边长的倍数；平方一次得到位置数之比，再平方一次才是位置对之比。",
        ),
        (
            f**-4,
            "Upside down: divide the pairs of the pixels by those of the tokens.",
            "除反了：应当用像素的位置对除以词元的位置对。",
        ),
    ]
    compare(ratio, f**4, mistakes, f"{asked}[2]")


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
