"""Words of widgets, in both languages at once: one widget serves both books.

A page of the book keeps those of its own language (`book/_static/widgets.js`). A notebook, which
does not know its language, shows both.
"""

from html import escape

Words = tuple[str, str]
"""The same in English and in Chinese."""

FILM: Words = ("Play, or drag the slider", "播放，或者拖动滑块")
DRAG: Words = ("Drag the slider", "拖动滑块")
CHOOSE: Words = ("Choose one after the other", "挨个选一选")
ORIGINAL: Words = ("original", "原图")


def in_both(words: Words) -> str:
    """HTML of two elements, one for each language.

    Raises:
        ValueError: not one text for each language.
    """
    if isinstance(words, str) or len(words) != 2 or not all(words):
        raise ValueError(f"words are a pair, English and Chinese, got {words!r}")
    return "".join(
        f'<span lang="{language}">{escape(text)} </span>'
        for language, text in zip(("en", "zh"), words, strict=True)
    )
