"""Formulas and icons are drawn when the book is built; what cannot be drawn stops the build."""

import json
import re

import pytest
from bs4 import BeautifulSoup

from assets import install, prerender
from books import BuildError

ICONS = {"fas": {"rocket": [512, 256, [], "f135", "M1 2"]}, "fab": {"github": [1, 1, [], "", "M3"]}}


def inline(tex):
    return f'<span class="math notranslate nohighlight">\\({tex}\\)</span>'


def display(tex, extra=""):
    return f'<div class="math notranslate nohighlight">{extra}\\[{tex}\\]</div>'


@pytest.fixture(scope="module", autouse=True)
def packages():
    install()


@pytest.fixture
def finish(tmp_path):
    """Function that writes a page with this in its body, finishes it, and returns what came out."""
    scripts = tmp_path / "_static/scripts"
    scripts.mkdir(parents=True)
    icons = f"window.___FONT_AWESOME___ = {{styles: {json.dumps(ICONS)}}}"
    (scripts / "fontawesome.js").write_text(icons)
    page = tmp_path / "folder/page.html"
    page.parent.mkdir()

    def finish(body):
        page.write_text(f'<html><body class="a">{body}</body></html>', "utf-8")
        prerender(tmp_path)
        return BeautifulSoup(page.read_text("utf-8"), "html.parser")

    return finish


# --- Formulas -----------------------------------------------------------------------------------


def test_a_formula_is_a_picture_and_mathml(finish):
    soup = finish(f"<p>Let {inline('z_q &lt; 1')} be</p>")
    formula = soup.select_one("p > span.math > mjx-container")
    assert formula.svg["aria-hidden"] == "true"
    assert formula.select_one("mjx-assistive-mml math").get_text() == "zq<1"
    assert "\\(" not in soup.get_text()
    assert soup.p.get_text().startswith("Let ")
    assert soup.p.get_text().endswith(" be")


@pytest.mark.parametrize(
    ("body", "together"),
    [
        (f"归 {inline('z')}。有了它", ["z。"]),
        (f"（{inline('z')}），{inline('y')} 和 {inline('x')}", ["（z），"]),
        (f"({inline('z')}), so", ["(z),"]),
        (f"{inline('z')}、{inline('y')}；", ["z、", "y；"]),
        (f"Let {inline('z')} be", []),
        (f"an end.{inline('z')}<b>.</b>", []),
        (f"above:{display('z')}.", []),
    ],
)
def test_punctuation_stays_with_its_formula(finish, body, together):
    soup = finish(f"<p>{body}</p>")
    for svg in soup.select("mjx-container > svg"):
        svg.decompose()
    assert [span.get_text() for span in soup.select("span.unbroken")] == together
    words = re.sub(r"\\[][()]", "", BeautifulSoup(body, "html.parser").get_text())
    assert soup.body.get_text().strip() == words


def test_the_glyphs_of_a_page_are_there_once(finish):
    soup = finish(inline("x + x") + inline("x^2"))
    shapes = [path["id"] for path in soup.select("svg.glyphs path")]
    assert len(shapes) == len(set(shapes)) == 3
    used = {use["xlink:href"].removeprefix("#") for use in soup.select("mjx-container use")}
    assert used == set(shapes)


def test_a_line_break_in_a_formula_is_not_its_end(finish):
    soup = finish(display(r"\begin{aligned}a &amp;= b \\[2pt] c &amp;= d\end{aligned}"))
    (formula,) = soup.select("div.math > mjx-container")
    assert formula["display"] == "true"
    assert formula.math.get_text() == "a=bc=d"


def test_the_number_of_an_equation_stays(finish):
    soup = finish(display("E", extra='<span class="eqno">(1)<a href="#e">#</a></span>'))
    assert soup.select_one("div.math .eqno").get_text() == "(1)#"
    assert soup.select_one("div.math mjx-container")


def test_chinese_in_a_formula_is_text(finish):
    soup = finish(inline(r"\text{码本}"))
    assert soup.select_one("mjx-container svg").get_text() == "码本"


@pytest.mark.parametrize("tex", [r"\undefined", r"\frac{a", "a_b_c"])
def test_broken_tex_stops_the_build(finish, tex):
    with pytest.raises(BuildError) as error:
        finish(inline(tex))
    assert "folder/page.html" in str(error.value)
    assert tex in str(error.value)


def test_a_page_without_formulas_gets_no_glyphs(finish):
    assert finish("<p>Prose with \\(a\\) backslash</p>").select("svg") == []


# --- Icons --------------------------------------------------------------------------------------


def test_an_icon_is_drawn_where_it_stood(finish):
    soup = finish('<i class="theme-switch fas fa-rocket fa-lg" data-mode="x" title="Go"></i>')
    (icon,) = soup.select("svg.svg-inline--fa")
    assert icon["class"] == ["svg-inline--fa", "theme-switch", "fa-rocket", "fa-lg"]
    assert (icon["viewbox"], icon["data-mode"]) == ("0 0 512 256", "x")
    assert icon.title.get_text() == "Go"
    assert icon.path["d"] == "M1 2"


def test_all_ways_to_name_an_icon(finish):
    soup = finish('<span class="fab fa-github"></span><i class="fa-solid fa-rocket"></i>')
    assert [path["d"] for path in soup.select("svg path")] == ["M3", "M1 2"]


def test_the_script_with_all_icons_is_no_longer_loaded(finish):
    assert (
        finish('<script src="../_static/scripts/fontawesome.js?digest=1"></script>').script is None
    )


def test_an_unknown_icon_stops_the_build(finish):
    with pytest.raises(BuildError, match='no icon is called "fas fa-nope"'):
        finish('<i class="fas fa-nope"></i>')
