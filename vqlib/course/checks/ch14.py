"""Checks of chapter 14, *How do you tell a GPT where the lake goes?*, and what its lab says."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn import functional as F

from vqlib.course.checks.cases import cases
from vqlib.course.checks.diagnosis import judge
from vqlib.course.checks.report import Mistake, close, correct, require, run

# --- what the stubs of the lesson make ------------------------------------------------------------


def sequence(
    r: Int[Tensor, "B h_r w_r"], s: Int[Tensor, "B h w"], K: int
) -> tuple[Int[Tensor, "B S"], Int[Tensor, "B S"]]:
    """A map and a picture as one sequence of S = P + T − 1 places, with one table for both.

    Args:
        r: tokens of the map.
        s: tokens of the picture.
        K: codes of the picture. They keep their numbers; those of the map count on from K.

    Returns:
        what is read, and what is to be said at each place; −100 where that is a part of the map.
    """
    given, said = r.flatten(1) + K, s.flatten(1)
    nothing = torch.full_like(given[:, 1:], -100)
    return torch.cat([given, said[:, :-1]], dim=1), torch.cat([nothing, said], dim=1)


def prefix_mask(P: int, t: int) -> Bool[Tensor, "S S"]:
    """Who sees whom, row by row, where the P ids of a prefix all see one another.

    Args:
        P: ids of the prefix.
        t: tokens behind it; each sees the prefix, the tokens before it, and itself.
    """
    mask = torch.ones(P + t, P + t, dtype=torch.bool).tril()
    mask[:P, :P] = True
    return mask


# --- Exercise 14.1 ------------------------------------------------------------------------------

Shape = tuple[int, int, int, int, int]
"""B, H, W, g, L."""


def check_shrink(answer: Callable[[Tensor, int, int], Any], *, seed: int = 0) -> None:
    """Exercise 14.1: a label map g times smaller, by the vote of each block."""
    shown = [(2, 6, 9, 3, 5), (3, 8, 12, 4, 8), (2, 8, 8, 2, 6), (1, 10, 5, 5, 3)]
    for number, (B, H, W, g, L) in enumerate(cases(seed, shown, _shapes)):
        labels = _blocks(100 * seed + number, (B, H, W, g, L))
        right = _shrink(labels, g, L)
        what = f"shrink(labels, {g}, {L}), labels {B} × {H} × {W}"
        got = _label_map(run(answer, labels, g, L), labels, right, what)
        if torch.equal(got.long(), right):
            require(
                got.dtype == torch.int64,
                f"{what}: the labels are right, but they are {got.dtype}; labels are int64.",
                f"{what}：标签都对，但类型是 {got.dtype}；标签应为 int64。",
            )
            continue
        for wrong, en, zh in _shrink_mistakes(labels, g, L):
            if close(got, wrong):
                raise Mistake(f"{what}: {en}", f"{what}：{zh}")
        share = (got.double() != right.double()).double().mean().item()
        raise Mistake(
            f"{what}: {share:.0%} of the labels are not those with most votes.",
            f"{what}：有 {share:.0%} 的标签不是得票最多的。",
        )
    correct()


def _shapes(draw: Random) -> list[Shape]:
    """Maps of several sizes; with g = 2 and many labels ties are frequent."""
    found = []
    for g in (3, 2, draw.randint(4, 6)):
        h, w = draw.sample(range(2, 6), 2)
        found.append((draw.randint(1, 3), h * g, w * g, g, draw.randint(4, 9)))
    return found


def _blocks(seed: int, shape: Shape) -> Int[Tensor, "B H W"]:
    """Maps of which each block has a label of its own, and about half its pixels any."""
    B, H, W, g, L = shape
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(L, (B, H // g, W // g), generator=generator)
    other = torch.randint(L, (B, H, W), generator=generator)
    mixed = torch.rand(B, H, W, generator=generator) < 0.55
    return torch.where(mixed, other, coarse.repeat_interleave(g, 1).repeat_interleave(g, 2))


def _votes(labels: Tensor, g: int, L: int) -> Int[Tensor, "B L h w"]:
    B, H, W = labels.shape
    one_hot = F.one_hot(labels, L).view(B, H // g, g, W // g, g, L)
    return one_hot.sum(dim=(2, 4)).permute(0, 3, 1, 2)


def _shrink(labels: Tensor, g: int, L: int) -> Int[Tensor, "B h w"]:
    votes = _votes(labels, g, L)
    ranked = votes * (L + 1) - torch.arange(L)[None, :, None, None]  # of two equal the smaller
    return ranked.argmax(1)


def _shrink_mistakes(labels: Tensor, g: int, L: int) -> Iterator[tuple[Tensor, str, str]]:
    B, H, W = labels.shape
    values, votes = labels.double()[:, None], _votes(labels, g, L)
    mean = F.avg_pool2d(values, g)[:, 0]
    between = (
        "that is the mean of the labels' numbers. Half sun and half mountain is not cloud: a mean "
        "of numbers invents labels. Count votes.",
        "这是标签编号的平均。一半太阳一半山，并不是云：对编号取平均会造出没有的标签。要数票。",
    )
    for rounded in (mean.round(), mean.floor(), mean):
        yield rounded, *between
    bilinear = F.interpolate(values, (H // g, W // g), mode="bilinear", align_corners=False)
    for mixed in (bilinear[:, 0].round(), bilinear[:, 0].floor()):
        yield (
            mixed,
            "that is bilinear interpolation, which takes the mean of labels' numbers. Count votes.",
            "这是双线性插值，等于对标签编号取平均。要数票。",
        )
    for at in (0, g // 2, g - 1):
        yield (
            labels[:, at::g, at::g],
            "that is one pixel of each block, the same one everywhere. Whatever is thinner than "
            "a block then depends on luck. Let all pixels of the block vote.",
            "这是每块里固定的一个像素。比一块还细的东西，留不留全凭运气。要让块里所有的像素投票。",
        )
    yield (
        F.max_pool2d(values, g)[:, 0],
        "that is the largest number in each block. Numbers of labels have no order; the most "
        "frequent one wins.",
        "这是每块里编号最大的。标签的编号没有大小之分，赢的应是出现最多的。",
    )
    yield (
        -F.max_pool2d(-values, g)[:, 0],
        "that is the smallest number in each block; it should only decide between equals.",
        "这是每块里编号最小的；编号只该在平票时起作用。",
    )
    rows = labels.view(B, H // g, g, W // g, g).transpose(2, 3).flatten(3)
    yield (
        rows.sort(dim=-1).values[..., (g * g - 1) // 2],
        "that is the median of the labels' numbers, which needs an order that labels do not have.",
        "这是标签编号的中位数，而中位数需要有大小顺序，标签没有。",
    )
    yield (
        L - 1 - votes.flip(1).argmax(1),
        "of two labels with equally many votes the smaller one wins; you take the larger.",
        "两个标签得票相同时，应取编号小的；你取了大的。",
    )
    strips = labels.reshape(B, H // g, W // g, g * g)
    yield (
        F.one_hot(strips, L).sum(-2).argmax(-1),
        "the pixels of a block lie in g rows, but you count g·g pixels that follow one another in "
        "memory. View as (B, h, g, w, g).",
        "一块的像素分布在 g 行里，你数的却是内存里相连的 g·g 个。应 view 成 (B, h, g, w, g)。",
    )


def _label_map(got: Any, labels: Tensor, right: Tensor, what: str) -> Tensor:
    if isinstance(got, Tensor) and got.ndim == 4 and got.shape[2:] == right.shape[1:]:
        raise Mistake(
            f"{what}: the result has the shape {tuple(got.shape)}. If these are the votes of each "
            "label, one step is missing: which label has most?",
            f"{what}：结果的形状是 {tuple(got.shape)}。如果这是各标签的票数，还差一步："
            "谁的票最多？",
        )
    if isinstance(got, Tensor) and got.shape == right.shape:
        return got.detach()
    if isinstance(got, Tensor) and got.shape == labels.shape:
        raise Mistake(
            f"{what}: the result is as large as the map. One label for each block is wanted.",
            f"{what}：结果和原来的图一样大。每一块只要一个标签。",
        )
    found = tuple(got.shape) if isinstance(got, Tensor) else type(got).__name__
    raise Mistake(
        f"{what} gives {found}; return a tensor of the shape {tuple(right.shape)}.",
        f"{what} 得到 {found}；要返回形状为 {tuple(right.shape)} 的张量。",
    )


# --- Exercise 14.2 ------------------------------------------------------------------------------

LOG_COLUMNS = ("run", "first", "train", "own", "other", "told", "mirrored", "turned")
# Five real runs: the GPT that draws digits from their 4 × 4 copies (1 block of width 48, 200 steps
# of 64 digits, seed 0), and the same with one thing wrong. NLL in nats per token of the picture;
# then the correlation of 100 drawn digits, made small, with the copy asked for, mirrored, turned.
LOGS = {
    "healthy": (4.17, 2.39, 2.58, 5.74, 0.97, 0.66, 0.06),
    "read_by_columns": (4.17, 2.39, 2.58, 5.74, 0.46, 0.46, 0.66),
    "map_ignored": (4.18, 3.04, 3.25, 3.25, 0.66, 0.67, 0.00),
    "not_mirrored": (4.16, 2.90, 3.01, 4.59, 0.83, 0.81, 0.03),
    "loss_on_map": (4.30, 2.53, 2.68, 5.50, 0.96, 0.66, 0.06),
}
BUGS = {"A": "read_by_columns", "B": "map_ignored", "C": "not_mirrored", "D": "loss_on_map"}
NAMES = ("inverted", "loss_on_map", "map_ignored", "not_mirrored", "read_by_columns")


def logs() -> list[tuple]:
    """The rows of the table: the run without a mistake, then A to D."""
    named = {"healthy": "healthy"} | BUGS
    return [(letter, *LOGS[bug]) for letter, bug in named.items()]


# What speaks against a name, in each run.
AGAINST = {
    ("A", "loss_on_map"): (
        "with the grey levels among the answers the first loss would be ln 72, not ln 64",
        "灰度也在答案里的话，第一个损失会是 ln 72，而不是 ln 64",
    ),
    ("A", "map_ignored"): (
        "then another's copy would cost as much as its own",
        "那样的话，别人的副本和自己的代价一样",
    ),
    ("A", "not_mirrored"): (
        "then the NLL would be higher than in the healthy run; here all of it is as healthy, and "
        "only what is drawn is wrong",
        "那样的话，NLL 会比正常的高；这里 NLL 都正常，只有画出来的不对",
    ),
    ("A", "inverted"): (
        "that is also a mistake of drawing, but then dark would be drawn for bright, and the "
        "drawings would not agree best with the copy whose rows and columns are swapped",
        "这也是画的时候犯的错，可是那样会把亮的画成暗的，不会和行列互换的副本最吻合",
    ),
    ("B", "inverted"): (
        "then the NLL would be healthy, since nothing is drawn for it",
        "那样的话，NLL 会是正常的，因为量它的时候并没有画",
    ),
    ("B", "loss_on_map"): (
        "then the copy would still be heard: its own and another's would not cost the same",
        "那样的话，副本还是听得见：自己的和别人的，代价不会一样",
    ),
    ("B", "not_mirrored"): (
        "then the copy would still be worth something",
        "那样的话，副本还是值一点的",
    ),
    ("B", "read_by_columns"): (
        "then the NLL would be healthy, since nothing is drawn for it",
        "那样的话，NLL 会是正常的，因为量它的时候并没有画",
    ),
    ("C", "inverted"): (
        "then the NLL would be healthy, since nothing is drawn for it",
        "那样的话，NLL 会是正常的，因为量它的时候并没有画",
    ),
    ("C", "loss_on_map"): (
        "with the grey levels among the answers the first loss would be ln 72, not ln 64",
        "灰度也在答案里的话，第一个损失会是 ln 72，而不是 ln 64",
    ),
    ("C", "map_ignored"): (
        "then another's copy would cost as much as its own",
        "那样的话，别人的副本和自己的代价一样",
    ),
    ("C", "read_by_columns"): (
        "then the NLL would be healthy, and rows and columns swapped would agree best",
        "那样的话，NLL 会是正常的，而且行列互换的最吻合",
    ),
    ("D", "inverted"): (
        "then the NLL would be healthy, and the agreement bad; here it is the other way round",
        "那样的话，NLL 正常，吻合得差；这里正好相反",
    ),
    ("D", "map_ignored"): (
        "then another's copy would cost as much as its own",
        "那样的话，别人的副本和自己的代价一样",
    ),
    ("D", "not_mirrored"): (
        "then the mirrored copy would agree nearly as well as the one asked for",
        "那样的话，翻转的副本会和所给的差不多一样吻合",
    ),
    ("D", "read_by_columns"): (
        "then the NLL would be healthy, and rows and columns swapped would agree best",
        "那样的话，NLL 会是正常的，而且行列互换的最吻合",
    ),
}


def check_diagnosis(answer: Any, *, seed: int = 0) -> None:
    """Exercise 14.2: which mistake made each of the four logs. The same for every seed."""
    judge(answer, BUGS, NAMES, lambda *pair: AGAINST[pair])


# --- Exercise 14.3 ------------------------------------------------------------------------------


def invented(labels: Int[Tensor, "B H W"], small: Int[Tensor, "B h w"]) -> Bool[Tensor, "B h w"]:
    """Where the label of a small map stands at no pixel of the block that it covers."""
    B, h, w = small.shape
    blocks = labels.view(B, h, labels.shape[1] // h, w, labels.shape[2] // w)
    return (blocks != small[:, :, None, :, None]).all(4).all(2)


def check_invented(answer: Callable[[Tensor, Tensor], Any], *, seed: int = 0) -> None:
    """Exercise 14.3: labels of a small map that no pixel below them has."""
    shown = [(4, 12, 20, 4, 8), (2, 6, 9, 3, 5), (2, 8, 8, 2, 6), (1, 10, 5, 5, 4)]
    for number, (B, H, W, g, L) in enumerate(cases(seed, shown, _shapes)):
        labels, small = _areas(100 * seed + number, (B, H, W, g, L))
        right = invented(labels, small)
        what = f"invented(labels, small), {H} × {W} and {H // g} × {W // g} pixels"
        got = run(answer, labels, small)
        require(
            isinstance(got, Tensor) and got.shape == right.shape,
            f"{what}: return a tensor of the shape of small, {tuple(right.shape)}.",
            f"{what}：要返回和 small 形状相同的张量，{tuple(right.shape)}。",
        )
        require(
            got.dtype == torch.bool,
            f"{what}: yes or no is asked for, a tensor of bool; this one is {got.dtype}.",
            f"{what}：问的是有没有，要返回 bool 张量；现在是 {got.dtype}。",
        )
        if torch.equal(got, right):
            continue
        for wrong, en, zh in _invented_mistakes(labels, small, g, L):
            if torch.equal(got, wrong):
                raise Mistake(f"{what}: {en}", f"{what}：{zh}")
        raise Mistake(
            f"{what}: {(got != right).sum()} of {right.numel()} are wrong.",
            f"{what}：{right.numel()} 个里有 {(got != right).sum()} 个不对。",
        )
    correct()


def _areas(seed: int, shape: Shape) -> tuple[Int[Tensor, "B H W"], Int[Tensor, "B h w"]]:
    """Maps with at most two labels in a block, and small maps of which a part is invented."""
    B, H, W, g, L = shape
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(L, (B, H // g, W // g), generator=generator)
    here, beside = (
        each.repeat_interleave(g, 1).repeat_interleave(g, 2) for each in (coarse, coarse.roll(1, 2))
    )
    other = torch.rand(B, H, W, generator=generator) < 0.4
    any_label = torch.randint(L, coarse.shape, generator=generator)
    kept = torch.rand(coarse.shape, generator=generator) < 0.4
    return torch.where(other, beside, here), torch.where(kept, coarse.roll(1, 2), any_label)


def _invented_mistakes(
    labels: Tensor, small: Tensor, g: int, L: int
) -> Iterator[tuple[Tensor, str, str]]:
    B, h, w = small.shape
    blocks = labels.view(B, h, g, w, g)
    unlike = blocks != small[:, :, None, :, None]
    yield (
        ~unlike.all(4).all(2),
        "that is the opposite: where the label is found.",
        "反了：这是找得到标签的地方。",
    )
    yield (
        unlike.any(4).any(2),
        "that is where some pixel differs. A label is invented only if all of them do.",
        "这是有像素不同的地方。全部不同，才算凭空冒出来。",
    )
    for at in (0, g // 2):
        yield (
            unlike[:, :, at, :, at],
            "you look at one pixel of each block. The label may stand at any of the g × g.",
            "每块只看了一个像素。g × g 个里任何一个有这个标签都算。",
        )
    yield (
        small != _shrink(labels, g, L),
        "that is where the label is not the most frequent one. It need only occur.",
        "这是标签不是最多的地方。只要出现过就算。",
    )
    yield (
        (labels.view(B, h, w, g, g) != small[..., None, None]).all(4).all(3),
        "the blocks are mixed up: the second dimension of view has to be h, the third g.",
        "块切乱了：view 的第二维是 h，第三维应该是 g。",
    )
    anywhere = (labels.flatten(1)[:, :, None] != small.flatten(1)[:, None]).all(1)
    yield (
        anywhere.view(B, h, w),
        "you look through the whole map. Only the block below counts.",
        "整张图都找了。只有下面那一块才算。",
    )


# --- The lab --------------------------------------------------------------------------------------

STATED = {"full": 1.0, "other": 2.3}
"""What the lab runs with where nobody predicts; it is as wrong as a first guess."""
