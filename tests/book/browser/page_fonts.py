"""A font that is the same on every machine, and wider than those that readers have."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import matplotlib
from playwright.sync_api import Page

# Bold, so that an i is as wide as an m; its ex, which formulas are measured in, is wide too.
FILE = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSansMono-Bold.ttf"


@cache
def style() -> str:
    """CSS that sets everything in the wide font."""
    data = b64encode(FILE.read_bytes()).decode()
    face = f"@font-face {{font-family: Wide; src: url(data:font/ttf;base64,{data})}}"
    return f"{face} * {{font-family: Wide !important}}"


@contextmanager
def wide_font(page: Page) -> Iterator[None]:
    """The page in the wide font; afterwards in its own again."""
    tag = page.add_style_tag(content=style())
    page.evaluate("document.fonts.ready.then(() => {})")
    yield
    tag.evaluate("style => style.remove()")
