"""The checks of every page can fail: put a defect into a sound page, and the right one tells."""

import shutil

import pytest
from page_checks import Expected, find_defects

PAGE, TWIN = "book/pages/en/notation.html", "zh/book/pages/zh/notation.html"
END = "</article>"
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
GREY = "<style>html[data-theme={}] article > p {{color: #999; background: #888}}</style><p>dim</p>"
ONE_LINE = 'style="white-space: nowrap"'
ONE_LINE_CUT = 'style="white-space: nowrap; overflow: hidden"'
SCROLLS = 'style="overflow: auto" tabindex="0"'
WIDE_FORMULA = """<span class="math" style="overflow: hidden"><mjx-container>
  <svg width="90ex" height="2ex"></svg></mjx-container></span>"""
PHOTO = f'<img src="{PIXEL}" alt="A pixel"'
LOGO = "../../../_static/favicon.svg"
LONG = "x" * 200
NAV = '<nav class="bd-links bd-docs-nav" aria-label="Main">'

# What replaces what in the page, and which checks tell.
PLANTS = {
    "script of another host": (
        END, '<script src="https://cdn.example.org/x.js"></script>', {"foreign", "errors"}
    ),
    "font of another host": (
        END, "<style>@import 'https://fonts.example.org/x.css';</style>", {"foreign", "errors"}
    ),
    "file that is not there": (END, '<img src="gone.gif" alt="gone">', {"failed", "errors"}),
    "error in the console": (END, "<script>console.error('planted')</script>", {"errors"}),
    "uncaught error": (END, "<script>undefined.planted</script>", {"errors"}),
    "raw TeX in a line": (END, r"<p>\(x\)</p>", {"formulas"}),
    "raw TeX in folded text": (END, "<details><p>$$x$$</p></details>", {"formulas"}),
    "formula without a picture": (END, '<span class="math">x</span>', {"formulas"}),
    "wide box": (END, '<div style="width: 2000px">wide</div>', {"width", "wide font"}),
    "word that is wide in another font": (END, f"<p {ONE_LINE}>{'i' * 40}</p>", {"wide font"}),
    "words cut off in another font": (END, f"<p {ONE_LINE_CUT}>{'i' * 40}</p>", {"wide font"}),
    "formula that is cut off": (END, WIDE_FORMULA, {"width", "wide font"}),
    "picture without words": (END, f'<img src="{PIXEL}">', {"pictures", "by day"}),
    "picture with a file's name": (END, f'<img src="{PIXEL}" alt="../a1b2.png">', {"pictures"}),
    "words of the other language": (END, f'<img src="{PIXEL}" alt="数字">', {"pictures"}),
    "picture out of shape": (END, f'{PHOTO} style="width: 40px; height: 10px">', {"shapes"}),
    "figure that shrinks": (
        END, f'<img src="{LOGO}" alt="Four" style="min-width: 0; width: 9px">', {"words"}
    ),
    "plot that shrinks": (
        END, f'{PHOTO} style="--drawn: 900px; width: 300px; height: 300px">', {"words"}
    ),
    "picture wider than its column": (
        END, f'<div {SCROLLS}>{PHOTO} style="width: 2000px; max-width: none"></div>', {"columns"}
    ),
    "titles above a picture": (
        END,
        '<div class="titled-picture" style="display: block"><div class="row-titles"><p>a</p></div>'
        f'<div class="picture">{PHOTO}></div></div>',
        {"titles"},
    ),
    "code that is cut": (END, f'<div class="cell_input"><pre>{LONG}</pre></div>', {"code"}),
    "code that scrolls without a shadow": (
        END, f'<pre style="background: none">{LONG}</pre>', {"shadows"}
    ),
    "code in another font": (
        END, "<style>code {font-family: sans-serif !important}</style>", {"code"}
    ),
    "picture with two frames": (
        END, f'<p style="background: #ddd">{PHOTO}></p>', {"frames"}
    ),
    "plot that is white by night": (
        END, f'<p>{PHOTO} class="plot" style="filter: none !important"></p>', {"plots"}
    ),
    "long name in the sidebar": (
        NAV, f'{NAV}<ul><li><a href="#">{"A long name. " * 9}</a></li></ul>', {"sidebar"}
    ),
    "two titles": (END, "<h1>Again</h1>", {"headings"}),
    "level left out": (END, "<h2>Two</h2><h4>Four</h4>", {"headings"}),
    "pale text by day": (END, GREY.format("light"), {"by day"}),
    "pale text by night": (END, GREY.format("dark"), {"by night"}),
    "button without a name": (END, "<button></button>", {"by day"}),
    "language not said": ('<html lang="en"', '<html lang="fr"', {"language"}),
    "switch to another page": ("notation.html\" lang=", "setup.html\" lang=", {"switch"}),
    "switch to nowhere": ("notation.html\" lang=", "gone.html\" lang=", {"switch", "failed"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def copy(rendered_book, tmp_path_factory):
    """A site of one page, its twin and one more, in a folder that may be spoiled."""
    folder = tmp_path_factory.mktemp("planted")
    for static in ("_static", "zh/_static"):
        shutil.copytree(rendered_book / static, folder / static)
    for page in (PAGE, TWIN, TWIN.replace("notation", "setup")):
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(rendered_book / page, folder / page)
    return folder


def inspect(copy, open_page):
    base = f"{copy.as_uri()}/"
    expected = Expected("en", base + TWIN, has_formulas=True)
    return find_defects(open_page(PAGE, base=base), expected)


def test_the_copy_is_sound(copy, open_page):
    assert inspect(copy, open_page) == {}


@pytest.mark.parametrize(("old", "new", "checks"), PLANTS.values(), ids=PLANTS.keys())
def test_a_planted_defect_is_found(copy, rendered_book, open_page, old, new, checks):
    text = (rendered_book / PAGE).read_text("utf-8")
    assert old in text
    (copy / PAGE).write_text(text.replace(old, new + old if old == END else new), "utf-8")
    found = inspect(copy, open_page)
    (copy / PAGE).write_text(text, "utf-8")
    print(found)
    assert set(found) == checks


def test_formulas_that_were_left_out_are_missed(copy, rendered_book, open_page):
    text = (rendered_book / PAGE).read_text("utf-8")
    (copy / PAGE).write_text(text.replace("mjx-container", "span"), "utf-8")
    found = inspect(copy, open_page)
    (copy / PAGE).write_text(text, "utf-8")
    assert "the source has formulas, the page has none" in found["formulas"]
