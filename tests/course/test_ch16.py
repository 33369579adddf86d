"""The checks of chapter 16 accept the right answers and name the usual mistakes."""

import pytest
import torch

from tests.course.mistakes import mistake_of
from vqlib.course.checks import ch16, windows
from vqlib.course.checks.report import Mistake
from vqlib.generate.sliding_window import window_start

# --- 16.1 wavefront -----------------------------------------------------------------------------


def wave(t, h, w, n, *, lag=None, inside=True):
    lag = n if lag is None else lag
    cells = [(i, t - i * lag) for i in range(h)]
    return [(i, j) for i, j in cells if 0 <= j < w] if inside else cells


def column_by_column(t, h, w, n):
    return [[i, j] for j in range(w) for i in range(h) if i * n + j == t]


WRONG_WAVES = {
    "unfinished": (lambda t, h, w, n: None, "returns nothing yet", "还没有返回值"),
    "half a window": (lambda t, h, w, n: wave(t, h, w, n, lag=n // 2), "Half a window", "半个窗口"),
    "diagonal": (lambda t, h, w, n: wave(t, h, w, n, lag=1), "n steps behind", "要晚 n 步"),
    "too early": (lambda t, h, w, n: wave(t, h, w, n, lag=n - 1), "One step too early", "早了一步"),
    "row by row": (lambda t, h, w, n: wave(t, h, w, n, lag=w), "one row after", "一行写完"),
    "beyond the end": (
        lambda t, h, w, n: [(i, t - i * n) for i in range(h) if t >= i * n],
        "outside of the picture",
        "超出了图",
    ),
    "not begun": (
        lambda t, h, w, n: [(i, t - i * n) for i in range(h) if t - i * n < w],
        "columns are negative",
        "列是负数",
    ),
    "swapped": (
        lambda t, h, w, n: [(j, i) for i, j in wave(t, h, w, n)],
        "swapped",
        "写反了",
    ),
    "no pairs": (lambda t, h, w, n: [0], "list of positions", "位置的列表"),
    "empty": (lambda t, h, w, n: [], "it should be", "应为"),
}


@pytest.mark.parametrize("answer", [wave, column_by_column])
def test_waves_are_accepted(answer, capsys):
    for seed in range(10):
        ch16.check_wave(answer, seed=seed)
    assert capsys.readouterr().out.count("✓") == 10


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_WAVES.values(), ids=WRONG_WAVES)
def test_mistake_in_a_wave_is_named(answer, en, zh):
    mistake = mistake_of(ch16.check_wave, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 16.2 what is read --------------------------------------------------------------------------


def read_tokens(h, w, rows, n, *, full=None, itself=0, start=window_start):
    total = 0
    for i in range(h):
        for j in range(w):
            a, b = i - start(i, h, rows), j - start(j, w, n)
            total += a * (full or n) + b + itself
    return total


def side_by_side(h, w, rows, n):
    a = sum(i - window_start(i, h, rows) for i in range(h))
    b = sum(j - window_start(j, w, n) for j in range(w))
    return w * n * a + h * b


def without_the_end(position, size, window):
    return max(0, position - window // 2)


WRONG_COUNTS = {
    "unfinished": (lambda h, w, rows, n: ..., "returns nothing yet", "还没有返回值"),
    "textbook": (lambda h, w, rows, n: h * w * rows * n, "the textbook's", "教科书"),
    "itself": (lambda *sizes: read_tokens(*sizes, itself=1), "is counted, too", "自己也算"),
    "everything": (
        lambda h, w, rows, n: sum(range(h * w)),
        "everything written so far",
        "全部词元",
    ),
    "middle": (
        lambda h, w, rows, n: h * w * (rows // 2 * n + n // 2),
        "middle everywhere",
        "正中间",
    ),
    "no end": (
        lambda *sizes: read_tokens(*sizes, start=without_the_end),
        "stands still as well",
        "窗口也不动",
    ),
    "picture's row": (
        lambda h, w, rows, n: read_tokens(h, w, rows, n, full=w),
        "n tokens, not w",
        "不是 w 个",
    ),
    "float": (lambda *sizes: float(read_tokens(*sizes)), "whole number", "类型应为 int"),
    "something else": (lambda *sizes: 7, "it should be", "应为"),
}


@pytest.mark.parametrize("answer", [read_tokens, side_by_side])
def test_counts_are_accepted(answer, capsys):
    for seed in range(10):
        ch16.check_read_tokens(answer, seed=seed)
    assert capsys.readouterr().out.count("✓") == 10


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_COUNTS.values(), ids=WRONG_COUNTS)
def test_mistake_in_a_count_is_named(answer, en, zh):
    mistake = mistake_of(ch16.check_read_tokens, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 16.3 four programs -------------------------------------------------------------------------

WRONG_DIAGNOSES = {
    "unfinished": ({}, "A has no diagnosis yet", "A 还没有诊断"),
    "unknown": (windows.TRUTH | {"A": "ill"}, "is none of", "不在"),
    "A": (windows.TRUTH | {"A": "no_overlap_across"}, "last five columns", "最后五列"),
    "B": (windows.TRUTH | {"B": "healthy"}, "a single row sticks out", "突出的是一行"),
    "C": (windows.TRUTH | {"C": "late_by_one"}, "jump nowhere", "没有跳变"),
    "D": (windows.TRUTH | {"D": "late_by_one"}, "single columns stick out", "个别几列"),
}


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_DIAGNOSES.values(), ids=WRONG_DIAGNOSES)
def test_a_wrong_diagnosis_is_refused_with_what_to_look_at(answer, en, zh):
    mistake = mistake_of(ch16.check_diagnosis, answer)
    assert en in mistake.en
    assert zh in mistake.zh


def test_the_logs_show_what_they_are_said_to_show():
    logs = ch16.logs()
    columns = {name: torch.tensor(log["j"]) for name, log in logs.items()}
    rows = {name: torch.tensor(log["i"]) for name, log in logs.items()}
    assert {len(x) for x in columns.values()} == {37}
    assert {len(x) for x in rows.values()} == {24}
    usual = columns["C"][1:].max()
    assert columns["A"][32:].mean() > usual
    assert columns["D"][1:].argmax() == 15
    assert rows["B"][1:].argmax() == 15
    assert rows["B"][16] > rows["C"][1:].max()


# --- 16.4 lab -----------------------------------------------------------------------------------

PRICE = torch.tensor([[0.3, 0.02]] + [[0.01, 0.01]] * 15)
WRONG_PLANS = {
    "unfinished": ({}, "First the prediction", "先预测"),
    "no prediction": ({"overlap": 2, "worst": ...}, "Nothing is measured", "都不测"),
    "no overlap": ({"overlap": 2.5, "worst": 0.0}, "a whole number", "整数"),
    "too careful": ({"overlap": 8, "worst": 0.0}, "Dare a smaller one", "更小的重叠"),
    "too daring": ({"overlap": 0, "worst": 0.3}, "hides it", "看不出来"),
    "far off": ({"overlap": 2, "worst": 0.5}, "predict anew", "再预测一次"),
    "no number": ({"overlap": 2, "worst": "little"}, "return one number", "返回一个数"),
}


@pytest.fixture(autouse=True)
def priced(monkeypatch):
    """What has been measured is measured elsewhere: here it is given."""
    monkeypatch.setattr(ch16, "price_by_column", lambda: PRICE)


@pytest.mark.parametrize("overlap", [1, 2, 4])
def test_a_good_plan_is_accepted(overlap, capsys):
    ch16.check_plan({"overlap": overlap, "worst": 0.05})
    out = capsys.readouterr().out
    assert f"overlap {overlap}" in out
    assert "✓" in out


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_PLANS.values(), ids=WRONG_PLANS)
def test_a_bad_plan_is_refused_with_a_reason(answer, en, zh):
    mistake = mistake_of(ch16.check_plan, answer)
    assert en in mistake.en
    assert zh in mistake.zh


def test_without_a_prediction_nothing_is_measured(monkeypatch):
    monkeypatch.setattr(ch16, "price_by_column", lambda: pytest.fail("measured"))
    with pytest.raises(Mistake):
        ch16.check_plan({"overlap": 2})
