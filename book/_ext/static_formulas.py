"""Sphinx extension: formulas are left in the pages as TeX, and no page loads MathJax.

The build typesets them afterwards, on all finished pages at once (`book/prerender`). What is left
in a page is what MathJax would have found there, between the same delimiters.
"""

from myst_parser.sphinx_ext.mathjax import html_visit_displaymath
from sphinx.ext.mathjax import html_visit_math


def setup(app):
    """Register the extension with Sphinx."""
    # Sphinx prefers any renderer over its own, MathJax in the browser.
    app.add_html_math_renderer("static", (html_visit_math, None), (html_visit_displaymath, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
