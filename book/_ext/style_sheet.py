"""Sphinx extension: our style sheets reach the pages as one file; each would cost a request.

`style_sheets` lists them in the order in which they count, and `style.css` is what they make.
"""

from pathlib import Path

STATIC = Path(__file__).parents[1] / "_static"


def join_sheets(app, config):
    """Handler of `config-inited`."""
    folder = Path(app.doctreedir) / "style"
    folder.mkdir(parents=True, exist_ok=True)
    sheets = [(STATIC / name).read_text("utf-8") for name in config.style_sheets]
    (folder / "style.css").write_text("\n".join(sheets), "utf-8")
    config.html_static_path.append(str(folder))


def remove_sheets(app, exception):
    """Handler of `build-finished`: no page loads the single ones."""
    for name in app.config.style_sheets:
        (Path(app.outdir) / "_static" / name).unlink(missing_ok=True)


def setup(app):
    """Register the extension with Sphinx."""
    app.add_config_value("style_sheets", [], "html")
    app.connect("config-inited", join_sheets)
    app.connect("build-finished", remove_sheets)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
