"""Weave: what each rule makes of good sources, and where it reports bad ones."""

import base64
import json
import re
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cells import OUTPUT_TAGS, SKIP_TAGS
from chapter import KNOWN_TAGS, WeaveError
from weave import weave

FRONT_MATTER = """\
---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {name: python3, display_name: Python 3}
---
"""
TITLE = '+++ {"lang": "en"}\n\n# Title\n\n+++ {"lang": "zh"}\n\n# 标题\n'
START = FRONT_MATTER + TITLE
FIRST = START.count("\n") + 1  # the line below the title cells
PATH = Path("book/chapters/03_straight_through.md")
PNG = b"\x89PNG pretend"


def code(source, metadata=""):
    return f"```{{code-cell}} ipython3\n{metadata}\n{source}\n```\n"


def tagged(source, *tags):
    return code(source, f":tags: [{', '.join(tags)}]\n")


def pair(en, zh):
    return f'+++ {{"lang": "en"}}\n\n{en}\n\n+++ {{"lang": "zh"}}\n\n{zh}\n'


def described(en, zh):
    cells = f'+++ {{"lang": "en", "alt": {en}}}\n\nWords.\n\n'
    return cells + f'+++ {{"lang": "zh", "alt": {zh}}}\n\n文字。\n'


def set_exercise(task, *check_tags, number="3.1", facts="points: 1, minutes: 5"):
    """A card, the exercise and its check; the exercise opens 12 lines below the card."""
    card = f'+++ {{{{"lang": "{{}}", "exercise": "{number}"}}}}\n\n### {{}}\n\n{{}}\n\n'
    cards = card.format("en", "One more", "Write f.") + card.format("zh", "加一", "写出 f。")
    metadata = f'---\ntags: [exercise]\nexercise: {{id: "{number}", {facts}}}\n---'
    return cards + code(task, metadata) + tagged(CHECK, "check", *check_tags)


CHECK = "assert f(1) == 2"
SOLVED = "def f(x):\n    ### BEGIN SOLUTION\n    return x + 1\n    ### END SOLUTION"
EXERCISE = set_exercise(SOLVED)


@pytest.fixture
def figures(tmp_path):
    for language in ("en", "zh"):
        (tmp_path / f"arrow.{language}.png").write_bytes(PNG + language.encode())
    return tmp_path


def woven(body, figures=Path("nowhere"), path=PATH, start=START):
    return weave(start + body, path, figures=figures, repository="https://example.org/vqlib")


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def last(notebook):
    return notebook.cells[-1]


# --- what a good source becomes ---------------------------------------------------------------


def test_each_language_gets_its_prose_and_all_the_code():
    both = woven(code("x = 1") + pair("Words.", "文字。") + "\n+++\n\n$$ e = mc^2 $$\n")
    assert [cell.source for cell in both.en.cells[2:]] == ["x = 1", "Words.", "$$ e = mc^2 $$"]
    assert [cell.source for cell in both.zh.cells[2:]] == ["x = 1", "文字。", "$$ e = mc^2 $$"]


def test_notebooks_are_valid_bare_and_end_in_a_newline():
    both = woven(code("x = 1"))
    for language in ("en", "zh"):
        text = both.text(language, {})
        notebook = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert set(notebook.metadata) == {"kernelspec", "language_info"}
        assert (
            text
            == json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        )
        assert all(cell.execution_count is None for cell in code_cells(notebook))
        assert "lang" not in notebook.cells[0].metadata


def test_title_comes_first_then_the_cell_that_installs():
    both = woven("")
    assert [cell.source for cell in (both.en.cells[0], both.zh.cells[0])] == ["# Title", "# 标题"]
    install = both.en.cells[1]
    assert '%pip install -q "vqlib[course] @ git+https://example.org/vqlib"' in install.source
    assert install.metadata.tags == ["remove-cell"]


def test_ids_follow_the_source_and_are_shared():
    both = woven(code("x = 1") + EXERCISE)
    ids = [cell.id for cell in both.en.cells]
    assert ids == [cell.id for cell in both.zh.cells]
    assert ids == [
        "03-straight-through-c001", "03-straight-through-install",
        "03-straight-through-c002", "03-straight-through-c003",
        "ex-3-1", "ex-3-1-check", "ex-3-1-solution",
    ]  # fmt: skip


def test_ids_of_a_long_name_stay_valid():
    both = woven(code("x = 1"), path=Path(f"03_{'long_' * 20}name.md"))
    nbformat.validate(both.en)


def test_check_output_gets_nbvals_tag():
    cell = last(woven(tagged("print(1)", "check-output", "hide-input")).en)
    assert cell.metadata.tags == ["hide-input", *OUTPUT_TAGS]


def test_full_scale_is_skipped_and_keeps_its_smoke_values():
    metadata = "---\ntags: [full-scale]\nsmoke: {steps: 2, b: 4, root: STAND_IN}\n---"
    cell = last(woven(code("steps = 10\na, b = 1, 64\nroot = 'cifar'", metadata)).en)
    assert cell.metadata.tags == ["full-scale", *SKIP_TAGS]
    assert cell.metadata.smoke == {"steps": 2, "b": 4, "root": "STAND_IN"}


def test_exercise_becomes_stub_check_and_solution():
    stub, check_cell, solution = woven(EXERCISE).en.cells[-3:]
    assert stub.source == "def f(x):\n    ...  # your code here · 在这里写你的代码"
    assert stub.metadata.tags == ["exercise", *SKIP_TAGS]
    assert check_cell.source == "assert f(1) == 2"
    assert check_cell.metadata.tags == ["check", *SKIP_TAGS]
    assert solution.source == (
        "# @title Solution · 解答\ndef f(x):\n    return x + 1\n\nassert f(1) == 2"
    )
    assert solution.metadata == {
        "tags": ["solution", "hide-cell"], "jupyter": {"source_hidden": True}, "cellView": "form",
        "mystnb": {"code_prompt_show": "Solution", "code_prompt_hide": "Hide the solution"},
    }  # fmt: skip


def test_output_of_a_check_is_kept_by_the_solution():
    source = set_exercise(SOLVED, "check-output")
    _, check_cell, solution = woven(source).en.cells[-3:]
    assert check_cell.metadata.tags == ["check", *SKIP_TAGS]
    assert solution.metadata.tags == ["solution", *OUTPUT_TAGS, "hide-cell"]


def test_exercise_may_have_several_gaps():
    gap = "### BEGIN SOLUTION\n{0} = 1\n### END SOLUTION\n"
    task = gap.format("a") + "between = 2\n" + gap.format("b")
    stub = woven(set_exercise(task)).en.cells[-3].source
    assert stub.count("your code here") == 2
    assert "between = 2" in stub
    assert "= 1" not in stub


def test_figures_are_embedded_by_language(figures):
    en, zh = "![codes in [-1, 1]](figure:arrow)", "![码本](figure:arrow)"
    both = woven(pair(en, zh), figures)
    for language, notebook in (("en", both.en), ("zh", both.zh)):
        png = base64.b64encode(PNG + language.encode()).decode()
        assert last(notebook).source.endswith(f"](data:image/png;base64,{png})")
        assert last(notebook).metadata == {"figures": ["arrow"]}
    assert last(both.en).source.startswith("![codes in [-1, 1]](data:")


def test_a_figure_keeps_its_caption(figures):
    both = woven(
        pair('![codes](figure:arrow "Look left.")', '![码本](figure:arrow "看左边。")'), figures
    )
    assert last(both.en).source.endswith(' "Look left.")')
    assert last(both.zh).source.endswith(' "看左边。")')
    assert last(both.en).metadata == {"figures": ["arrow"]}


def test_words_for_pictures_stay_with_their_language():
    both = woven(described('["six digits", "tokens"]', '["六个数字", "词元"]'))
    assert last(both.en).metadata == {"alt": ["six digits", "tokens"]}
    assert last(both.zh).metadata == {"alt": ["六个数字", "词元"]}


def test_a_chapter_needs_no_front_matter():
    assert woven("", start=TITLE).en.cells[0].source == "# Title"


def test_every_known_tag_but_the_pairs_is_accepted_alone():
    for tag in set(KNOWN_TAGS) - {"exercise", "check", "stub", "lab", "full-scale"}:
        assert tag in last(woven(tagged("import x", tag)).en).metadata.tags


# --- where a bad source is reported -----------------------------------------------------------

EN, ZH = '+++ {"lang": "en"}\n\nWords.\n\n', '+++ {"lang": "zh"}\n\n文字。\n\n'
SMOKE = "---\ntags: [full-scale]\nsmoke: {steps: 2}\n---"
BAD = {
    # body: (body, lines between the title and the culprit, what the message says)
    "en alone at the end": (EN, 0, "not followed by its zh twin"),
    "en before code": (EN + code("x = 1"), 0, "not followed by its zh twin"),
    "en before en": (EN + EN + ZH, 0, "not followed by its zh twin"),
    "en before a shared cell": (EN + "+++\n\n$x$\n\n" + ZH, 0, "not followed by its zh twin"),
    "zh alone": (ZH, 0, "no en cell right before it"),
    "zh before en": (ZH + EN, 0, "no en cell right before it"),
    "zh after code": (EN + ZH + code("x = 1") + ZH, 12, "no en cell right before it"),
    "unknown language": ('+++ {"lang": "fr"}\n\nMots.\n', 0, "unknown lang 'fr'"),
    "language of code": (code("x = 1", ":lang: en\n"), 0, "remove 'lang'"),
    "markdown metadata": ('+++ {"lang": \n\nWords.\n', 0, "cannot be read"),
    "code metadata": (code("x = 1", "---\ntags: [\n---"), 0, "cannot be read"),
    "headings": (pair("## A\n\n### B", "## 甲\n\n## 乙"), 6, "headings ['h2', 'h2']"),
    "formulas": (pair("$$\nx\n$$\n\n$$y$$", "$$\nx\n$$"), 8, "$$ formulas 1"),
    "images": (pair("![a](a.png)", "没有图"), 4, "images 0"),
    "alt of one language": (described('["a"]', "[]"), 4, "is a list of texts"),
    "alt in other numbers": (described('["a", "b"]', '["甲"]'), 4, "describes 1 pictures in `alt`"),
    "alt of code": (code("x = 1", ":alt: [a]\n"), 0, "move 'alt'"),
    "alt as text": (described('"a"', '["甲"]'), 0, "is a list of texts"),
    "alt with a gap": (described('["a", " "]', '["甲", "乙"]'), 0, "is a list of texts"),
    "alt of numbers": (described("[1]", '["甲"]'), 0, "is a list of texts"),
    "alt without language": ('+++ {"alt": ["a"]}\n\n$x$\n', 0, "give the cell a language"),
    "raw cell": ("```{raw-cell}\n\nraw\n```\n", 0, "a raw cell"),
    "unknown tag": (code("y = 1") + tagged("x = 1", "chek-output"), 4, "known tags: check-output"),
    "tags as text": (code("x = 1", ":tags: check-output\n"), 0, "tags, for one, are a list"),
    "markdown tags as text": (
        EN + ZH + '+++ {"tags": "remove-input"}\n\n$x$\n', 8, "tags, for one, are a list"
    ),
    "tag twice": (tagged("x = 1", "hide-input", "hide-input"), 0, "non-unique"),
    "contradiction": (tagged("x = 1", "full-scale", "check-output"), 0, "exclude each other"),
    "output of a stub": (tagged(SOLVED, "exercise", "check-output"), 0, "exclude each other"),
    "no smoke": (tagged("steps = 1", "full-scale"), 0, "how to make it small"),
    "stray smoke": (code("steps = 1", ":smoke: 2\n"), 0, "`full-scale`"),
    "smoke name unknown": (code("epochs = 9", SMOKE), 0, "no literal is assigned to steps"),
    "smoke name computed": (code("steps = 2 * 9", SMOKE), 0, "no literal is assigned to steps"),
    "smoke name local": (
        code("def f():\n    steps = 9", SMOKE), 0, "no literal is assigned to steps"
    ),
    "smoke value": (
        code("steps = 9", "---\ntags: [full-scale]\nsmoke: {steps: 2020-01-01}\n---"),
        0,
        "is not a literal",
    ),
    "magic at full scale": (code("%pip list\nsteps = 9", SMOKE), 0, "no magics"),
    "exercise alone": (tagged(SOLVED, "exercise") + code("x = 1"), 0, "not followed by its check"),
    "prose before a check": (
        tagged(SOLVED, "exercise") + EN + ZH + tagged("f(1)", "check"),
        0,
        "not followed by its check",
    ),
    "check alone": (code("x = 1") + tagged("f(1)", "check"), 4, "no exercise right before it"),
    "figure missing": (pair("![a](figure:a)", "![a](figure:a)"), 0, "not drawn yet"),
    "figure without text": (pair("![ ](figure:arrow)", "![ ](figure:arrow)"), 0, "say in [ ]"),
    "figure without language": ("+++\n\n![a](figure:arrow)\n", 0, "differs by language"),
    "figure with half a caption": (
        pair('![a](figure:arrow "a)', '![a](figure:arrow "a)'), 0, "is not a figure"
    ),
    "figure misspelt": (pair("![a](figure:a b)", "![a](figure:a b)"), 0, "is not a figure"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "offset", "message"), BAD.values(), ids=BAD.keys())
def test_bad_source_is_reported_at_its_line(body, offset, message, figures):
    with pytest.raises(WeaveError) as error:
        woven(body, figures)
    assert str(error.value).startswith(f"{PATH}:{FIRST + offset}: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("x = 1", "holds its solution between"),
        ("### BEGIN SOLUTION\nx = 1", "without `### END SOLUTION`"),
        ("x = 1\n### END SOLUTION", "without `### BEGIN SOLUTION`"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", "inside a solution"),
        ("### BEGIN SOLUTION\n\n### END SOLUTION", "nothing stands between"),
    ],
)
def test_bad_markers_are_reported_at_the_exercise(task, message):
    with pytest.raises(WeaveError) as error:
        woven(code("y = 1") + set_exercise(task))
    assert str(error.value).startswith(f"{PATH}:{FIRST + 16}: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("body", "offset"),
    [
        (code(SOLVED), 0),
        (EXERCISE.replace(CHECK, "### END SOLUTION\nf(1)"), 22),
    ],
)
def test_markers_outside_an_exercise_are_reported(body, offset):
    with pytest.raises(WeaveError) as error:
        woven(body)
    assert str(error.value).startswith(f"{PATH}:{FIRST + offset}: ")
    assert "not tagged `exercise`" in str(error.value)


@pytest.mark.parametrize("words", ["Words after code.", "代码后面的文字。", "- $x$ is an image"])
def test_words_without_a_language_are_reported(words):
    with pytest.raises(WeaveError, match="these words would go to both notebooks"):
        woven(code("x = 1") + f"\n{words}\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        (code("x = 1"), 1),
        ("\n\n$x$\n", 3),
        (FRONT_MATTER + '\n+++ {"lang": "en"}\n\n## Low\n\n+++ {"lang": "zh"}\n\n## 低\n', 7),
        (FRONT_MATTER + code("x = 1"), 6),
    ],
)
def test_a_chapter_without_a_title_is_reported(text, line):
    with pytest.raises(WeaveError) as error:
        weave(text, PATH, figures=Path("nowhere"), repository="")
    assert str(error.value).startswith(f"{PATH}:{line}: ")
    assert "title" in str(error.value)


def test_bad_front_matter_is_reported():
    with pytest.raises(WeaveError) as error:
        woven("", start="---\njupytext: [\n---\n" + TITLE)
    assert str(error.value).startswith(f"{PATH}:1: this metadata cannot be read")


@pytest.mark.parametrize("name", ["3_short.md", "03-dash.md", "03_Upper.md", "notes.md", "03_.md"])
def test_a_badly_named_chapter_is_refused(name):
    with pytest.raises(WeaveError) as error:
        woven("", path=Path(name))
    assert str(error.value).startswith(f"{name}:1: ")
    assert "03_straight_through.md" in str(error.value)


# --- properties -------------------------------------------------------------------------------

WORDS = st.text(alphabet="abc xyz", min_size=1).filter(str.strip).map(str.strip)
CHINESE = st.text(alphabet="码本量化先压缩", min_size=1)
UNITS = st.lists(
    st.tuples(st.just("prose"), WORDS, CHINESE) | st.tuples(st.just("code"), WORDS, st.none())
)


@given(UNITS)
@settings(deadline=None)
def test_every_cell_lands_where_it_belongs_in_order(units):
    body, expected = "", {"en": [], "zh": []}
    for number, (kind, first, second) in enumerate(units):
        # Numbered, so that no cell can pass for another.
        en, zh = f"en {number} {first}", f"第 {number} {second}" if kind == "prose" else None
        body += pair(en, zh) if kind == "prose" else code(en)
        expected["en"].append((kind, en))
        expected["zh"].append((kind, zh or en))
    both = woven(body)
    kinds = {"markdown": "prose", "code": "code"}
    for language, notebook in (("en", both.en), ("zh", both.zh)):
        found = [(kinds[cell.cell_type], cell.source) for cell in notebook.cells[2:]]
        assert found == expected[language]
    assert code_cells(both.en) == code_cells(both.zh)
    assert both.text("en", {}) == woven(body).text("en", {})


# --- numbers and terms --------------------------------------------------------------------------


@pytest.fixture
def records(tmp_path, monkeypatch):
    folder = tmp_path / "vqlib/course/weights/small_codec"
    folder.mkdir(parents=True)
    held_out = {"psnr_db": 28.157, "share": 0.9049, "gain": -1.6, "images": 12_000}
    (folder / "record.json").write_text(json.dumps({"held_out": held_out}))
    experiments = tmp_path / "vqlib/course/experiments/records"
    experiments.mkdir(parents=True)
    (experiments / "small_question.json").write_text(json.dumps({"summary": {"nats": 0.4249}}))
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks/speed.md").write_text("6.7 times as fast, 1,296 tokens")
    monkeypatch.setattr("results.ROOT", tmp_path)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("{{28.2 | small_codec.held_out.psnr_db}} dB", "28.2 dB"),
        ("{{ 28.16|small_codec.held_out.psnr_db }}", "28.16"),
        ("{{90 % | small_codec.held_out.share}}", "90 %"),
        ("{{−1.6 | small_codec.held_out.gain}}", "−1.6"),
        ("{{12,000 | small_codec.held_out.images}}", "12,000"),
        ("{{0.42 | small_question.summary.nats}}", "0.42"),
        ("{{6.7 | benchmarks/speed.md}} times", "6.7 times"),
    ],
)
def test_a_recorded_number_is_shown_alone(records, written, shown):
    both = woven(pair(written, written))
    assert last(both.en).source == last(both.zh).source == shown


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{{28.3 | small_codec.held_out.psnr_db}}", "the record says 28.157"),
        ("{{1.6 | small_codec.held_out.gain}}", "the record says -1.6"),
        ("{{9 | small_codec.held_out.ssim}}", "has no held_out.ssim"),
        ("{{9 | other.held_out.ssim}}", "there is no model and no experiment 'other'"),
        ("{{many | small_codec.held_out.psnr_db}}", "not a number"),
        ("{{6 | benchmarks/speed.md}}", "6 does not stand in"),
        ("{{296 | benchmarks/speed.md}}", "296 does not stand in"),
        ("{{6.7 | benchmarks/slow.md}}", "there is no file"),
        ("{{6.7}} times", "is no result"),
    ],
)
def test_a_number_without_its_record_is_refused(records, written, message):
    with pytest.raises(WeaveError, match=re.escape(message)):
        woven(pair(written, written))


def test_a_formula_may_have_double_braces():
    assert last(woven(pair("$x_{{i}}$", "$x_{{i}}$")).en).source == "$x_{{i}}$"


def test_a_term_leads_to_the_glossary_of_its_language():
    both = woven(pair("the [codebook](term:codebook)", "[码本](term:codebook)"))
    page = "book/pages/{}/glossary.html#term-codebook"
    assert last(both.en).source.endswith(f"/{page.format('en')})")
    assert last(both.zh).source.endswith(f"/zh/{page.format('zh')})")


def test_a_term_that_the_glossary_lacks_is_refused():
    with pytest.raises(WeaveError, match="glossary has no term-kodebook"):
        woven(pair("[codebook](term:kodebook)", "[码本](term:kodebook)"))
