"""Draw the course's figures: `python book/figures/render.py [NAME …] [--check]`.

Every other module of this folder but `canvas` is a figure: `WORDS` holds its words in each language
and `draw(words)` returns a Canvas. Where it has `VARIANTS`, a dictionary, each of them is a figure
NAME-VARIANT, and `draw` gets its values after the words. Each figure becomes
`rendered/NAME.LANG.svg`, for the book, and a PNG at twice the size for the notebooks, because Colab
shows no embedded SVG. The PNG needs Chromium and a font with Chinese; `--check` compares the SVG
files alone and needs neither.
"""

import argparse
import importlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
RENDERED = HERE / "rendered"
LANGUAGES = ("en", "zh")


def names() -> list[str]:
    """All figures, by name."""
    modules = sorted(p.stem for p in HERE.glob("*.py") if p.stem not in ("canvas", "render"))
    return [name for module in modules for name in variants(module)]


def variants(module: str) -> list[str]:
    """The figures that one module draws."""
    keys = getattr(load(module), "VARIANTS", {})
    return [f"{module}-{key}" for key in keys] or [module]


def load(module: str) -> ModuleType:
    """The module of a figure, which imports its canvas as a neighbour."""
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    return importlib.import_module(module)


def svg(name: str, language: str) -> str:
    """The SVG text of a figure in a language."""
    module, _, variant = name.partition("-")
    figure = load(module)
    values = figure.VARIANTS[variant] if variant else ()
    return figure.draw(figure.WORDS[language], *values).svg()


def stale() -> list[Path]:
    """Rendered SVG files that are not what their module draws."""
    wanted = {RENDERED / f"{n}.{lang}.svg": svg(n, lang) for n in names() for lang in LANGUAGES}
    old = [p for p, text in wanted.items() if not p.is_file() or p.read_text("utf-8") != text]
    return old + sorted(set(RENDERED.glob("*.svg")) - set(wanted))


def render(name: str) -> None:
    """Write a figure's SVG and PNG files in every language."""
    for language in LANGUAGES:
        target = RENDERED / f"{name}.{language}.svg"
        target.parent.mkdir(exist_ok=True)
        target.write_text(svg(name, language), encoding="utf-8")
        rasterise(target)
        print(target)


def rasterise(path: Path) -> None:
    """Screenshot an SVG file at twice its size, next to it."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("no Chromium found; install it (Debian: apt-get install chromium fonts-noto-cjk)")
    text = path.read_text(encoding="utf-8")
    width, height = text.split('width="', 1)[1].split('" height="', 1)
    size = f"{width},{height.split(chr(34), 1)[0]}"
    page = f"<body style='margin:0;background:transparent'>{text}</body>"
    with tempfile.TemporaryDirectory() as folder:
        html = Path(folder) / "figure.html"
        html.write_text(f"<!doctype html><meta charset=utf-8>{page}", encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        # Without these two a busy machine can screenshot a half-painted page.
        options += ["--run-all-compositor-stages-before-draw", "--virtual-time-budget=3000"]
        options += ["--disable-background-networking", "--force-device-scale-factor=2"]
        options += ["--default-background-color=00000000", f"--window-size={size}"]
        options += [f"--screenshot={path.with_suffix('.png')}", f"--user-data-dir={folder}/profile"]
        subprocess.run([chromium, *options, html.as_uri()], check=True, capture_output=True)


def main() -> None:
    """Parse the arguments and draw, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="figures or their modules; all by default")
    parser.add_argument("--check", action="store_true", help="only say which SVG files are stale")
    arguments = parser.parse_args()
    if not arguments.check:
        for given in arguments.names or names():
            for name in [given] if "-" in given else variants(given):
                render(name)
    elif old := stale():
        sys.exit("stale: " + ", ".join(map(str, old)) + "; run python book/figures/render.py")


if __name__ == "__main__":
    main()
