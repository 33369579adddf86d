"""The checks of chapter 15 accept the right answers and name the usual mistakes."""

import math
from collections import Counter

import numpy as np
import pytest

from tests.course.mistakes import mistake_of
from vqlib.course.checks import ch15
from vqlib.data.scenery import english, random_facts

# --- 15.1 one step of byte pair encoding ----------------------------------------------------------


def by_index(symbols, pair):
    found, i = [], 0
    while i < len(symbols):
        hit = i + 1 < len(symbols) and (symbols[i], symbols[i + 1]) == pair
        found.append(symbols[i] + symbols[i + 1] if hit else symbols[i])
        i += 1 + hit
    return found


def recursive(symbols, pair):
    if len(symbols) < 2:
        return list(symbols)
    if tuple(symbols[:2]) == pair:
        return ["".join(pair), *recursive(symbols[2:], pair)]
    return [symbols[0], *recursive(symbols[1:], pair)]


def in_place(symbols, pair):
    i = 0
    while i < len(symbols) - 1:
        if (symbols[i], symbols[i + 1]) == pair:
            symbols[i : i + 2] = ["".join(pair)]
        i += 1
    return symbols


def first_only(symbols, pair):
    for i in range(len(symbols) - 1):
        if (symbols[i], symbols[i + 1]) == pair:
            return [*symbols[:i], "".join(pair), *symbols[i + 2 :]]
    return list(symbols)


def overlapping(symbols, pair):
    hits = [tuple(symbols[i : i + 2]) == pair for i in range(len(symbols))]
    found = []
    for i, symbol in enumerate(symbols):
        if hits[i]:
            found.append("".join(pair))
        elif not (i and hits[i - 1]):
            found.append(symbol)
    return found


def from_right(symbols, pair):
    found, i = [], len(symbols) - 1
    while i >= 0:
        hit = i > 0 and (symbols[i - 1], symbols[i]) == pair
        found.append("".join(pair) if hit else symbols[i])
        i -= 1 + hit
    return found[::-1]


def letters(symbols, pair):
    return by_index([c for symbol in symbols for c in symbol], pair)


def removed(symbols, pair):
    return [s for s in by_index(symbols, pair) if s != "".join(pair)]


WRONG_MERGES = {
    "first only": (first_only, "Only the first occurrence", "只合并了第一处"),
    "overlapping": (overlapping, "used twice", "用了两次"),
    "from the right": (from_right, "from the right", "从右边开始"),
    "letters": (letters, "looked into", "拆开看"),
    "taken out": (removed, "not put in", "没有放进"),
    "last missing": (lambda s, p: by_index(s, p)[:-1], "last symbol is missing", "最后一个符号"),
    "nothing": (lambda s, p: list(s), "Nothing is merged", "什么也没有合并"),
    "in place": (in_place, "changes the list", "改动了"),
    "text": (lambda s, p: "".join(s), "return a list", "符号的列表"),
    "something else": (lambda s, p: [*by_index(s, p), "."], "it should be", "应为"),
    "unfinished": (lambda s, p: ..., "returns nothing yet", "还没有返回值"),
}


@pytest.mark.parametrize("answer", [by_index, recursive, ch15.merge])
def test_merge_is_accepted(answer, capsys):
    for seed in range(10):
        ch15.check_merge(answer, seed=seed)
    assert capsys.readouterr().out.count("✓") == 10


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_MERGES.values(), ids=WRONG_MERGES)
def test_mistake_in_a_merge_is_named(answer, en, zh):
    mistake = mistake_of(ch15.check_merge, answer)
    assert en in mistake.en
    assert zh in mistake.zh


# --- 15.2 four logs -------------------------------------------------------------------------------

WRONG_DIAGNOSES = {
    "A shuffled": ({"A": "shuffled"}, "two thirds", "三分之二"),
    "A truncated": ({"A": "truncated"}, "wrong alike", "错得一样多"),
    "B truncated": ({"B": "truncated"}, "sevens more than others", "7 错得比别的多"),
    "C mirrored": ({"C": "mirrored"}, "saves nothing", "什么也没省"),
    "D missing words": ({"D": "missing_words"}, "only the right one", "只有右边"),
    "off by one": ({"D": "off_by_one"}, "after training", "训练之后"),
    "unknown": ({"C": "collapse"}, "is none of", "不在"),
    "missing": ({"C": None}, "C has no diagnosis yet", "C 还没有诊断"),
}


@pytest.mark.parametrize(("change", "en", "zh"), WRONG_DIAGNOSES.values(), ids=WRONG_DIAGNOSES)
def test_wrong_diagnosis_is_named(change, en, zh):
    mistake = mistake_of(ch15.check_diagnosis, ch15.BUGS | change)
    assert en in mistake.en
    assert zh in mistake.zh


def test_each_wrong_name_has_its_reason():
    for letter, right in ch15.BUGS.items():
        for name in set(ch15.NAMES) - {right}:
            mistake = mistake_of(ch15.check_diagnosis, ch15.BUGS | {letter: name})
            assert mistake.en.startswith(f"{letter} is not {name}")


def test_incomplete_diagnosis_is_refused():
    assert "one name for each" in mistake_of(ch15.check_diagnosis, {"A": "mirrored"}).en
    assert "one name for each" in mistake_of(ch15.check_diagnosis, {...}).en


def test_the_logs_have_a_number_for_each_column():
    assert set(ch15.LOGS) == {"healthy", *ch15.BUGS.values()}
    for row in ch15.logs():
        assert len(row) == len(ch15.LOG_COLUMNS)


# --- the lesson's own -----------------------------------------------------------------------------


def test_cut_takes_the_longest_word_and_names_what_it_does_not_know():
    words = ("湖", "湖边", "有", "雪山")
    assert ch15.cut("湖边有雪山", words) == ["湖边", "有", "雪山"]
    assert ch15.cut("", words) == []
    with pytest.raises(ValueError, match="船"):
        ch15.cut("湖边有船", words)


def test_order_tells_nothing_where_every_caption_has_its_own_bag():
    assert ch15.order_information([["a", "b"], ["a", "c"]], [0.5, 0.5]) == pytest.approx(0)
    two = ch15.order_information([["a", "b"], ["b", "a"]], [0.5, 0.5])
    assert two == pytest.approx(math.log(2))
    pairs = [[str(i), "of", str(j)] for i in range(10) for j in range(10)]
    assert ch15.order_information(pairs, 100 * [0.01]) == pytest.approx(0.9 * math.log(2))


def test_planned_facts_are_those_that_are_drawn_as_often():
    planned, rng, count = ch15.planned(), np.random.default_rng(0), 5000
    assert sum(planned.values()) == pytest.approx(1)
    drawn = Counter(random_facts(rng) for _ in range(count))
    assert set(drawn) <= set(planned)
    for name in ("time", "sun", "crescent", "clouds", "snow", "lake", "meadow", "trees", "side"):
        for value in {getattr(facts, name) for facts in planned}:
            p = sum(share for facts, share in planned.items() if getattr(facts, name) == value)
            n = sum(number for facts, number in drawn.items() if getattr(facts, name) == value)
            assert abs(n / count - p) < 4 * math.sqrt(p * (1 - p) / count) + 1e-9, (name, value)


def test_every_plan_has_a_caption_of_its_own():
    captions = {english(facts) for facts in ch15.planned()}
    assert len(captions) == len(ch15.planned())


# --- 15.3 ways to cut -----------------------------------------------------------------------------


def recursively(text, words):
    if not text:
        return 1
    return sum(recursively(text[len(w) :], words) for w in words if text.startswith(w))


def longest_first(text, words):
    while fitting := [w for w in words if text.startswith(w)]:
        text = text[len(max(fitting, key=len)) :]
    return int(not text)


WRONG_WAYS = {
    "whether": (lambda t, w: ch15.ways(t, w) > 0, "not asked", "有几种"),
    "longest first": (longest_first, "longest-first", "取最长的"),
    "nothing to begin with": (lambda t, w: 0, "nothing is left", "总是 0"),
    "unknown pass": (
        lambda t, w: ch15.ways(t, [*w, *(set(t) - set(w))]),
        "unknown characters",
        "不认识的单字",
    ),
    "first word": (
        lambda t, w: sum(t.startswith(x) for x in w),
        "begins with",
        "开头有几个词",
    ),
    "occurrences": (
        lambda t, w: sum(t.startswith(x, i) for i in range(len(t)) for x in w),
        "stands somewhere",
        "一共出现几次",
    ),
    "something else": (lambda t, w: ch15.ways(t, w) + 100, "it should be", "应为"),
    "unfinished": (lambda t, w: ..., "returns nothing yet", "还没有返回值"),
}


@pytest.mark.parametrize(("answer", "en", "zh"), WRONG_WAYS.values(), ids=WRONG_WAYS)
def test_mistake_in_the_ways_is_named(answer, en, zh):
    mistake = mistake_of(ch15.check_ways, answer)
    assert en in mistake.en
    assert zh in mistake.zh


def test_ways_are_those_that_one_finds_one_by_one():
    for text, words in (("aaaa", ("a", "aa")), ("banana", ("ba", "ban", "an", "a", "na"))):
        assert ch15.ways(text, words) == recursively(text, words)
