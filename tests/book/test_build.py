"""The build's own functions: settings, tables of contents, cache, log, links. No book is built."""

import json
import os
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from docutils import nodes

from _ext.chapter_head import break_between_words, colab_address, head, part_of, tokenizer
from _ext.language_switch import alternates, links_to_twins, switch_href, twin
from _ext.picture_size import keep_ratio, say_width, say_wordless
from _ext.theme_strings import translate_labels
from _ext.unbroken import join
from _ext.vector_figures import swap_in_notebook
from books import Book, BuildError, check_mirrored, merge, pages, read_books
from build import JUPYTER_BOOK, ROOT, check_complete, check_result, command, find_problems
from execution import (
    KEEP_CACHES,
    environment,
    execution_digest,
    make_kernel,
    open_cache,
    settle_home,
)
from vqlib.show.style import WORDLESS

LANGUAGES = {
    "en": {"folder": "", "hreflang": "en", "name": "English"},
    "zh": {"folder": "zh", "hreflang": "zh-CN", "name": "中文"},
}


def toc(language, *chapters, root="preface"):
    files = [{"file": f"notebooks/{language}/{chapter}"} for chapter in chapters]
    return {"root": f"pages/{language}/{root}", "parts": [{"caption": "c", "chapters": files}]}


def book(language, *chapters):
    return Book(language, {}, toc(language, *chapters), LANGUAGES[language]["folder"])


# --- Settings -----------------------------------------------------------------------------------


def test_merge_goes_into_dicts_and_replaces_the_rest():
    base = {"a": {"x": 1, "y": [1, 2]}, "b": 1}
    assert merge(base, {"a": {"y": [3]}, "c": 2}) == {"a": {"x": 1, "y": [3]}, "b": 1, "c": 2}
    assert base == {"a": {"x": 1, "y": [1, 2]}, "b": 1}, "the base is left as it was"


def test_every_language_builds_on_the_common_settings():
    books = {book.language: book for book in read_books(ROOT)}
    assert list(books) == ["en", "zh"]
    for language, book in books.items():
        sphinx = book.config["sphinx"]["config"]
        assert sphinx["book_language"] == language
        assert book.config["repository"] == books["en"].config["repository"]
        assert book.config["execute"] == books["en"].config["execute"], "outputs are shared"
    assert books["en"].config["title"] != books["zh"].config["title"]


def test_no_page_gets_thebe():
    assert "sphinx_thebe" not in read_books(ROOT)[0].config["sphinx"]["config"]["extensions"]


# --- Tables of contents -------------------------------------------------------------------------


def test_the_books_have_the_same_pages():
    check_mirrored(read_books(ROOT))


def test_pages_come_in_reading_order():
    assert pages(toc("en", "01", "03")) == [
        "pages/en/preface",
        "notebooks/en/01",
        "notebooks/en/03",
    ]


@pytest.mark.parametrize(
    ("chinese", "named"),
    [
        (("01",), "(nothing more)"),
        (("01", "03", "04"), "zh has notebooks/*/04"),
        (("03", "01"), "entry 3: en has notebooks/*/01, zh has notebooks/*/03"),
    ],
)
def test_a_difference_between_the_books_is_named(chinese, named):
    with pytest.raises(BuildError) as error:
        check_mirrored([book("en", "01", "03"), book("zh", *chinese)])
    assert named in str(error.value)


def test_a_page_of_the_wrong_language_is_found():
    stray = Book("zh", {}, toc("en", "01"), "zh")
    with pytest.raises(BuildError, match="differ at entry 1"):
        check_mirrored([book("en", "01"), stray])


# --- The head of a page ---------------------------------------------------------------------------


def test_a_page_is_in_the_part_that_lists_it():
    parts = [["setup"], ["01", "02"]]
    assert [part_of(page, parts) for page in ("setup", "02", "preface")] == [1, 2, 0]


def test_a_chapter_says_where_it_runs_and_how_long_it_takes():
    colab = colab_address("notebooks/en/01.ipynb", "https://github.com/owner/name", "main")
    assert colab.endswith("/github/owner/name/blob/main/notebooks/en/01.ipynb")
    words = {"colab": "Colab", "notebook": "Notebook", "print": "Print", "minutes": "{} min"}
    assert "<span>40 min</span>" in head(words, colab, "01.ipynb", "40")
    assert "<span>" not in head(words, colab, "01.ipynb", "")


def test_a_chinese_title_breaks_between_words():
    title = nodes.title("", "8 · 只看图块的判别器，能看见什么？")
    break_between_words(title, tokenizer("判别器"))
    html = "".join(str(node) for node in title.findall(nodes.Text))
    assert "的<wbr>判别器，能<wbr>看见" in html
    assert title.astext().replace("<wbr>", "") == "8 · 只看图块的判别器，能看见什么？"


def test_a_picture_keeps_its_ratio():
    before = '<img src="a.png" style="width: 733px; height: 134.5px;" />'
    assert (
        keep_ratio(before) == '<img src="a.png" width="733" height="134" style="--drawn: 733px" />'
    )


def test_a_vector_picture_says_how_wide_it_is_and_whether_it_is_a_plot(tmp_path):
    plot, drawing = ("0" * 64 + ".svg", "1" * 64 + ".svg")
    (tmp_path / plot).write_text('<svg width="300.5pt"><g id="plot"></g></svg>')
    (tmp_path / drawing).write_text('<svg width="150pt"><g id="as-drawn"></g></svg>')
    page = f'<img alt="a" src="../_images/{plot}" /><img alt="b" src="../_images/{drawing}" />'
    assert say_width(page, tmp_path) == (
        f'<img alt="a" src="../_images/{plot}" class="plot" style="--drawn: 401px" />'
        f'<img alt="b" src="../_images/{drawing}" style="--drawn: 200px" />'
    )


def test_a_picture_without_words_may_be_as_small_as_it_likes(tmp_path):
    for name, about in (("0" * 64, WORDLESS), ("1" * 64, {})):
        plt.figure().savefig(tmp_path / f"{name}.png", metadata=about)
        plt.close()
    style = ' style="--drawn: 9px"'
    pictures = [f'<img src="../_images/{n * 64}.png" width="9" height="9"' for n in "01"]
    page = "".join(f"{picture}{style} />" for picture in pictures)
    assert say_wordless(page, tmp_path) == f"{pictures[0]} />{pictures[1]}{style} />"


def test_no_line_ends_within_a_size():
    assert join("16 × 16 × 3, 40 min, 2 × x, 约 40 分钟") == (
        "16\u00a0×\u00a016\u00a0×\u00a03, 40\u00a0min, 2 × x, 约 40\u00a0分钟"
    )


# --- Execution ----------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path):
    """A tiny repository: a library with weights, and its requirements."""
    (tmp_path / "vqlib/course").mkdir(parents=True)
    (tmp_path / "vqlib/course/model.safetensors").write_bytes(b"weights")
    (tmp_path / "vqlib/quantize.py").write_text("x = 1\n")
    (tmp_path / "requirements.txt").write_text("torch==1\n")
    return tmp_path


@pytest.mark.parametrize(
    "path",
    ["vqlib/quantize.py", "vqlib/new.py", "vqlib/course/model.safetensors", "requirements.txt"],
)
def test_digest_changes_with_the_library(repository, path):
    before = execution_digest(repository)
    (repository / path).write_text("changed\n")
    assert execution_digest(repository) != before


def test_digest_changes_when_a_file_is_renamed(repository):
    before = execution_digest(repository)
    (repository / "vqlib/quantize.py").rename(repository / "vqlib/quantise.py")
    assert execution_digest(repository) != before


@pytest.mark.parametrize("path", ["vqlib/__pycache__/quantize.pyc", "README.md", "book/a.md"])
def test_digest_ignores_what_outputs_do_not_depend_on(repository, path):
    before = execution_digest(repository)
    (repository / path).parent.mkdir(exist_ok=True)
    (repository / path).write_text("new\n")
    assert execution_digest(repository) == before


def test_caches_long_out_of_use_are_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    old, recent = open_cache("old"), open_cache("recent")
    os.utime(old, (time.time() - KEEP_CACHES - 60,) * 2)
    assert open_cache("now").is_dir()
    assert recent.is_dir()
    assert not old.exists()


def test_a_cache_in_use_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    os.utime(open_cache("used"), (time.time() - KEEP_CACHES - 60,) * 2)
    assert open_cache("used").is_dir()


def test_a_home_that_cannot_be_written_stops_no_build(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/proc/nohome")  # not even root may make it
    settle_home(tmp_path / "home")
    assert Path.home() == tmp_path / "home"
    assert open_cache("here") == tmp_path / "home/.cache/vqlib-book/here"


def test_a_home_that_can_be_written_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    settle_home(tmp_path / "other")
    assert Path.home() == tmp_path


def test_the_kernel_is_the_python_that_builds(tmp_path):
    kernels = make_kernel(make_kernel(tmp_path))  # a second time over the first
    kernel = json.loads((kernels / "kernels/python3/kernel.json").read_text())
    assert kernel["argv"][0] == sys.executable


def test_notebooks_import_this_library_and_draw_inline(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("MPLBACKEND", "agg")
    made = environment(ROOT, tmp_path)
    assert made["PYTHONPATH"].split(":") == [str(ROOT), "/elsewhere"]
    assert made["JUPYTER_PATH"] == str(tmp_path)
    assert "MPLBACKEND" not in made


# --- The call and its log -----------------------------------------------------------------------


def test_only_a_strict_build_turns_warnings_into_errors():
    strict, lenient = command(Path("work"), True), command(Path("work"), False)
    assert strict[: len(JUPYTER_BOOK)] == JUPYTER_BOOK
    assert set(strict) - set(lenient) == {"-W"}


CLEAN_LOG = """\
Running Jupyter-Book v1.0.4.post1
myst-nb v1.4.0: NbParserConfig(execution_raise_on_error=True, output_stderr='warn')
/r/notebooks/en/04_vqvae.ipynb: Executed notebook in 12.30 seconds [mystnb]
Building prefix dict from the default dictionary ...
build succeeded.
"""


@pytest.mark.parametrize(
    "planted",
    [
        "/r/04.ipynb: WARNING: Executing notebook failed: CellExecutionError [mystnb.exec]",
        "/r/04.ipynb:30002: WARNING: stderr was found in the cell outputs of cell 3",
        "/r/preface.md:7: ERROR: Unknown directive type",
        "nbclient.exceptions.CellTimeoutError: A cell timed out",
        "jupyter_client.kernelspec.NoSuchKernel: No such kernel named nope",
        "ValueError: planted",
        "Warning: Validation errors in config:",
    ],
)
def test_a_planted_problem_is_found(planted):
    assert find_problems(CLEAN_LOG) == []
    assert find_problems(CLEAN_LOG + planted + "\n" + planted + "\n") == [planted]


def test_a_problem_fails_the_build_even_if_the_exit_status_is_zero():
    with pytest.raises(BuildError, match="planted"):
        check_result(book("en"), 0, ["WARNING: planted"], strict=True)
    with pytest.raises(BuildError, match="exit status 1"):
        check_result(book("en"), 1, [], strict=False)


def test_a_lenient_build_lists_its_warnings(capsys):
    check_result(book("en"), 0, ["WARNING: planted"], strict=False)
    assert "WARNING: planted" in capsys.readouterr().out


def test_a_page_that_was_not_written_fails_the_build(tmp_path):
    (tmp_path / "pages/en").mkdir(parents=True)
    (tmp_path / "pages/en/preface.html").touch()
    with pytest.raises(BuildError, match="lacks: notebooks/en/01"):
        check_complete(book("en", "01"), tmp_path)


# --- The language switch ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "to_zh"),
    [
        ("book/pages/en/preface", "../../../zh/book/pages/zh/preface.html"),
        ("notebooks/en/01_two_stages", "../../zh/notebooks/zh/01_two_stages.html"),
        ("search", "zh/search.html"),
    ],
)
def test_the_switch_leads_to_the_same_page_and_back(page, to_zh):
    assert switch_href(page, "en", "zh", LANGUAGES) == to_zh
    there = Path("/site") / "zh" / twin(page, "en", "zh")
    back = switch_href(twin(page, "en", "zh"), "zh", "en", LANGUAGES)
    assert (there.parent / back).resolve() == Path("/site") / f"{page}.html"


def test_only_a_whole_folder_name_is_a_language():
    assert twin("notebooks/en/open_end", "en", "zh") == "notebooks/zh/open_end"


def test_a_page_names_its_twins_for_search_engines():
    links = links_to_twins("notebooks/zh/01", "zh", LANGUAGES)
    assert [link["hreflang"] for link in links] == ["en"]
    assert 'hreflang="en" href="../../../notebooks/en/01.html"' in alternates(links)


# --- Labels and figures -------------------------------------------------------------------------


def test_labels_are_translated_and_text_is_not():
    html = '<nav aria-label="Main" class="Main">Main <a title="Main street">x</a></nav>'
    translated = '<nav aria-label="目录" class="Main">Main <a title="Main street">x</a></nav>'
    assert translate_labels(html, {"Main": "目录"}) == translated


def notebook(source, figures):
    return {"cells": [{"cell_type": "markdown", "metadata": figures, "source": source}]}


def test_figures_become_vectors_in_their_order():
    source = ["![a](data:image/png;base64,AA==)\n", "![b](data:image/png;base64,Bb+/9=)"]
    cells = notebook(source, {"figures": ["loss", "grid"]})
    swap_in_notebook(cells, "notebooks/zh/04_vqvae")
    assert cells["cells"][0]["source"] == (
        "![a](../../book/figures/rendered/loss.zh.svg)\n"
        "![b](../../book/figures/rendered/grid.zh.svg)"
    )


def test_a_cell_without_named_figures_is_left_alone():
    cells = notebook("![a](data:image/png;base64,AA==)", {})
    swap_in_notebook(cells, "notebooks/zh/04_vqvae")
    assert cells == notebook("![a](data:image/png;base64,AA==)", {})


def test_figures_and_their_names_must_agree_in_number():
    cells = notebook("![a](data:image/png;base64,AA==)", {"figures": ["loss", "grid"]})
    with pytest.raises(ValueError, match="1 embedded pictures for the 2 figures"):
        swap_in_notebook(cells, "notebooks/en/04_vqvae")
