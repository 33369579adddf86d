"""Checks of chapter 1: right answers pass, each usual mistake is named in both languages."""

import numpy as np
import pytest
import torch

from tests.course.mistakes import mistake_of
from vqlib.course.checks import ch01
from vqlib.generate import Sampling


def named(check, answer, en, zh):
    """The check refuses the answer and says why, in both languages."""
    mistake = mistake_of(check, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 1.1 num_tokens, attention_pairs -----------------------------------------------------------


def test_right_counts_pass(capsys):
    ch01.check_num_tokens(lambda size, f: (size // f) ** 2)
    ch01.check_attention_pairs(lambda T: sum(range(1, T + 1)))
    assert capsys.readouterr().out.count("✓") == 2


@pytest.mark.parametrize(
    ("answer", "en", "zh"),
    [
        (lambda size, f: size // f, "one side of the grid", "网格的一条边"),
        (lambda size, f: size**2 // f, "divide by f twice", "除以 f 两次"),
        (lambda size, f: size**2, "f is not used", "没有用到 f"),
        (lambda size, f: (size / f) ** 2, "// instead of /", "除法要用 //"),
        (lambda size, f: None, "returns nothing yet", "还没有返回值"),
        (lambda size, f: 256, "it should be 16", "应为 16"),
    ],
)
def test_wrong_num_tokens(answer, en, zh):
    named(ch01.check_num_tokens, answer, en, zh)


@pytest.mark.parametrize("whole", [np.int64, torch.tensor])
def test_whole_numbers_of_other_libraries_pass(whole, capsys):
    ch01.check_attention_pairs(lambda T: whole(T * (T + 1) // 2))
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "en", "zh"),
    [
        (lambda T: T * T, "counts the future", "未来的位置"),
        (lambda T: T * (T - 1) // 2, "also sees itself", "也能看到自己"),
        (lambda T: T * (T + 1), "Twice too many", "多了一倍"),
        (lambda T: T, "the last row alone", "最后一行"),
        (lambda T: T * (T + 1) / 2, "// instead of /", "除法要用 //"),
        (lambda T: sum(range(1, T + 1), 0.0), "the value is right, but", "数值对，但"),
    ],
)
def test_wrong_attention_pairs(answer, en, zh):
    named(ch01.check_attention_pairs, answer, en, zh)


# --- 1.2 block_cost ----------------------------------------------------------------------------


def layers(T, C):
    return 12 * T * C * C


def attention(T, C):
    return T * (T + 1) * C


def summed(T, C):
    """The same, counted layer by layer and position by position."""
    weights = 4 * C * C + C * 4 * C + 4 * C * C
    return T * weights, sum(2 * C * (t + 1) for t in range(T))


def test_right_costs_pass(capsys):
    ch01.check_block_cost(lambda T, C: (layers(T, C), attention(T, C)))
    ch01.check_block_cost(lambda T, C: [torch.tensor(layers(T, C)), np.int64(attention(T, C))])
    ch01.check_block_cost(summed)
    assert capsys.readouterr().out.count("✓") == 3


@pytest.mark.parametrize(
    ("answer", "en", "zh"),
    [
        (lambda T, C: (12 * C * C, attention(T, C)), "times T", "乘以 T"),
        (lambda T, C: (8 * T * C * C, attention(T, C)), "four projections", "四个投影"),
        (lambda T, C: (4 * T * C * C, attention(T, C)), "perceptron is missing", "少了感知机"),
        (lambda T, C: (9 * T * C * C, attention(T, C)), "four projections, not one", "不是一个"),
        (lambda T, C: (11 * T * C * C, attention(T, C)), "fourth projection", "第四个投影"),
        (lambda T, C: (6 * T * C * C, attention(T, C)), "four times as wide", "四倍宽"),
        (lambda T, C: (12 * T * C, attention(T, C)), "C² weights", "C² 个权重"),
        (lambda T, C: (layers(T, C), 2 * T * T * C), "counts the future", "未来的位置"),
        (lambda T, C: (layers(T, C), T * (T + 1) * C // 2), "costs twice", "要算两次"),
        (lambda T, C: (layers(T, C), T * T * C), "nearly cancel", "几乎抵消"),
        (lambda T, C: (layers(T, C), T * (T - 1) * C), "sees itself", "看到自己"),
        (lambda T, C: (layers(T, C), T * (T + 1)), "times C", "乘以 C"),
        (lambda T, C: layers(T, C), "Return two numbers", "返回两个数"),
        (lambda T, C: None, "returns nothing yet", "还没有返回值"),
    ],
)
def test_wrong_costs(answer, en, zh):
    named(ch01.check_block_cost, answer, en, zh)


# --- 1.3 faults --------------------------------------------------------------------------------


def test_the_right_diagnosis_passes(capsys):
    ch01.check_faults(ch01.TRUTH)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize("log", ch01.TRUTH)
def test_each_wrong_name_is_answered_with_the_numbers(log):
    for fault in ch01.FAULTS.keys() - {ch01.TRUTH[log]}:
        mistake = mistake_of(ch01.check_faults, ch01.TRUTH | {log: fault})
        assert f"{log} is not {fault}: it" in mistake.en
        assert mistake.zh.startswith(f"{log} 不是 {fault}：它")


@pytest.mark.parametrize(
    ("answer", "en"),
    [
        (..., "A has no diagnosis yet"),
        ({"A": "other_codec"}, "B has no diagnosis yet"),
        (ch01.TRUTH | {"C": "sick"}, "C: 'sick' is none of"),
        (ch01.TRUTH | {"D": ...}, "D has no diagnosis yet"),
    ],
)
def test_unfinished_diagnoses(answer, en):
    assert en in mistake_of(ch01.check_faults, answer).en


# --- 1.4 draw_new_images -----------------------------------------------------------------------


def grid(codec, tokens):
    return tokens.view(-1, codec.config.grid_size, codec.config.grid_size)


def draw(codec, prior, labels, seed):
    return codec.decode(grid(codec, prior.sample(labels, seed=seed)))


def no_reshape(codec, prior, labels, seed):
    return codec.decode(prior.sample(labels, seed=seed))


def logits_decoded(codec, prior, labels, seed):
    tokens = prior.sample(labels, seed=seed)
    return codec.decode(prior(tokens[:, :-1], prior.prefix(labels)))


def tokens_returned(codec, prior, labels, seed):
    return grid(codec, prior.sample(labels, seed=seed))


def transposed(codec, prior, labels, seed):
    tokens = prior.sample(labels, seed=seed)
    return codec.decode(grid(codec, tokens).transpose(1, 2))


def seed_forgotten(codec, prior, labels, seed):
    return codec.decode(grid(codec, prior.sample(labels)))


def greedy(codec, prior, labels, seed):
    return codec.decode(grid(codec, prior.sample(labels, Sampling(top_k=1), seed=seed)))


def labels_forgotten(codec, prior, labels, seed):
    return draw(codec, prior, torch.zeros_like(labels), seed)


def one_image(codec, prior, labels, seed):
    return draw(codec, prior, labels[:1], seed)


def cold(codec, prior, labels, seed):
    tokens = prior.sample(labels, Sampling(temperature=0.5), seed=seed)
    return codec.decode(grid(codec, tokens))


def side_written_down(codec, prior, labels, seed):
    return codec.decode(prior.sample(labels, seed=seed).view(-1, 4, 4))


def test_right_drawing_passes(capsys):
    ch01.check_draw_new_images(draw)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "en", "zh"),
    [
        (no_reshape, "reshape the sequence first", "先给序列变形"),
        (logits_decoded, "logits or probabilities", "logits 或概率"),
        (tokens_returned, "holds no images", "返回的不是图像"),
        (transposed, "Rows and columns are exchanged", "行和列弄反了"),
        (seed_forgotten, "pass seed=seed", "seed=seed"),
        (greedy, "Every seed gives the same images", "换了种子"),
        (labels_forgotten, "pass labels to sample", "labels 传给 sample"),
        (one_image, "5 labels should give", "5 个标签应当得到"),
        (cold, "temperature 1", "温度取 1"),
        (side_written_down, "codec.config.grid_size", "codec.config.grid_size"),
    ],
)
def test_wrong_drawing(answer, en, zh):
    named(ch01.check_draw_new_images, answer, en, zh)
