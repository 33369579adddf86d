"""The checks of chapter 14 accept the right answers and name the usual mistakes."""

import pytest
import torch
from torch.nn import functional as F

from tests.course.mistakes import mistake_of
from vqlib.course.checks import ch14
from vqlib.generate import GPTConfig, MapCondition

# --- 14.1 a smaller map ---------------------------------------------------------------------------


def votes(labels, g, L):
    return F.avg_pool2d(F.one_hot(labels, L).permute(0, 3, 1, 2).float(), g)


def shrink(labels, g, L):
    return votes(labels, g, L).argmax(1)


def by_blocks(labels, g, L):
    B, H, W = labels.shape
    blocks = labels.view(B, H // g, g, W // g, g).transpose(2, 3).flatten(3)
    return F.one_hot(blocks, L).sum(3).argmax(-1)


def by_sorting(labels, g, L):
    """Compare each pixel of a block with all others; of the most frequent take the smallest."""
    B, H, W = labels.shape
    blocks = labels.view(B, H // g, g, W // g, g).transpose(2, 3).flatten(3).sort(-1).values
    same = (blocks[..., :, None] == blocks[..., None, :]).sum(-1)
    return blocks.gather(-1, same.argmax(-1, keepdim=True))[..., 0]


def overwriting(labels, g, L):
    result = shrink(labels, g, L)
    labels.zero_()
    return result


def mean(labels, g, L):
    return F.avg_pool2d(labels.float()[:, None], g)[:, 0]


def bilinear(labels, g, L):
    size = [side // g for side in labels.shape[1:]]
    return F.interpolate(labels.float()[:, None], size, mode="bilinear")[:, 0].round().long()


def nearest(labels, g, L):
    size = [side // g for side in labels.shape[1:]]
    return F.interpolate(labels.float()[:, None], size, mode="nearest")[:, 0].long()


def median(labels, g, L):
    B, H, W = labels.shape
    return labels.view(B, H // g, g, W // g, g).transpose(2, 3).flatten(3).median(-1).values


def in_memory(labels, g, L):
    B, H, W = labels.shape
    return F.one_hot(labels.reshape(B, H // g, W // g, g * g), L).sum(3).argmax(-1)


WRONG_SHRINK = {
    "mean": (lambda y, g, L: mean(y, g, L).round().long(), "invents labels", "没有的标签"),
    "mean cut off": (lambda y, g, L: mean(y, g, L).long(), "invents labels", "没有的标签"),
    "mean as it is": (mean, "invents labels", "没有的标签"),
    "bilinear": (bilinear, "mean of", "取平均"),
    "one pixel": (lambda y, g, L: y[:, ::g, ::g], "one pixel of each block", "固定的一个像素"),
    "nearest": (nearest, "one pixel of each block", "固定的一个像素"),
    "largest": (
        lambda y, g, L: F.max_pool2d(y.float()[:, None], g)[:, 0].long(),
        "largest number",
        "编号最大的",
    ),
    "smallest": (
        lambda y, g, L: -F.max_pool2d(-y.float()[:, None], g)[:, 0].long(),
        "smallest number",
        "编号最小的",
    ),
    "median": (median, "median", "中位数"),
    "ties": (
        lambda y, g, L: L - 1 - votes(y, g, L).flip(1).argmax(1),
        "you take the larger",
        "你取了大的",
    ),
    "rows in memory": (in_memory, "follow one another in memory", "内存里相连"),
    "votes": (votes, "which label has most", "谁的票最多"),
    "as large": (lambda y, g, L: y, "as large as the map", "一样大"),
    "float": (lambda y, g, L: shrink(y, g, L).float(), "labels are int64", "标签应为 int64"),
    "shape": (lambda y, g, L: shrink(y, g, L)[:, :1, :1], "return a tensor of the shape", "形状为"),
    "unfinished": (lambda y, g, L: ..., "returns nothing yet", "还没有返回值"),
    "something else": (
        lambda y, g, L: (shrink(y, g, L) + 1) % L,
        "are not those with most votes",
        "不是得票最多的",
    ),
}


@pytest.mark.parametrize("answer", [shrink, by_blocks, by_sorting, overwriting])
def test_shrink_is_accepted(answer, capsys):
    for seed in range(10):
        ch14.check_shrink(answer, seed=seed)
    assert capsys.readouterr().out.count("✓") == 10


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_SHRINK.values(), ids=WRONG_SHRINK)
def test_mistake_in_shrinking_is_named(answer, en, zh):
    mistake = mistake_of(ch14.check_shrink, answer)
    assert en in mistake.en
    assert zh in mistake.zh


def test_half_sun_and_half_mountain_is_no_cloud():
    block = torch.tensor([[[1, 3], [3, 1]]])
    assert ch14._shrink(block, 2, 4).tolist() == [[[1]]]


# --- 14.2 four logs -------------------------------------------------------------------------------

WRONG_DIAGNOSES = {
    "A not_mirrored": ({"A": "not_mirrored"}, "only what is drawn is wrong", "只有画出来的不对"),
    "A inverted": ({"A": "inverted"}, "dark would be drawn for bright", "把亮的画成暗的"),
    "B read_by_columns": ({"B": "read_by_columns"}, "nothing is drawn for it", "并没有画"),
    "C map_ignored": ({"C": "map_ignored"}, "as much as its own", "代价一样"),
    "C read_by_columns": ({"C": "read_by_columns"}, "would be healthy", "会是正常的"),
    "D not_mirrored": ({"D": "not_mirrored"}, "the mirrored copy", "翻转的副本"),
    "unknown": ({"C": "collapse"}, "is none of", "不在"),
    "missing": ({"C": None}, "C has no diagnosis yet", "C 还没有诊断"),
}


@pytest.mark.parametrize(("change", "en", "zh"), WRONG_DIAGNOSES.values(), ids=WRONG_DIAGNOSES)
def test_wrong_diagnosis_is_named(change, en, zh):
    mistake = mistake_of(ch14.check_diagnosis, ch14.BUGS | change)
    assert en in mistake.en
    assert zh in mistake.zh


def test_each_wrong_name_has_its_reason():
    for letter, right in ch14.BUGS.items():
        for name in set(ch14.NAMES) - {right}:
            mistake = mistake_of(ch14.check_diagnosis, ch14.BUGS | {letter: name})
            assert mistake.en.startswith(f"{letter} is not {name}")


def test_incomplete_diagnosis_is_refused():
    assert "one name for each" in mistake_of(ch14.check_diagnosis, {"A": "read_by_columns"}).en
    assert "one name for each" in mistake_of(ch14.check_diagnosis, {...}).en


def test_the_logs_have_a_number_for_each_column():
    for row in ch14.logs():
        assert len(row) == len(ch14.LOG_COLUMNS)


# --- the lesson's own -----------------------------------------------------------------------------


def test_a_map_is_moved_up_and_asked_nothing():
    r, s = torch.tensor([[[3, 1], [0, 3]]]), torch.tensor([[[5, 1], [7, 2]]])
    read, said = ch14.sequence(r, s, 10)
    assert read.tolist() == [[13, 11, 10, 13, 5, 1, 7]]
    assert said.tolist() == [[-100, -100, -100, 5, 1, 7, 2]]


def test_the_mask_is_the_one_that_the_gpt_uses():
    config = GPTConfig(
        num_codes=5,
        grid=(2, 2),
        condition=MapCondition(4, (1, 3)),
        num_layers=1,
        num_heads=1,
        width=4,
        prefix_attention="full",
    )
    assert torch.equal(ch14.prefix_mask(3, 2), config.build()._mask(2, torch.device("cpu")))


# --- 14.3 invented labels -------------------------------------------------------------------------


def blocks(labels, small):
    B, h, w = small.shape
    return labels.view(B, h, labels.shape[1] // h, w, labels.shape[2] // w)


def unlike(labels, small):
    return blocks(labels, small) != small[:, :, None, :, None]


def voted(labels, small):
    votes = torch.nn.functional.one_hot(blocks(labels, small), 10).sum(dim=(2, 4))
    return small != votes.argmax(-1)


WRONG_INVENTED = {
    "found": (lambda y, z: ~ch14.invented(y, z), "the opposite", "反了"),
    "any": (lambda y, z: unlike(y, z).any(4).any(2), "some pixel differs", "有像素不同"),
    "corner": (lambda y, z: unlike(y, z)[:, :, 0, :, 0], "one pixel", "一个像素"),
    "vote": (voted, "most frequent", "最多的地方"),
    "mixed up": (
        lambda y, z: (y.view(*z.shape, -1) != z[..., None]).all(-1),
        "mixed up",
        "切乱了",
    ),
    "whole map": (
        lambda y, z: (y.flatten(1)[:, :, None] != z.flatten(1)[:, None]).all(1).view(z.shape),
        "the whole map",
        "整张图",
    ),
    "numbers": (lambda y, z: ch14.invented(y, z).float(), "yes or no", "有没有"),
    "share": (lambda y, z: ch14.invented(y, z).float().mean(), "the shape of small", "形状"),
    "something else": (lambda y, z: torch.zeros_like(z) > 0, "are wrong", "不对"),
    "unfinished": (lambda y, z: ..., "returns nothing yet", "还没有返回值"),
}


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_INVENTED.values(), ids=WRONG_INVENTED)
def test_mistake_in_a_detector_is_named(answer, en, zh):
    mistake = mistake_of(ch14.check_invented, answer)
    assert en in mistake.en
    assert zh in mistake.zh
