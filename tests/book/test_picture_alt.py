"""The words of a notebook's text on the pictures that its code draws."""

import sys

import pytest
from docutils import nodes
from docutils.utils import new_document

from build import ROOT

sys.path.append(str(ROOT / "book/_ext"))  # where Sphinx looks for it
from picture_alt import describe

WIDGET = "application/vnd.jupyter.widget-view+json"


def text(*alt):
    return {"cell_type": "markdown", "metadata": {"alt": list(alt)} if alt else {}}


CODE = {"cell_type": "code", "metadata": {}}


def bundle(*kinds):
    """One output as MyST-NB has it: a container for each of its formats."""
    made = nodes.container(nb_element="mime_bundle")
    for kind in kinds:
        made += nodes.container("", nodes.image(uri="a1b2.png"), mime_type=kind)
    return made


def page(**outputs):
    """A page's tree; `c3=[...]` are the outputs of the notebook's cell 3."""
    document = new_document("page")
    for name, bundles in outputs.items():
        cell = nodes.container(nb_element="cell_code", cell_index=int(name[1:]))
        cell += nodes.container("", *bundles, nb_element="cell_code_output")
        document += cell
    return document


def words(document):
    return [image.get("alt") for image in document.findall(nodes.image)]


def test_pictures_get_their_words_in_order():
    document = page(c1=[bundle("image/png")], c3=[bundle("text/html"), bundle("image/svg+xml")])
    assert describe(document, [text("one", "two"), CODE, CODE, CODE]) == []
    assert words(document) == ["one", None, "two"]


def test_all_formats_of_a_picture_get_the_same_words():
    document = page(c1=[bundle("image/svg+xml", "image/png", "text/plain")])
    assert describe(document, [text("one"), CODE]) == []
    assert words(document)[:2] == ["one", "one"]


def test_words_reach_down_to_the_next_text():
    document = page(c1=[bundle("image/png")], c3=[bundle("image/png")])
    assert describe(document, [text("one"), CODE, text("two"), CODE]) == []
    assert words(document) == ["one", "two"]


def test_a_widget_is_no_picture():
    document = page(c1=[bundle(WIDGET, "image/png")])
    assert describe(document, [text(), CODE]) == []


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ([text(), CODE], "code cells 2 to 2 show 1 pictures, the text describes 0"),
        ([text("a", "b"), CODE], "code cells 2 to 2 show 1 pictures, the text describes 2"),
        ([text("a"), CODE, text("b")], "no code show 0 pictures, the text describes 1"),
    ],
)
def test_another_number_is_reported(cells, problem):
    assert describe(page(c1=[bundle("image/png")]), cells) == [problem]
