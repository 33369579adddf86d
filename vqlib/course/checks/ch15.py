"""Checks of chapter 15, *Does it read what you write?*, and what its stubs and its lab say."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise, product
from random import Random
from typing import Any

from vqlib.course.checks.cases import cases
from vqlib.course.checks.diagnosis import judge
from vqlib.course.checks.report import Mistake, correct, require, run, run_on_originals
from vqlib.data.captions import POSSIBLE
from vqlib.data.scenery import SIDES, Facts

# --- what the stubs of the lesson make ------------------------------------------------------------


def cut(text: str, words: Sequence[str]) -> list[str]:
    """A text without spaces as known words: at each place the longest that fits.

    Raises:
        ValueError: no word fits; the message names the character.
    """
    found: list[str] = []
    while text:
        fitting = [word for word in words if text.startswith(word)]
        if not fitting:
            raise ValueError(f"{text[0]!r} is not known")
        found.append(max(fitting, key=len))
        text = text[len(found[-1]) :]
    return found


def entropy(p: Sequence[float]) -> float:
    """−∑ p ln p, in nats."""
    return -sum(x * math.log(x) for x in p if x > 0)


def order_information(captions: Sequence[Sequence[str]], p: Sequence[float]) -> float:
    """What the order of the words tells, in nats: H(caption) − H(its bag of words).

    Args:
        captions: all that may be said, each as words, each one once.
        p: how often.
    """
    bags: Counter[tuple[str, ...]] = Counter()
    for caption, share in zip(captions, p, strict=True):
        bags[tuple(sorted(caption))] += share
    return entropy(p) - entropy(list(bags.values()))


# --- what the painter of the scenes plans ---------------------------------------------------------


@cache
def planned() -> dict[Facts, float]:
    """All facts that `random_facts` may draw, and how often it does.

    Something that is planned may be hidden when it is painted, a sun behind clouds for instance;
    such scenes have captions that say less.
    """
    kinds = {"golden": ("autumn", "autumn", "pines"), "snowy": ("pines", "pines")}
    found: dict[Facts, float] = {}
    for time, meadow in product(("dawn", "day", "dusk", "night"), POSSIBLE["meadow"][:4]):
        p = (0.4 if time == "day" else 0.2) * (0.4 if meadow == "green" else 0.2)
        trees = Counter((*kinds.get(meadow, ("pines", "leafy", "leafy")), None))
        for kind, number in trees.items():
            q = p * number / trees.total()
            for facts, r in _rest(time, meadow, kind):
                found[facts] = found.get(facts, 0.0) + q * r
    return found


def _rest(time: str, meadow: str, trees: str | None) -> Iterator[tuple[Facts, float]]:
    """Everything else, and how often."""
    suns = [(sun, moon) for sun in (*SIDES, None) for moon in _moons(time, sun)]
    snows = (True,) if meadow == "snowy" else (True, False)
    sides = ("left", "right", "both") if trees else (None,)
    for (sun, moon), clouds, snow, forest, lake, side in product(
        suns, (True, False), snows, (True, False), (True, False), sides
    ):
        p = 0.25 / len(_moons(time, sun)) * (2 / 3 if clouds else 1 / 3) / len(snows) / 2
        p *= (2 / 3 if lake else 1 / 3) / len(sides)
        yield Facts(time, sun, moon, clouds, True, snow, forest, lake, meadow, trees, side), p


def _moons(time: str, sun: str | None) -> tuple[bool, ...]:
    return (False, True) if time == "night" and sun else (False,)


# --- Exercise 15.1 --------------------------------------------------------------------------------


def pairs_of(texts: Sequence[Sequence]) -> Counter:
    """How often two symbols stand side by side."""
    return Counter(pair for text in texts for pair in pairwise(text))


def merge(symbols: Sequence, pair: tuple) -> list:
    """The symbols, with each occurrence of the pair, from the left, written as one."""
    merged, i = [], 0
    while i < len(symbols):
        if tuple(symbols[i : i + 2]) == tuple(pair):
            merged.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            merged.append(symbols[i])
            i += 1
    return merged


def check_merge(
    answer: Callable[[list[str], tuple[str, str]], list[str]], *, seed: int = 0
) -> None:
    """Exercise 15.1: one step of byte pair encoding, on symbols that may be merged already."""
    shown = [
        (list("banana"), ("a", "n")),
        (list("aaaaa"), ("a", "a")),
        (["an", "a", "n", "a", "an"], ("a", "n")),
        (["b", "an", "an", "a"], ("n", "a")),
        (list("abcab"), ("b", "a")),
        (["湖", "边", "有", "湖"], ("湖", "边")),
        ([], ("a", "b")),
    ]
    for symbols, pair in cases(seed, shown, _texts):
        given = list(symbols)
        got = run_on_originals(answer, given, pair)
        asked = f"merge({symbols}, {pair})"
        require(
            given == symbols,
            f"{asked} changes the list that it gets. Build a new one: others still need the old.",
            f"{asked} 改动了传进来的列表。请另建一个：旧的别处还要用。",
        )
        _compare_symbols(got, symbols, pair, asked)
    correct()


def _texts(draw: Random) -> list[tuple[list[str], tuple[str, str]]]:
    """Texts in which the pair overlaps itself, stands at the end, or is split by earlier merges."""
    a, b, c = draw.sample("klmnprst", 3)
    n = draw.randint(2, 4)
    return [
        ([c, a, b] * n + [a, b], (a, b)),
        ([a] * (2 * n + 1), (a, a)),
        ([a + b, a, b, c, b, a, a + b], (a, b)),
        ([c, a + b, a, c], (b, a)),
        ([a, c, b] * n, (a, b)),
        ([a, b, c], (a, b)),
    ]


def _compare_symbols(got: object, symbols: list[str], pair: tuple[str, str], asked: str) -> None:
    right = merge(symbols, pair)
    require(
        isinstance(got, list | tuple),
        f"{asked} gives {got!r}; return a list of symbols.",
        f"{asked} 得到 {got!r}；要返回符号的列表。",
    )
    if list(got) == right:
        return
    for wrong, en, zh in _merge_mistakes(symbols, pair):
        if list(got) == wrong:
            raise Mistake(f"{asked} gives {list(got)}. {en}", f"{asked} 得到 {list(got)}。{zh}")
    raise Mistake(
        f"{asked} gives {list(got)}, it should be {right}.",
        f"{asked} 得到 {list(got)}，应为 {right}。",
    )


def _merge_mistakes(symbols: list[str], pair: tuple[str, str]) -> list[tuple[list, str, str]]:
    right = merge(symbols, pair)
    return [
        (
            _first_only(symbols, pair),
            "Only the first occurrence is merged. All of them have to be.",
            "只合并了第一处。每一处都要合并。",
        ),
        (
            _overlapping(symbols, pair),
            "A symbol is used twice: after a merge go on behind both of its symbols.",
            "同一个符号用了两次：合并之后，要从这两个符号的后面接着看。",
        ),
        (
            _from_right(symbols, pair),
            "You merge from the right. The usual way is from the left; where a pair overlaps "
            "itself, it makes a difference.",
            "你从右边开始合并。惯例是从左边开始；对重叠的一对符号，结果不一样。",
        ),
        (
            _characters(symbols, pair),
            "What was merged before is looked into: a symbol such as 'an' is one symbol, its "
            "letters are gone.",
            "以前合并好的又被拆开看了：像 'an' 这样的符号是一个整体，里面的字母已经不在了。",
        ),
        (
            [s for s in right if s != pair[0] + pair[1]],
            "The pair is taken out, but what it becomes is not put in.",
            "把那一对拿掉了，却没有放进合并后的符号。",
        ),
        (
            right[:-1],
            "The last symbol is missing: it has no right neighbour, but it stays.",
            "少了最后一个符号：它没有右邻，但要留下。",
        ),
        (list(symbols), "Nothing is merged.", "什么也没有合并。"),
    ]


def _first_only(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    for i in range(len(symbols) - 1):
        if (symbols[i], symbols[i + 1]) == pair:
            return [*symbols[:i], "".join(pair), *symbols[i + 2 :]]
    return list(symbols)


def _overlapping(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    found, skip = [], False
    for i, symbol in enumerate(symbols):
        if tuple(symbols[i : i + 2]) == pair:
            found.append("".join(pair))
            skip = True
        else:
            if not skip:
                found.append(symbol)
            skip = False
    return found


def _from_right(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    turned = merge([s[::-1] for s in symbols[::-1]], (pair[1][::-1], pair[0][::-1]))
    return [s[::-1] for s in turned[::-1]]


def _characters(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    """What replacing in the joined text gives, with spaces between the old symbols."""
    text = " ".join(symbols).replace(" ".join(pair), "".join(pair))
    split = merge([c for s in symbols for c in s], pair)
    return split if split != merge(symbols, pair) else text.split()


# --- Exercise 15.2 --------------------------------------------------------------------------------

# Five real runs: the GPT of the pairs (1 block of width 48, 200 steps of 48 pairs, seed 0), and the
# same with one thing wrong. NLL in nats per picture of 32 tokens, held out; saved: nats per picture
# that the caption saves in the model itself, on training and on held-out pairs; then, of 200
# samples, the share of left and of right digits that are read as asked, of pairs that are right,
# of unequal pairs that are right but for the sides, and of the sevens that are sevens.
LOG_COLUMNS = (
    "run",
    "val",
    "saved_train",
    "saved_val",
    "left",
    "right",
    "both",
    "swapped",
    "seven",
)
LOGS = {
    "healthy": (99.47, 4.45, 3.50, 0.855, 0.850, 0.720, 0.005, 0.91),
    "mirrored": (104.83, 3.23, 2.37, 0.275, 0.345, 0.130, 0.049, 0.18),
    "missing_words": (100.81, 3.68, 2.89, 0.660, 0.665, 0.440, 0.016, 0.13),
    "shuffled": (106.91, 0.00, -0.01, 0.090, 0.090, 0.010, 0.005, 0.04),
    "truncated": (103.25, 2.18, 1.46, 0.750, 0.065, 0.045, 0.011, 0.40),
}
BUGS = {"A": "mirrored", "B": "missing_words", "C": "shuffled", "D": "truncated"}
NAMES = ("mirrored", "missing_words", "off_by_one", "shuffled", "truncated")


def logs() -> list[tuple]:
    """The rows of the table: the run without a mistake, then A to D."""
    named = {"healthy": "healthy"} | BUGS
    return [(letter, *LOGS[bug]) for letter, bug in named.items()]


# What speaks against a name, in each run.
AGAINST = {
    ("A", "missing_words"): (
        "then most digits would come out as asked; here few do",
        "那样的话，大多数数字会画对；这里画对的很少",
    ),
    ("A", "shuffled"): (
        "then the caption would save nothing on new pictures; here it saves two thirds of what it "
        "saves in the healthy run",
        "那样的话，标题在新图上什么也省不下来；这里它省下的是正常时的三分之二",
    ),
    ("A", "truncated"): (
        "then the left digit would be right; here left and right are wrong alike",
        "那样的话，左边的数字会是对的；这里左右错得一样多",
    ),
    ("B", "mirrored"): (
        "then most digits would be wrong; here most are right",
        "那样的话，大多数数字会画错；这里大多数都对",
    ),
    ("B", "shuffled"): (
        "then hardly a digit would come out as asked; here most do",
        "那样的话，几乎没有数字画得对；这里大多数都对",
    ),
    ("B", "truncated"): (
        "then the left digit would be right and the right one drawn at random; here left and right "
        "are wrong alike, and sevens more than others",
        "那样的话，左边的数字会是对的，右边的在乱画；这里左右错得一样多，7 错得比别的多",
    ),
    ("C", "mirrored"): (
        "then the caption would still save nats; here it saves nothing",
        "那样的话，标题还能省下不少；这里什么也没省",
    ),
    ("C", "missing_words"): (
        "then most digits would come out as asked; here hardly one does",
        "那样的话，大多数数字会画对；这里几乎没有一个画对",
    ),
    ("C", "truncated"): (
        "then the left digit would be right; here it is not",
        "那样的话，左边的数字会是对的；这里不是",
    ),
    ("D", "mirrored"): (
        "then left and right would be wrong alike; here only the right one is",
        "那样的话，左右错得一样多；这里只有右边错",
    ),
    ("D", "missing_words"): (
        "then left and right would be wrong alike; here only the right one is",
        "那样的话，左右错得一样多；这里只有右边错",
    ),
    ("D", "shuffled"): (
        "then the left digit would be wrong, too; here it is right",
        "那样的话，左边的数字也会错；这里它是对的",
    ),
}
OFF_BY_ONE = (
    "then nothing would come out as asked, although the caption saves as much as in the healthy "
    "run: the mistake is made after training",
    "那样的话，要什么都不对，可是标题省下的会和正常的一样多：错是在训练之后犯的",
)


def check_diagnosis(answer: Any, *, seed: int = 0) -> None:
    """Exercise 15.2: which mistake made each of the four logs. The same for every seed."""
    judge(
        answer,
        BUGS,
        NAMES,
        lambda *pair: AGAINST.get(pair, OFF_BY_ONE),
    )


# --- Exercise 15.3 --------------------------------------------------------------------------------


def ways(text: str, words: Sequence[str]) -> int:
    """In how many ways the text can be cut into known words."""
    found = [1] + len(text) * [0]  # of the first i characters
    for i in range(len(text)):
        for word in words:
            if text.startswith(word, i):
                found[i + len(word)] += found[i]
    return found[-1]


def check_ways(answer: Callable[[str, tuple[str, ...]], int], *, seed: int = 0) -> None:
    """Exercise 15.3: in how many ways a text can be cut into known words."""
    shown = [
        ("研究生命起源", ("研究", "研究生", "生命", "命", "起源")),
        ("湖边有雪山", ("湖", "湖边", "有", "雪山", "雪")),
        ("aaaa", ("a", "aa")),
        ("banana", ("ba", "ban", "an", "ana", "na", "n")),
        ("雪山上", ("雪山", "山上")),
        ("ab" * 20, ("a", "b", "ab", "aba")),
    ]
    for text, words in cases(seed, shown, _cuttable):
        asked = f"ways({text!r}, {words})"
        got, right = run(answer, text, words), ways(text, words)
        if got == right and not isinstance(got, bool):
            continue
        for wrong, en, zh in _ways_mistakes(text, words):
            if got == wrong and isinstance(got, bool) == isinstance(wrong, bool):
                raise Mistake(f"{asked} gives {got}. {en}", f"{asked} 得到 {got}。{zh}")
        raise Mistake(
            f"{asked} gives {got}, it should be {right}.", f"{asked} 得到 {got}，应为 {right}。"
        )
    correct()


def _cuttable(draw: Random) -> list[tuple[str, tuple[str, ...]]]:
    """Texts of two letters that can be cut in several ways, one that cannot, and a long one."""
    a, b, c = draw.sample("klmnprst", 3)
    n = draw.randint(3, 5)
    mixed = "".join(draw.choice((a, b)) for _ in range(n + 4))
    return [
        (a * (n + 1), (a, 2 * a)),
        (a * 2 * n, (2 * a, 3 * a)),
        (a + mixed + a + b, (a, b, a + b, b + a)),
        (a + b + c, (a, a + b)),
        ((a + b) * 20, (a, b, a + b, a + b + a)),
    ]


def _ways_mistakes(text: str, words: Sequence[str]) -> list[tuple[object, str, str]]:
    rest = text
    while fitting := [word for word in words if rest.startswith(word)]:
        rest = rest[len(max(fitting, key=len)) :]
    right = ways(text, words)
    known = [*words, *sorted(set(text) - set(words))]
    return [
        (
            right > 0,
            "Whether there is a way was not asked, but how many there are.",
            "问的不是有没有，而是有几种。",
        ),
        (
            int(not rest),
            "That is whether the longest-first rule gets through. Other cuts count, too.",
            "这是「取最长的」走不走得通。别的切法也要算。",
        ),
        (
            0,
            "0 comes out if nothing is left to begin with: nothing can be cut in one way.",
            "没有起点，就总是 0：什么也没有，有一种切法。",
        ),
        (
            ways(text, known),
            "You let single unknown characters pass. All parts have to be known words.",
            "不认识的单字也放过去了。每一段都必须是认识的词。",
        ),
        (
            sum(text.startswith(word) for word in words),
            "That is how many words the text begins with. The rest has to be cut as well.",
            "这是开头有几个词配得上。剩下的也要切。",
        ),
        (
            sum(text.startswith(word, i) for i in range(len(text)) for word in words),
            "That is how often a known word stands somewhere in the text. Count whole cuts.",
            "这是认识的词一共出现几次。要数的是整个的切法。",
        ),
        (
            _fewest(text, words),
            "That is how many words the shortest cut has. Count the cuts.",
            "这是最短的切法有几个词。要数有几种切法。",
        ),
    ]


def _fewest(text: str, words: Sequence[str]) -> int | None:
    best: list[int | None] = [0] + len(text) * [None]
    for i in range(len(text)):
        for word in words:
            j = i + len(word)
            if best[i] is not None and text.startswith(word, i):
                best[j] = min(best[i] + 1, len(text) if best[j] is None else best[j])
    return best[-1]


# --- the lab --------------------------------------------------------------------------------------

STATED = {"seen": 0.7, "pair": 0.4, "place": 0.4}
"""What the lab runs with where nobody predicts; it is as wrong as a first guess."""
