"""Weave on a whole repository: running chapters, writing notebooks, and `--check`."""

import json

import nbformat
import pytest

from weave import House, check, main

PLAIN = """\
+++ {"lang": "en"}

# Title

+++ {"lang": "zh"}

# 标题
"""
BELOW = PLAIN.count("\n") + 1  # the first line of what a test appends
UNPAIRED = PLAIN + '+++ {"lang": "en"}\n\nWords.\n'
LIVELY = (
    PLAIN
    + """
```{code-cell} ipython3
import sys
from pathlib import Path
```

```{code-cell} ipython3
:tags: [check-output]

print("a")
print(Path.cwd().name)
40 + 2
```

```{code-cell} ipython3
print("noise")
sys.stderr.write("noise")
```

```{code-cell} ipython3
---
tags: [full-scale]
smoke: {steps: 1}
---
steps = 1 / 0 or 2
steps = 3
```

+++ {"lang": "en", "exercise": "1.1"}

### One more

+++ {"lang": "zh", "exercise": "1.1"}

### 加一

```{code-cell} ipython3
---
tags: [exercise]
exercise: {id: "1.1", points: 1, minutes: 5}
---
def f(x):
    ### BEGIN SOLUTION
    return x + 1
    ### END SOLUTION
```

```{code-cell} ipython3
:tags: [check, check-output]

print(f(1))
```
"""
)


@pytest.fixture
def house(tmp_path):
    """A repository without chapters."""
    return make_house(tmp_path)


def make_house(root):
    (root / "book/chapters").mkdir(parents=True)
    (root / "_config.yml").write_text("repository:\n  url: https://example.org/vqlib\n")
    return House(root)


def add_chapter(house, name="01_first", text=PLAIN):
    (house.root / f"book/chapters/{name}.md").write_text(text, encoding="utf-8")


def read_code_cells(house, language):
    notebook = nbformat.read(house.notebook(language, "01_first"), as_version=nbformat.NO_CONVERT)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


# --- running and writing ----------------------------------------------------------------------


def test_weaving_runs_the_chapter_and_stores_the_promised_outputs(house):
    add_chapter(house, text=LIVELY)
    assert main([], house) == 0
    cells = read_code_cells(house, "en")
    assert cells == read_code_cells(house, "zh")
    outputs = {cell.id: cell.outputs for cell in cells if cell.outputs}
    assert list(outputs) == ["01-first-c003", "ex-1-1-solution"]
    (printed, result), (solution,) = outputs.values()
    assert printed == {"output_type": "stream", "name": "stdout", "text": "a\nen\n"}
    assert (result.data, result.execution_count) == ({"text/plain": "42"}, None)
    assert solution.text == "2\n"
    # nbval takes outputs only from a cell with a count, and any other count would be noise.
    assert all(cell.execution_count == (1 if cell.outputs else None) for cell in cells)
    assert check(house) == []


def test_a_lab_runs_with_the_stated_prediction(house, monkeypatch):
    monkeypatch.delenv("PYTEST_VERSION", raising=False)  # as when somebody weaves by hand
    told = "from vqlib.course import predicted\nprint(predicted({'a': ...}, {'a': 1.0}))"
    add_chapter(house, text=PLAIN + f"```{{code-cell}}\n:tags: [check-output]\n\n{told}\n```\n")
    assert main([], house) == 0
    (cell,) = [cell for cell in read_code_cells(house, "en") if cell.outputs]
    assert cell.outputs[0].text == "{'a': 1.0}\n"


def test_words_alone_are_woven_without_running_anything(house):
    add_chapter(house, text=LIVELY)
    main([], house)
    outputs = [cell.outputs for cell in read_code_cells(house, "en")]
    added = '+++ {"lang": "en"}\n\nMore.\n\n+++ {"lang": "zh"}\n\n还有。\n\n```'
    add_chapter(house, text=LIVELY.replace("# 标题", "# 别的标题").replace("```", added, 1))
    assert main(["--text"], house) == 0
    assert [cell.outputs for cell in read_code_cells(house, "zh")] == outputs
    assert "别的标题" in house.notebook("zh", "01_first").read_text("utf-8")
    assert check(house) == []


@pytest.mark.parametrize("changed", [("40 + 2", "40 + 3"), ("check-output", "remove-output")])
def test_words_alone_means_that_no_code_has_changed(house, capsys, changed):
    add_chapter(house, text=LIVELY)
    main([], house)
    before = house.notebook("en", "01_first").read_bytes()
    add_chapter(house, text=LIVELY.replace(*changed, 1).replace("# Title", "# Other"))
    assert main(["--text"], house) == 1
    assert "weave it without --text" in capsys.readouterr().err
    assert house.notebook("en", "01_first").read_bytes() == before


def test_a_chapter_that_promises_no_output_is_not_run(house):
    add_chapter(house, text=PLAIN + "```{code-cell}\n1 / 0\n```\n")
    assert main([], house) == 0


PICTURE = """
from IPython.display import SVG, display

picture = SVG("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")
print(1)
"""
CHECKED = f"```{{code-cell}}\n:tags: [check-output]\n{PICTURE}```\n"
DESCRIBED = BELOW + CHECKED.count("\n") + 1  # the line of the text about the pictures


def with_pictures(alt, *cells):
    """A chapter whose text describes `alt`, then cells that draw; a widget is no picture."""
    words = "".join(f'\n+++ {{"lang": "{lang}", "alt": {alt}}}\n\nW\n' for lang in ("en", "zh"))
    return PLAIN + CHECKED + words + "".join(cells)


def drawing(source, *tags):
    return f"```{{code-cell}}\n:tags: [{', '.join(tags)}]\n\n{source}\n```\n"


WIDGET = "display({'application/vnd.jupyter.widget-view+json': {}, 'image/png': ''}, raw=True)"
EXERCISE = ':exercise: {"id": "1.1", "points": 1, "minutes": 5}\n\n'
SOLVED = "### BEGIN SOLUTION\ndisplay(picture)\n### END SOLUTION"


@pytest.mark.parametrize(
    "cells",
    [
        [drawing("display(picture, picture)")],
        [drawing("display(picture)"), drawing("x = 1"), drawing("picture")],
        [drawing("display(picture)"), drawing(WIDGET), drawing("picture")],
        [drawing("display(picture, picture)"), drawing("display(picture)", "remove-output")],
    ],
)
def test_every_picture_is_described(house, cells):
    add_chapter(house, text=with_pictures('["a", "b"]', *cells))
    assert main([], house) == 0


def test_pictures_of_a_solution_are_described(house):
    task = drawing(SOLVED, "exercise").replace("\n\n", "\n" + EXERCISE, 1)
    text = with_pictures('["a", "b"]', task, drawing("picture", "check"))
    card = text.replace('"alt"', '"exercise": "1.1", "alt"').replace("\nW\n", "\n### W\n")
    add_chapter(house, text=card)
    assert main([], house) == 0


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ([drawing("x = 1")], "0 pictures (lines: none)"),
        ([drawing("display(picture)")], f"1 pictures (lines: {DESCRIBED + 7})"),
        ([drawing("picture"), "+++\n\n$x$\n", drawing("picture")], "1 pictures"),
        ([drawing("display(*3 * [picture])")], "3 pictures"),
    ],
)
def test_pictures_in_another_number_are_reported(house, capsys, cells, found):
    add_chapter(house, text=with_pictures('["a", "b"]', *cells))
    assert main([], house) == 1
    problem = capsys.readouterr().err
    assert f"\nbook/chapters/01_first.md:{DESCRIBED}: " in problem
    assert f"produce {found}" in problem
    assert "the text describes 2" in problem


def test_a_picture_without_words_is_reported(house, capsys):
    add_chapter(house, text=PLAIN + CHECKED + drawing("picture"))
    assert main([], house) == 1
    assert "the text describes 0" in capsys.readouterr().err


def test_weaving_again_touches_nothing(house):
    add_chapter(house)
    main([], house)
    file = house.notebook("en", "01_first")
    before = file.stat().st_mtime_ns, file.stat().st_ino
    assert main([], house) == 0
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before
    assert list(file.parent.iterdir()) == [file]  # and no temporary file stays


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("print('so far')\n1 / 0", "ZeroDivisionError: division by zero"),
        ("import os\nos._exit(1)", "Kernel died"),
        ("import sys\nprint('x', file=sys.stderr)", "wrote to stderr"),
        ("from IPython.display import HTML\nHTML('<b>x</b>')", "shows text only"),
        ("x = 1", "shows nothing"),
    ],
)
def test_a_cell_that_runs_badly_is_reported_at_its_line(house, capsys, source, message):
    cell = f"```{{code-cell}}\n:tags: [check-output]\n\n{source}\n```\n"
    add_chapter(house, text=PLAIN + "```{code-cell}\ny = 1\n```\n" + cell)
    assert main([], house) == 1
    problem = capsys.readouterr().err
    assert f"\nbook/chapters/01_first.md:{BELOW + 3}: " in problem
    assert message in problem
    assert not house.notebook("en", "01_first").exists()


def test_a_bad_chapter_does_not_keep_the_others_from_being_woven(house, capsys):
    add_chapter(house, "01_bad", UNPAIRED)
    add_chapter(house, "02_good")
    assert main([], house) == 1
    assert f"\nbook/chapters/01_bad.md:{BELOW}: " in capsys.readouterr().err
    assert house.notebook("zh", "02_good").exists()


def test_named_chapters_only(house):
    add_chapter(house, "01_first")
    add_chapter(house, "02_second")
    assert main(["02_second"], house) == 0
    assert not house.notebook("en", "01_first").exists()
    assert main(["--check", "02_second"], house) == 0


def test_an_unknown_chapter_is_a_wrong_argument(house, capsys):
    add_chapter(house)
    with pytest.raises(SystemExit) as stop:
        main(["07_nothing"], house)
    assert stop.value.code == 2
    assert "known: 01_first" in capsys.readouterr().err


# --- check ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def woven_files(tmp_path_factory):
    """The notebooks of a repository whose one chapter has been woven and run."""
    house = make_house(tmp_path_factory.mktemp("woven"))
    add_chapter(house, text=LIVELY)
    assert main([], house) == 0
    return {
        language: house.notebook(language, "01_first").read_bytes() for language in ("en", "zh")
    }


@pytest.fixture
def fresh(house, woven_files):
    """A repository of its own with that chapter and those notebooks."""
    add_chapter(house, text=LIVELY)
    for language, content in woven_files.items():
        file = house.notebook(language, "01_first")
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    return house


def edit(file, change):
    """Apply `change` to the cells in a notebook's file."""
    notebook = json.loads(file.read_text("utf-8"))
    change(notebook["cells"])
    text = json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    file.write_text(text, encoding="utf-8")


def with_output(cells):
    return next(cell for cell in cells if cell.get("outputs"))


OTHER_OUTPUT = [{"output_type": "stream", "name": "stdout", "text": ["another\n"]}]
HARM = {
    "missing": lambda file: file.unlink(),
    "not JSON": lambda file: file.write_text("<<<<<<< ours"),
    "not a notebook": lambda file: file.write_text("[]"),
    "other bytes": lambda file: file.write_bytes(file.read_bytes() + b"\n"),
    "an invalid output": lambda file: edit(
        file, lambda cells: with_output(cells).update(outputs=[{}])
    ),
    "an output too few": lambda file: edit(
        file, lambda cells: with_output(cells).update(outputs=[])
    ),
    "an output too many": lambda file: edit(
        file, lambda cells: cells[1].update(outputs=OTHER_OUTPUT)
    ),
    "a cell too few": lambda file: edit(file, lambda cells: cells.pop()),
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("harm", HARM.values(), ids=HARM.keys())
def test_check_names_a_stale_notebook(fresh, capsys, language, harm):
    assert main(["--check"], fresh) == 0
    harm(fresh.notebook(language, "01_first"))
    before = sorted(fresh.root.rglob("*"))
    assert main(["--check"], fresh) == 1
    problem = capsys.readouterr().err
    assert f"notebooks/{language}/01_first.ipynb is not what book/chapters/01_first.md" in problem
    assert problem.endswith("Run: python book/weave.py\n")
    assert sorted(fresh.root.rglob("*")) == before


def test_check_sees_a_changed_source(fresh):
    add_chapter(fresh, text=LIVELY.replace("标题", "新标题"))
    (problem,) = check(fresh)
    assert problem.startswith("notebooks/zh/01_first.ipynb is not what book/chapters/01_first.md")


def test_check_leaves_the_value_of_an_output_to_nbval(fresh):
    for language in ("en", "zh"):
        file = fresh.notebook(language, "01_first")
        edit(file, lambda cells: with_output(cells).update(outputs=OTHER_OUTPUT))
    assert check(fresh) == []


def test_check_names_a_notebook_without_a_source(fresh):
    fresh.notebook("zh", "09_gone").write_text("{}")
    assert check(fresh) == ["notebooks/zh/09_gone.ipynb has no source in book/chapters; delete it"]


def test_check_reports_a_source_that_cannot_be_woven(fresh):
    add_chapter(fresh, text=UNPAIRED)
    (problem,) = check(fresh)
    assert problem.startswith(f"book/chapters/01_first.md:{BELOW}: ")


def test_a_repository_without_an_address_is_reported(house):
    add_chapter(house)
    (house.root / "_config.yml").write_text("title: A book\n")
    (problem,) = check(house)
    assert problem.startswith("_config.yml:1: repository.url is missing")
