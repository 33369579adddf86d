"""Captions: cut into words that a prior knows, and what cannot be read is named."""

import pytest
import torch

from vqlib.data.scenes import scene
from vqlib.generate import TextCondition

SCENES = [scene(seed, height=8, width=8) for seed in range(50)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_real_captions_are_cut_back_into_their_words(language):
    cut = [s.caption_words[language] for s in SCENES]
    condition = TextCondition.of(cut)
    assert list(condition.words) == sorted({word for words in cut for word in words})
    assert condition.length == max(map(len, cut))
    for s, words in zip(SCENES, cut, strict=True):
        assert tuple(condition.cut(s.caption[language])) == words
    ids = condition.ids([s.caption[language] for s in SCENES], 50)
    for row, words in zip(ids.tolist(), cut, strict=True):
        read = [condition.words[n - 1] for n in row if n]
        assert tuple(read) == words
        assert row[len(words) :] == [0] * (condition.length - len(words))
    assert torch.equal(condition.ids(ids, 50), ids)


def test_one_model_can_read_both_languages():
    both = [s.caption_words[language] for s in SCENES for language in ("en", "zh")]
    condition = TextCondition.of(both)
    for s in SCENES:
        for language in ("en", "zh"):
            assert tuple(condition.cut(s.caption[language])) == s.caption_words[language]


def test_captions_are_cut_at_spaces_and_commas_or_into_the_longest_words():
    condition = TextCondition((",", "，", "a", "am", "sun", "红", "红叶", "红叶树", "松树"), 8)
    for caption, words in [
        ("A  Sun,a\tsun ", ["a", "sun", ",", "a", "sun"]),
        ("am a", ["am", "a"]),
        ("红叶树红叶，红松树", ["红叶树", "红叶", "，", "红", "松树"]),
        ("a红 sun松树", ["a", "红", "sun", "松树"]),
        (" ", []),
        ("", []),
    ]:
        assert condition.cut(caption) == words
    assert condition.ids(["a sun", ""], 2).tolist() == [[3, 5, *[0] * 6], [0] * 8]
    assert condition.num_ids == 9 + 1


@pytest.mark.parametrize(
    ("caption", "message"),
    [
        (
            "a green sun",
            "'a green sun': the word 'green' is not known; there are: 'a', 'red', 'sun', '红'",
        ),
        ("a suns", "the word 'suns' is not known"),
        ("su", "the word 'su' is not known"),
        ("red; sun", "the word ';' is not known"),
        ("红绿", "the word '绿' is not known"),
        ("a red red sun", "'a red red sun' has 4 words; this model reads at most 3"),
    ],
)
def test_captions_that_cannot_be_read_are_named(caption, message):
    condition = TextCondition(("a", "red", "sun", "红"), 3)
    for read in (condition.cut, lambda text: condition.ids(["a", text], 2)):
        with pytest.raises(ValueError, match=message):
            read(caption)
