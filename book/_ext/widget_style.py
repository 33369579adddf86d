"""Sphinx extension: the style of the widgets, on the pages that have some.

MyST-NB adds the script that draws them (`nb_ipywidgets_js` in _config.yml) to these pages alone;
the style goes the same way.
"""

from myst_nb.sphinx_ import NbMetadataCollector


def add_style(app, pagename, templatename, context, doctree):
    """Handler of `html-page-context`."""
    if doctree is not None and NbMetadataCollector.get_js_files(app.env, pagename):
        app.add_css_file("widgets.css")


def setup(app):
    """Register the extension with Sphinx."""
    app.connect("html-page-context", add_style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
