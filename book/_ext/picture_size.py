"""Sphinx extension: pictures of code cells keep their shape, and say how large they were drawn.

MyST-NB writes width and height into an inline style, where a narrow page shrinks the width alone.
As attributes they give the browser the ratio before the picture is there; and `--drawn` tells the
style sheet how wide the picture was drawn, since much below that its words are too small to read.
Of a vector picture the file itself says so, and whether it is a plot (`vqlib.show.style`), which
the page may turn by night; of pixels the file says if there are no words in them.
"""

import re
from pathlib import Path

from PIL import Image

SIZE = re.compile(r'style="width: (\d+)(?:\.\d+)?px; height: (\d+)(?:\.\d+)?px;"')

# A vector picture that a cell has drawn is called by its digest; its file says how many points.
VECTOR = re.compile(r'(<img [^>]*src="[^"]*/(\w{64}\.svg)")( />)')
POINTS = re.compile(r'<svg [^>]*?\bwidth="([\d.]+)pt"')
PLOT = '<g id="plot">'
PIXELS = re.compile(r'(<img [^>]*src="[^"]*/(\w{64}\.png)" [^>]*?) style="--drawn: \d+px"')


def keep_ratio(html: str) -> str:
    """A page whose pictures have their size in attributes."""
    return SIZE.sub(r'width="\1" height="\2" style="--drawn: \1px"', html)


def say_width(html: str, images: Path) -> str:
    """A page whose vector pictures say how wide they were drawn, and which of them are plots.

    Their files are in `images`.
    """

    def add(image: re.Match) -> str:
        svg = (images / image[2]).read_text("utf-8")
        kind = ' class="plot"' if PLOT in svg else ""
        width = POINTS.search(svg)
        style = f' style="--drawn: {float(width[1]) * 4 / 3:.0f}px"' if width else ""
        return image[1] + kind + style + image[3]

    return VECTOR.sub(add, html)


def say_wordless(html: str, images: Path) -> str:
    """A page whose pictures of pixels only tell their drawn width if there are words in them."""

    def drop(image: re.Match) -> str:
        with Image.open(images / image[2]) as picture:
            wordless = picture.info.get("Description") == "no words"
        return image[1] if wordless else image[0]

    return PIXELS.sub(drop, html)


def finish_pages(app, exception):
    """Handler of `build-finished`."""
    for page in Path(app.outdir).rglob("*.html") if not exception else ():
        html, images = keep_ratio(page.read_text("utf-8")), Path(app.outdir) / "_images"
        page.write_text(say_wordless(say_width(html, images), images), "utf-8")


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("build-finished", finish_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
