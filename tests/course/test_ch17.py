"""The checks of chapter 17 accept the right answers and name the usual mistakes."""

import math

import pytest
import torch

from tests.course.mistakes import mistake_of
from vqlib.course.checks import ch17, places
from vqlib.generate import CoordinateCondition
from vqlib.generate.condition import Place
from vqlib.generate.sliding_window import window_start

# --- 17.1 the prefix of one token ---------------------------------------------------------------


def by_the_library(i, j, size, window, bins):
    top, left = map(window_start, (i, j), size, window)
    return CoordinateCondition(window, bins).ids(None, 1, Place(top, left, *size))[0]


def place_ids(i, j, size, window, bins, *, share=None, offset=True, start=window_start):
    share = share or (lambda position, side: position * bins // side)
    found = []
    for axis, (place, side, n) in enumerate(zip((i, j), size, window, strict=True)):
        first = start(place, side, n)
        found += [min(share(first + k, side), bins - 1) + bins * axis * offset for k in range(n)]
    return found


def rounded(i, j, size, window, bins):
    top, left = map(window_start, (i, j), size, window)
    rows = [round((top + k) * bins / size[0]) for k in range(window[0])]
    return rows + [bins + round((left + k) * bins / size[1]) for k in range(window[1])]


def to_the_end(i, j, size, window, bins):
    return place_ids(
        i, j, size, window, bins, share=lambda position, side: position * (bins - 1) // (side - 1)
    )


def of_the_window(i, j, size, window, bins):
    top, left = map(window_start, (i, j), size, window)
    return CoordinateCondition(window, bins).ids(None, 1, Place(top, left, *window))[0].tolist()


def columns_first(i, j, size, window, bins):
    right = place_ids(i, j, size, window, bins)
    return right[window[0] :] + right[: window[0]]


WRONG_IDS = {
    "unfinished": (lambda *args: None, "returns nothing yet", "还没有返回值"),
    "from the token": (
        lambda *args: place_ids(*args, start=lambda place, side, n: place),
        "begins at the token",
        "从词元开始",
    ),
    "no offset": (
        lambda *args: place_ids(*args, offset=False),
        "share their ids",
        "同样的编号",
    ),
    "columns first": (columns_first, "stand before the rows", "排到了行的前面"),
    "of the window": (of_the_window, "size of the window", "窗口的大小"),
    "rounded": (rounded, "round to the nearest", "四舍五入"),
    "to the end": (to_the_end, "side − 1", "边长减 1"),
    "swapped size": (
        lambda i, j, size, window, bins: [
            *ch17.steps(window_start(i, size[0], window[0]), window[0], size[1], bins),
            *(
                bins + x
                for x in ch17.steps(window_start(j, size[1], window[1]), window[1], size[0], bins)
            ),
        ],
        "Height and width",
        "高和宽",
    ),
    "corner": (
        lambda i, j, size, window, bins: [
            place_ids(i, j, size, window, bins)[0],
            place_ids(i, j, size, window, bins)[window[0]],
        ],
        "corner alone",
        "窗口的一角",
    ),
    "nested": (lambda *args: [place_ids(*args)], "a flat list", "不要嵌套"),
    "something else": (lambda *args: [7], "it should be", "应为"),
}


@pytest.mark.parametrize("answer", [place_ids, by_the_library])
def test_prefixes_are_accepted(answer, capsys):
    for seed in range(10):
        ch17.check_place_ids(answer, seed=seed)
    assert capsys.readouterr().out.count("✓") == 10


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_IDS.values(), ids=WRONG_IDS)
def test_mistake_in_a_prefix_is_named(answer, en, zh):
    mistake = mistake_of(ch17.check_place_ids, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 17.2 what an id tells about the column -----------------------------------------------------


def joint(ids):
    h, w = ids.shape
    one = torch.nn.functional.one_hot(ids, int(ids.max()) + 1).double()  # (h, w, V)
    return one.sum(0).T / (h * w)


def entropy(p):
    return torch.special.entr(p).sum().item()


def column_information(ids):
    p = joint(ids)
    return math.log(ids.shape[1]) + entropy(p.sum(1)) - entropy(p)


def column_by_column(ids):
    """ln w minus what is left open, id by id."""
    h, w = ids.shape
    open_ = 0.0
    for k in ids.unique():
        columns = (ids == k).sum(0).double()
        share = columns.sum() / (h * w)
        open_ += share.item() * entropy(columns / columns.sum())
    return math.log(w) - open_


WRONG_INFORMATION = {
    "unfinished": (lambda ids: ..., "returns nothing yet", "还没有返回值"),
    "row": (lambda ids: column_information(ids.T), "about the row", "透露的行"),
    "place": (lambda ids: entropy(joint(ids).sum(1)), "entropy of the ids", "编号的熵"),
    "open": (
        lambda ids: math.log(ids.shape[1]) - column_information(ids),
        "stays open",
        "剩下的不确定",
    ),
    "bits": (lambda ids: column_information(ids) / math.log(2), "in bits", "这是比特"),
    "joint": (lambda ids: entropy(joint(ids)), "joint entropy", "联合熵"),
    "number of ids": (
        lambda ids: math.log(len(ids.unique())),
        "number of different ids",
        "不同编号的个数",
    ),
    "whole column": (lambda ids: math.log(ids.shape[1]), "all there is to know", "全部信息"),
    "something else": (lambda ids: 77.0, "it should be", "应为"),
}


@pytest.mark.parametrize("answer", [column_information, column_by_column])
def test_information_is_accepted(answer, capsys):
    for seed in range(10):
        ch17.check_column_information(answer, seed=seed)
    assert capsys.readouterr().out.count("✓") == 10


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_INFORMATION.values(), ids=WRONG_INFORMATION)
def test_mistake_in_information_is_named(answer, en, zh):
    mistake = mistake_of(ch17.check_column_information, answer)
    assert en in mistake.en
    assert zh in mistake.zh


def test_the_reference_code_tells_eighty_places_apart():
    ids = ch17.raster_ids(256, 16, 1024)
    assert ids.shape == (16, 16)
    assert len(ids.unique()) == 80
    assert {len(row.unique()) for row in ids} == {5}


# --- 17.3 four programs -------------------------------------------------------------------------

WRONG_DIAGNOSES = {
    "unfinished": ({}, "A has no diagnosis yet", "A 还没有诊断"),
    "unknown": (places.TRUTH | {"A": "ill"}, "is none of", "不在"),
    "A": (places.TRUTH | {"A": "healthy"}, "too early", "太早"),
    "B": (places.TRUTH | {"B": "stale"}, "depends on the column", "取决于列"),
    "C": (places.TRUTH | {"C": "too_tall"}, "goes on", "没完没了"),
    "D": (places.TRUTH | {"D": "token_place"}, "the same in every column", "每一列都一样"),
}


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_DIAGNOSES.values(), ids=WRONG_DIAGNOSES)
def test_a_wrong_diagnosis_is_refused_with_what_to_look_at(answer, en, zh):
    mistake = mistake_of(ch17.check_diagnosis, answer)
    assert en in mistake.en
    assert zh in mistake.zh


def test_the_logs_show_what_they_are_said_to_show():
    logs = ch17.logs()
    rows = {name: torch.tensor(log["i"]) for name, log in logs.items()}
    columns = {name: torch.tensor(log["j"]) for name, log in logs.items()}
    assert {len(x) for x in rows.values()} == {len(x) for x in columns.values()} == {16}

    assert rows["A"][2:6].sum() < 0.75 * rows["D"][2:6].sum()
    assert abs(rows["A"][0] - rows["D"][0]) < 0.05
    slopes = {name: (x[:4].mean() - x[-4:].mean()).item() for name, x in columns.items()}
    assert slopes.pop("B") > 0.1
    assert max(map(abs, slopes.values())) < 0.04
    assert rows["C"][8:].min() > 0.15
    assert rows["C"][8:].mean() > 1.5 * max(rows[name][8:].mean() for name in "ABD")
