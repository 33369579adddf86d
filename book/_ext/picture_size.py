"""Sphinx extension: pictures of code cells keep their shape, and say how large they were drawn.

MyST-NB writes width and height into an inline style, where a narrower page shrinks the width alone.
As attributes they give the browser the ratio before the picture is there; and `--drawn` tells the
style sheet the width below which words in the picture become too small to read.
"""

import re
from pathlib import Path

SIZE = re.compile(r'style="width: (\d+)(?:\.\d+)?px; height: (\d+)(?:\.\d+)?px;"')


def keep_ratio(html: str) -> str:
    """A page whose pictures have their size in attributes."""
    return SIZE.sub(r'width="\1" height="\2" style="--drawn: \1px"', html)


def finish_pages(app, exception):
    """Handler of `build-finished`."""
    for page in Path(app.outdir).rglob("*.html") if not exception else ():
        page.write_text(keep_ratio(page.read_text("utf-8")), "utf-8")


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("build-finished", finish_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
